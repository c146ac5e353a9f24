import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { type Env } from './env.js';
import { loadEnv } from './load-env.js';

const load = (source: Record<string, string>, argv: string[] = []): Env =>
  loadEnv(argv, source, '/no/such/.env');

describe('loadEnv', () => {
  it('needs nothing to be set', () => {
    expect(load({})).toMatchObject({
      HOST: '127.0.0.1',
      PORT: 8000,
      WORKERS: 1,
      LOG_LEVEL: 'INFO',
      MONGODB_URL: undefined,
      CORS_ALLOW_ORIGINS: ['http://localhost:3000', 'http://localhost:5173'],
      LOG_ROTATION: 100_000_000,
      LOG_RETENTION: 2_592_000_000,
      PIPELINES_PATH: [],
      DATA_ROOTS: ['data'],
    });
  });

  it.each([
    ['PORT', '9000', 9000],
    ['RELOAD', 'YES', true],
    ['ENABLE_METRICS', '0', false],
    ['LOG_LEVEL', 'warning', 'WARNING'],
    ['DEFAULT_RETRY_DELAY', '0.5', 0.5],
    ['CORS_ALLOW_METHODS', '["GET", "POST"]', ['GET', 'POST']],
    ['WORKER_TAGS', 'gpu, eu-west,', ['gpu', 'eu-west']],
    ['SCHEDULER_TIMEZONE', 'Europe/Madrid', 'Europe/Madrid'],
    ['LOG_FILE', 'none', undefined],
    ['TRUST_PROXY', '2', 2],
    ['TRUST_PROXY', 'loopback', 'loopback'],
    ['TRUST_PROXY', '10.0.0.0/8, fd00::/8, 192.0.2.1', '10.0.0.0/8, fd00::/8, 192.0.2.1'],
    ['PORT', '', 8000],
    ['PORT', '  9000 ', 9000],
  ] as const)('reads %s=%s', (name, text, value) => {
    expect(load({ [name]: text })[name]).toEqual(value);
  });

  it.each([
    ['PORT', '80a', '"80a" is not a whole number from 0 to 65535; for example PORT=8000'],
    ['PORT', '70000', '"70000" is not a whole number from 0 to 65535'],
    ['RELOAD', 'maybe', '"maybe" is neither true nor false; for example RELOAD=true'],
    ['LOG_LEVEL', 'LOUD', '"LOUD" is none of INFO, DEBUG, WARNING, ERROR, CRITICAL'],
    ['LOG_ROTATION', '100', '"100" is not a size with a unit'],
    ['LOG_RETENTION', 'soon', '"soon" is not a duration with a unit'],
    ['CORS_ALLOW_ORIGINS', '["a", 1]', 'is not a JSON list of strings'],
    ['CORS_ALLOW_ORIGINS', '["a"', 'is not a JSON list of strings'],
    ['SCHEDULER_TIMEZONE', 'Mars/Olympus', '"Mars/Olympus" is not an IANA time zone'],
    ['QUEUE_PREFIX', 'a b', '"a b" is not a name of at most 63 letters'],
    ['TRUST_PROXY', 'foo', '"foo" is neither true, false, a number of hops, nor a list of addresses'],
    ['TRUST_PROXY', '10.0.0.0/33', 'nor a list of addresses and subnets; for example TRUST_PROXY=loopback'],
    [
      'HOST',
      'not a host',
      '"not a host" is neither an IP address nor a host name; for example HOST=127.0.0.1',
    ],
    ['HOST', '127.0.0.256', 'is neither an IP address nor a host name'],
    ['HEARTBEAT_SECONDS', '6', 'is more than half of LEASE_SECONDS'],
  ])('refuses %s=%s', (name, text, told) => {
    expect(() => load({ [name]: text })).toThrow(told);
  });

  it('tells every problem at once', () => {
    expect(() => load({ PORT: 'x', WORKERS: '0', DEBUG: 'x' })).toThrow(/PORT[^]*WORKERS[^]*DEBUG/);
  });

  it('never prints a secret', () => {
    const wrong = { MONGODB_URL: 'postgres://root:hunter2@db', REDIS_URL: 'hunter2', SENTRY_DSN: 'hunter2' };
    const told = thrown(() => load(wrong));
    expect(told).toContain('MONGODB_URL: is not a URL that starts with mongodb:// or mongodb+srv://');
    expect(told).not.toContain('hunter2');
  });

  describe('precedence', () => {
    let folder: string;
    beforeEach(() => {
      folder = mkdtempSync(join(tmpdir(), 'tauro-env-'));
      writeFileSync(join(folder, '.env'), 'PORT=1111\nHOST=127.0.0.2\nLOG_LEVEL=ERROR\nWORKERS=3\n');
    });
    afterEach(() => rmSync(folder, { recursive: true }));

    it('is: command line, process environment, .env, fallbacks, default', () => {
      const env = loadEnv(
        ['--port', '3333', '--log-level=debug', 'demo', '--exit'],
        { PORT: '2222', HOST: '127.0.0.3', WORKERS: '' },
        join(folder, '.env'),
        { WORKERS: '9', WORKER_PROCESSES: '5' },
      );
      expect(env).toMatchObject({
        PORT: 3333,
        LOG_LEVEL: 'DEBUG',
        HOST: '127.0.0.3',
        WORKERS: 3,
        WORKER_PROCESSES: 5,
        QUEUE_PREFIX: 'tauro',
      });
    });

    it('tells a flag without a value', () => {
      expect(() => load({}, ['--port'])).toThrow('nothing after --port');
    });
  });

  describe('what the boot refuses', () => {
    it.each([
      ['a network address without auth', { HOST: '0.0.0.0' }, 'ALLOW_UNAUTHENTICATED_NETWORK=true'],
      ['credentials for every origin', { CORS_ALLOW_ORIGINS: '["*"]' }, 'CORS_ALLOW_ORIGINS: a wildcard'],
      [
        'an origin with a path',
        { CORS_ALLOW_ORIGINS: '["https://a.example/"]' },
        'CORS_ALLOW_ORIGINS: has an entry that no browser sends',
      ],
      [
        'an origin without a scheme',
        { CORS_ALLOW_ORIGINS: 'app.example.com' },
        'for example CORS_ALLOW_ORIGINS=',
      ],
      ['the origin of sandboxed pages', { CORS_ALLOW_ORIGINS: 'null' }, 'CORS_ALLOW_ORIGINS: has an entry'],
      ['HTTPS that nobody can tell', { REQUIRE_HTTPS: 'true' }, 'REQUIRE_HTTPS: would refuse everything'],
      [
        'auth with a key that can be guessed',
        { ENABLE_AUTH: 'true', SECRET_KEY: 'k3PzI1qk9M0b' },
        'SECRET_KEY: is shorter than 32 characters',
      ],
      ['a first key that can be guessed', { BOOTSTRAP_API_KEY: 'letmein' }, 'BOOTSTRAP_API_KEY: is shorter'],
      [
        'tokens of whomever',
        { JWT_JWKS_URL: 'https://id.example.com/jwks' },
        'JWT_JWKS_URL: needs JWT_ISSUER',
      ],
      [
        'public keys that may be replaced on the way',
        { JWT_JWKS_URL: 'http://id.example.com/jwks', JWT_ISSUER: 'i', JWT_AUDIENCE: 'a' },
        'JWT_JWKS_URL: is not https',
      ],
      [
        'handlers where pipelines write',
        { DATA_ROOTS: 'data,srv', HANDLERS_PATH: 'srv/jobs/handlers' },
        'DATA_ROOTS: hold a folder of HANDLERS_PATH',
      ],
      [
        'handlers found where pipelines write',
        { DATA_ROOTS: '.', HANDLERS_PATH: 'handlers' },
        'DATA_ROOTS: hold a folder of HANDLERS_PATH',
      ],
      ['auth with the published key', { ENABLE_AUTH: 'true' }, 'SECRET_KEY: is the published placeholder'],
    ])('%s', (_what, source, told) => {
      expect(() => load(source)).toThrow(told);
    });

    it.each([
      { HOST: '0.0.0.0', ALLOW_UNAUTHENTICATED_NETWORK: 'true' },
      { CORS_ALLOW_ORIGINS: '*', CORS_ALLOW_CREDENTIALS: 'false' },
      { CORS_ALLOW_ORIGINS: 'https://app.example.com,http://localhost:3000,moz-extension://a-b' },
      { REQUIRE_HTTPS: 'true', TRUST_PROXY: 'loopback' },
      { DATA_ROOTS: 'srv/data', HANDLERS_PATH: 'srv/data-handlers,srv' },
      { HOST: 'localhost' },
      { HOST: '0.0.0.0', ENABLE_AUTH: 'true', SECRET_KEY: 'k'.repeat(32) },
      { JWT_JWKS_URL: 'http://127.0.0.1:9/jwks', JWT_ISSUER: 'i', JWT_AUDIENCE: 'a' },
      { HOST: '::1' },
      { HOST: '[::1]' },
      { HOST: 'tauro-1.example.com', ALLOW_UNAUTHENTICATED_NETWORK: 'true' },
    ])('but not %j', (source) => {
      expect(() => load(source as unknown as Record<string, string>)).not.toThrow();
    });
  });

  it.each([
    [{}, true],
    [{ HOST: '0.0.0.0', ALLOW_UNAUTHENTICATED_NETWORK: 'true' }, false],
    [{ ENABLE_AUTH: 'true', SECRET_KEY: 'k'.repeat(32) }, false],
    [{ EGRESS_ALLOW_PRIVATE: 'false' }, false],
  ])('with %j private egress is %s', (source, allowed) => {
    expect(load(source as Record<string, string>).EGRESS_ALLOW_PRIVATE).toBe(allowed);
  });
});

function thrown(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('nothing was thrown');
}
