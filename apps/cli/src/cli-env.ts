import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';

import { type Env, loadEnv } from '@tauro/platform';

/** A checkout that names no pipelines of its own serves the examples, so that there is something to try. */
const EXAMPLES = {
  PIPELINES_PATH: 'examples/pipelines,examples/handlers',
  HANDLERS_PATH: 'examples/handlers',
  DATA_ROOTS: 'data,examples/legacy/data,node_modules/vega-datasets/data,.tauro/output',
};

/** The configuration of `npm start`, `dev` and `demo`. @throws EnvError */
export function cliEnv(argv: string[], source = process.env, dotenvPath = '.env'): Env {
  const env = loadEnv(argv, source, dotenvPath);
  if (env.PIPELINES_PATH.length > 0 || !existsSync('examples/pipelines')) return env;
  return loadEnv(argv, source, dotenvPath, EXAMPLES);
}

/** The demo is a client too: where clients need a key and none is configured, it has one for as long as it runs. */
export const demoEnv = (env: Env): Env =>
  env.ENABLE_AUTH && !env.BOOTSTRAP_API_KEY
    ? { ...env, BOOTSTRAP_API_KEY: randomBytes(32).toString('base64url') }
    : env;

/** Whoever develops wants to see changes at once. */
export const devEnv = (env: Env): Env => ({ ...env, RELOAD: true });

/** What the children are told on top of the environment they inherit; they read `.env` themselves. */
export function childEnv(
  env: Env,
  urls: { mongodbUrl: string; redisUrl: string },
  port: number,
): NodeJS.ProcessEnv {
  return {
    ...process.env,
    HOST: env.HOST,
    PORT: String(port),
    LOG_LEVEL: env.LOG_LEVEL,
    RELOAD: String(env.RELOAD),
    // The supervisor turns the lines into text when somebody looks at them.
    LOG_FORMAT: 'json',
    MONGODB_URL: urls.mongodbUrl,
    REDIS_URL: urls.redisUrl,
    BOOTSTRAP_API_KEY: env.BOOTSTRAP_API_KEY,
    PIPELINES_PATH: JSON.stringify(env.PIPELINES_PATH),
    HANDLERS_PATH: JSON.stringify(env.HANDLERS_PATH),
    DATA_ROOTS: JSON.stringify(env.DATA_ROOTS),
  };
}
