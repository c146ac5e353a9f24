import { type Answer, ApiClient } from '../support/api-client.js';
import { Cable } from '../support/cable.js';
import { ServerProcess } from '../support/server-process.js';
import { freePort, Tauro } from '../support/tauro.js';
import { waitFor } from '../support/wait-for.js';

const LIMIT = 12;
const WINDOW = 600;

describe('a client that asks too often', () => {
  let tauro: Tauro;
  let second: ServerProcess;
  let replica: ApiClient;
  let cable: Cable;

  beforeAll(async () => {
    cable = await Cable.to(process.env.TEST_REDIS_URL!);
    tauro = await Tauro.start({
      workers: 0,
      env: {
        REDIS_URL: cable.url,
        RATE_LIMIT_ENABLED: 'true',
        RATE_LIMIT_REQUESTS: String(LIMIT),
        RATE_LIMIT_WINDOW: String(WINDOW),
        TRUST_PROXY: 'loopback',
      },
    });
    const port = String(await freePort());
    second = new ServerProcess('api 2', 'apps/api/src/main.js', { ...tauro.env, PORT: port }, tauro.files);
    replica = new ApiClient(`http://127.0.0.1:${port}`);
    await waitFor(async () => (await replica.get('/health/ready')).status === 200, { what: 'api 2' });
  });
  afterAll(async () => {
    await second?.stop();
    await tauro?.stop();
    await cable?.close();
  });

  let clients = 0;
  /** Somebody who has asked for nothing yet. */
  const stranger = (): Record<string, string> => ({ 'x-forwarded-for': `192.0.2.${++clients}` });

  const rest = ({ headers }: Answer): number => Number(headers.get('ratelimit-remaining'));
  const statuses = (answers: Answer[]): number[] => answers.map(({ status }) => status).sort();

  it('is refused beyond the limit by whichever replica it asks, and told when to come back', async () => {
    const me = stranger();
    const answers = await Promise.all(
      Array.from({ length: LIMIT + 8 }, (_, i) => [tauro.api, replica][i % 2]!.get('/api/v1/info', me)),
    );
    expect(statuses(answers)).toEqual([...Array(LIMIT).fill(200), ...Array(8).fill(429)]);
    const { body, headers } = answers.find(({ status }) => status === 429)!;
    expect(body.error.code).toBe('RATE_LIMIT_EXCEEDED');
    expect(body.error.message).toContain(`${LIMIT} read requests in ${WINDOW} seconds`);
    expect(body.meta.request_id).toBe(headers.get('x-request-id'));
    expect(headers.get('ratelimit-limit')).toBe(String(LIMIT));
    expect(headers.get('ratelimit-remaining')).toBe('0');
    expect(headers.get('ratelimit-policy')).toBe(`${LIMIT};w=${WINDOW}`);
    const wait = Number(headers.get('retry-after'));
    expect(wait).toBeGreaterThan(WINDOW - 60);
    expect(wait).toBeLessThanOrEqual(WINDOW);
    expect(headers.get('ratelimit-reset')).toBe(String(wait));

    // What was read too often may still be written, and others are not touched.
    expect((await tauro.api.post('/api/v1/projects', {}, me)).status).toBe(422);
    expect(rest(await replica.get('/api/v1/info', stranger()))).toBe(LIMIT - 1);
  });

  it('is counted also for what is refused, and for what does not exist', async () => {
    const me = stranger();
    await tauro.api.get('/api/v1/nothing', me);
    await tauro.api.get('/api/v1/runs?limit=x', me);
    expect(rest(await tauro.api.get('/api/v1/info', me))).toBe(LIMIT - 3);
    await tauro.api.post('/api/v1/projects', '{', me);
    expect(rest(await tauro.api.post('/api/v1/projects', {}, me))).toBe(LIMIT - 2);
    expect(rest(await tauro.api.post('/api/v1/runs', {}, me))).toBe(LIMIT - 1);
  });

  it('may ask for health and metrics as often as it likes', async () => {
    const me = stranger();
    for (const path of ['/health', '/health/live', '/health/ready', '/metrics']) {
      const answers = await Promise.all(Array.from({ length: LIMIT + 1 }, () => tauro.api.get(path, me)));
      expect(answers.every(({ status }) => status === 200)).toBe(true);
      expect(answers.some(({ headers }) => headers.has('ratelimit-limit'))).toBe(false);
    }
  });

  const said = (words: string) =>
    waitFor(() => tauro.logs().includes(words), { what: `'${words}' in the log` });

  it('is let through while Redis is away, and counted on once it is back', async () => {
    const me = stranger();
    expect(rest(await tauro.api.get('/api/v1/info', me))).toBe(LIMIT - 1);
    cable.pull();
    try {
      for (let i = 0; i < LIMIT + 3; i++) {
        const { status, headers } = await tauro.api.get('/api/v1/info', me);
        expect([status, headers.has('ratelimit-limit')]).toEqual([200, false]);
      }
      await said('requests are not limited');
    } finally {
      cable.plug();
    }
    const counted = await waitFor(
      async () => {
        const answer = await tauro.api.get('/api/v1/info', me);
        return answer.headers.has('ratelimit-limit') && answer;
      },
      { what: 'requests to be limited again', everyMs: 250 },
    );
    expect(rest(counted as Answer)).toBe(LIMIT - 2);
    await said('requests are limited again');
  });
});
