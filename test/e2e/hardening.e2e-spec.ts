import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { type Answer, type ApiClient } from '../support/api-client.js';
import { Cable } from '../support/cable.js';
import { noop } from '../support/nodes.js';
import { Tauro } from '../support/tauro.js';
import { expectStatus, User } from '../support/user.js';
import { waitFor } from '../support/wait-for.js';

const FRIEND = 'https://app.example.com';
const STRANGER = 'https://evil.example.com';

const expectError = ({ status, body }: Answer, expected: number, code: string): void =>
  expect([status, body?.error?.code, Array.isArray(body?.error?.details)]).toEqual([expected, code, true]);

describe('what protects the API', () => {
  let tauro: Tauro;
  let api: ApiClient;
  let user: User;
  let mongodb: Cable;

  beforeAll(async () => {
    mongodb = await Cable.to(process.env.TEST_MONGODB_URL!);
    tauro = await Tauro.start({
      workers: 0,
      env: {
        CORS_ALLOW_ORIGINS: JSON.stringify([FRIEND]),
        CORS_ALLOW_METHODS: '["GET","POST"]',
        MONGODB_URL: mongodb.url,
        REQUEST_TIMEOUT: '1.5',
      },
    });
    api = tauro.api;
    user = new User(api);
  });
  afterAll(async () => {
    await tauro?.stop();
    await mongodb?.close();
  });

  describe('from web pages', () => {
    const preflight = (origin: string): Promise<Answer> =>
      api.send('OPTIONS', '/api/v1/projects', undefined, {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'content-type',
      });

    it('lets those call that are on the list, by the methods and headers that are on theirs', async () => {
      const { status, headers } = await preflight(FRIEND);
      expect(status).toBeLessThan(300);
      expect(headers.get('access-control-allow-origin')).toBe(FRIEND);
      expect(headers.get('access-control-allow-credentials')).toBe('true');
      expect(headers.get('access-control-allow-methods')).toBe('GET,POST');
      expect(headers.get('access-control-allow-headers')).toBe('Content-Type,Authorization,X-Request-ID');
      expect(headers.get('access-control-max-age')).toBe('3600');
      expect(headers.get('vary')).toMatch(/Origin/);
      const answer = await api.get('/api/v1/projects', { origin: FRIEND });
      expect(answer.headers.get('access-control-allow-origin')).toBe(FRIEND);
      expect(answer.headers.get('access-control-expose-headers')).toMatch(
        /X-Request-ID.*RateLimit-Remaining/,
      );
    });

    it('gives no other one leave, and takes no change from it', async () => {
      expect((await preflight(STRANGER)).headers.get('access-control-allow-origin')).toBeNull();
      const read = await api.get('/api/v1/projects', { origin: STRANGER });
      expect(read.headers.get('access-control-allow-origin')).toBeNull();
      const write = await api.post('/api/v1/projects', { name: 'theirs' }, { origin: STRANGER });
      expectError(write, 403, 'FORBIDDEN');
    });
  });

  describe('by headers', () => {
    it.each(['/api/v1/projects', '/health', '/api/v1/nothing'])('tells browsers about %s', async (path) => {
      const { headers } = await api.get(path);
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('x-frame-options')).toBe('DENY');
      expect(headers.get('referrer-policy')).toBe('no-referrer');
      expect(headers.get('content-security-policy')).toMatch(/^default-src 'none';/);
      expect(headers.get('strict-transport-security')).toBeNull();
      expect(headers.get('x-powered-by')).toBeNull();
    });

    it.each(['/docs', '/redoc'])('lets %s draw itself from here and from nowhere else', async (path) => {
      const page = await fetch(tauro.url + path);
      const policy = page.headers.get('content-security-policy')!;
      expect(policy).toContain("script-src 'self';");
      expect(policy).not.toMatch(/https?:|unsafe-eval|\*/);
      // The policy forbids scripts within the page, so there must be none.
      expect((await page.text()).match(/<script(?![^>]*\bsrc=)[^>]*>/g)).toBeNull();
    });

    it('tells its version, and how long it took', async () => {
      for (const path of ['/api/v1/projects', '/health', '/api/v1/nothing']) {
        const { headers } = await api.get(path);
        expect(headers.get('x-api-version')).toMatch(/^\d+\.\d+\.\d+$/);
        expect(headers.get('server-timing')).toMatch(/^app;dur=\d+\.\d$/);
      }
    });

    it('tells when a name is an old one, and which is to be used', async () => {
      const id = await user.project();
      const { headers } = await api.get(`/api/v1/projects/${id}/statistics`);
      expect(headers.get('deprecation')).toMatch(/^@\d{10}$/);
      const link = /^<([^>]+)>; rel="successor-version"$/.exec(headers.get('link')!)!;
      const successor = new URL(link[1]!, `${tauro.url}/api/v1/projects/${id}/statistics`).pathname;
      const answer = await api.get(successor);
      expect([answer.status, answer.headers.has('deprecation')]).toEqual([200, false]);
      const years =
        (Date.parse(headers.get('sunset')!) / 1000 - Number(headers.get('deprecation')!.slice(1))) / 31556952;
      expect(years).toBeCloseTo(2, 1);
    });
  });

  describe('by limits', () => {
    it('answers 504 in the envelope when a store keeps it waiting, and goes on when it is back', async () => {
      const path = `/api/v1/projects/${await user.project()}`;
      const before = performance.now();
      mongodb.stall();
      const answer = await api.get(path);
      expectError(answer, 504, 'TIMEOUT');
      expect(answer.body.error.message).toContain('1.5 seconds');
      expect(performance.now() - before).toBeLessThan(20_000);
      mongodb.pull();
      mongodb.plug();
      await tauro.ready();
      expect((await api.get(path)).status).toBe(200);
    });

    it('does not end a stream that takes longer', async () => {
      const id = await createdRun();
      const opened = performance.now();
      const stream = api.events(`/api/v1/runs/${id}/logs`);
      const first = stream.next();
      await waitFor(() => performance.now() - opened > 2000, { what: 'more than REQUEST_TIMEOUT to pass' });
      await api.post(`/api/v1/runs/${id}/cancel`);
      expect((await first).value?.data).toMatch(/cancel/i);
      await stream.return(undefined);
    });

    it.each([
      ['nested without end', () => '['.repeat(400_000) + ']'.repeat(400_000)],
      ['nested without end in params', () => `{"params":${'{"a":'.repeat(1e5)}1${'}'.repeat(1e5)}}`],
      ['a number without end', () => `{"name":"n","metadata":{"n":1${'0'.repeat(1000)}}}`],
      ['a key of the prototype', () => '{"name":"n","__proto__":{"admin":true}}'],
      ['one further down', () => '{"name":"n","metadata":{"a":[{"constructor":{"prototype":{"x":1}}}]}}'],
    ])('refuses %s', async (_what, body) => {
      expectError(await api.post('/api/v1/projects', body()), 422, 'VALIDATION_ERROR');
      expectError(await api.post('/api/v1/runs', body()), 422, 'VALIDATION_ERROR');
    });

    it('reads no more of a body that swells than it would take in the clear', async () => {
      const swelling = gzipSync(`{"name":"n","description":"${'x'.repeat(50_000_000)}"}`);
      expect(swelling.length).toBeLessThan(100_000);
      const response = await fetch(`${tauro.url}/api/v1/projects`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' },
        body: swelling,
      });
      expect([response.status, ((await response.json()) as { error: { code: string } }).error.code]).toEqual([
        413,
        'PAYLOAD_TOO_LARGE',
      ]);
    });

    it('takes a search for what it says, however it looks as a pattern', async () => {
      const runId = await createdRun();
      const slow = encodeURIComponent('(a+)+$');
      for (const path of [`/api/v1/runs/${runId}/logs?search=${slow}`, `/api/v1/projects?name=${slow}`]) {
        const before = performance.now();
        const { status } = await api.get(path, { accept: 'application/json' });
        expect([200, 422]).toContain(status);
        expect(performance.now() - before).toBeLessThan(1400);
      }
    });

    const createdRun = async (): Promise<string> => {
      const project_id = await user.project();
      const { id: pipeline_id } = await user.pipeline(project_id, [noop('only')]);
      return expectStatus(await api.post('/api/v1/runs', { project_id, pipeline_id }), 201).id;
    };
  });
});

describe('behind a proxy that ends HTTPS', () => {
  let tauro: Tauro;
  beforeAll(async () => {
    tauro = await Tauro.start({ workers: 0, env: { REQUIRE_HTTPS: 'true', TRUST_PROXY: 'loopback' } });
  });
  afterAll(() => tauro?.stop());

  it('refuses what came in the clear, probes aside', async () => {
    for (const headers of [undefined, { 'x-forwarded-proto': 'http' }]) {
      expectError(await tauro.api.get('/api/v1/projects', headers), 403, 'FORBIDDEN');
    }
    expect((await tauro.api.get('/health')).status).toBe(200);
    expect((await tauro.api.get('/metrics')).status).toBe(200);
  });

  it('serves what came by HTTPS, and tells browsers to come so for a year', async () => {
    const { status, headers } = await tauro.api.get('/api/v1/projects', { 'x-forwarded-proto': 'https' });
    expect(status).toBe(200);
    expect(headers.get('strict-transport-security')).toBe('max-age=31536000');
  });

  it('believes no header of a client that no proxy vouches for', async () => {
    const direct = await Tauro.start({
      workers: 0,
      env: { TRUST_PROXY: '192.0.2.1', REQUIRE_HTTPS: 'true' },
    });
    try {
      const { hostname, port } = new URL(direct.url);
      const socket = connect(Number(port), hostname);
      socket.end(
        `GET /api/v1/info HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-Proto: https\r\nConnection: close\r\n\r\n`,
      );
      expect(await text(socket)).toMatch(/^HTTP\/1\.1 403 /);
    } finally {
      await direct.stop();
    }
  });
});
