import { childEnv, cliEnv } from './cli-env.js';

describe('the configuration of npm start', () => {
  it('serves the examples when no pipelines are named', () => {
    expect(cliEnv([], {}, '')).toMatchObject({
      PIPELINES_PATH: ['examples/pipelines', 'examples/handlers'],
      HANDLERS_PATH: ['examples/handlers'],
      DATA_ROOTS: expect.arrayContaining(['examples/legacy/data', 'node_modules/vega-datasets/data']),
    });
  });

  it("leaves a user's own pipelines alone", () => {
    expect(cliEnv([], { PIPELINES_PATH: 'mine' }, '')).toMatchObject({
      PIPELINES_PATH: ['mine'],
      HANDLERS_PATH: [],
      DATA_ROOTS: ['data'],
    });
  });

  it('reaches the children as they would read it themselves', () => {
    const env = cliEnv(['--log-level', 'debug', '--host=127.0.0.2'], { DATA_ROOTS: 'a,b' }, '');
    const stores = { mongodbUrl: 'mongodb://127.0.0.1:1', redisUrl: 'redis://127.0.0.1:2' };
    const child = cliEnv([], childEnv(env, stores, 8001) as Record<string, string>, '');
    expect(child).toMatchObject({
      HOST: '127.0.0.2',
      PORT: 8001,
      LOG_LEVEL: 'DEBUG',
      MONGODB_URL: stores.mongodbUrl,
      REDIS_URL: stores.redisUrl,
      PIPELINES_PATH: env.PIPELINES_PATH,
      HANDLERS_PATH: env.HANDLERS_PATH,
      DATA_ROOTS: ['a', 'b'],
    });
  });
});
