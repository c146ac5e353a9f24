import 'reflect-metadata';
import { SchemaError } from '@tauro/database';
import { type Env, EnvError, loadEnv, reportCrash } from '@tauro/platform';
import cluster from 'node:cluster';
import { storeError } from './http/store-errors.js';
import { ListenError } from './listen-error.js';
import { runPrimary } from './primary.js';
import { serve } from './serve.js';

const STORE_EXAMPLES = { MONGODB_URL: 'mongodb://localhost:27017', REDIS_URL: 'redis://localhost:6379' };

async function main(): Promise<void> {
  const env = loadEnv();
  requireStores(env);
  if (env.WORKERS > 1 && cluster.isPrimary) await runPrimary(env);
  else await serve(env);
}

/** The embedded stores belong to `npm start`, which tells its processes where they are. */
function requireStores(env: Env): void {
  const problem =
    'is not set, and the API alone starts no store; set it, or run npm start, which brings its own';
  const problems = (['MONGODB_URL', 'REDIS_URL'] as const)
    .filter((name) => env[name] === undefined)
    .map((name) => ({ name, problem, example: `${name}=${STORE_EXAMPLES[name]}` }));
  if (problems.length > 0) throw new EnvError(problems);
}

main().catch(async (error: unknown) => {
  process.stderr.write(`${explain(error)}\n`);
  if (!isPlain(error) && !storeError(error)) await reportCrash(error);
  process.exit(1);
});

/** Whether a person can put it right. */
const isPlain = (error: unknown): boolean =>
  [EnvError, ListenError, SchemaError].some((plain) => error instanceof plain);

/** What a person can put right is said plainly, anything else with its stack. */
function explain(error: unknown): string {
  if (isPlain(error)) return (error as Error).message;
  if (!(error instanceof Error)) return String(error);
  return storeError(error)
    ? `A store cannot be reached: ${error.message}. Start it, or correct MONGODB_URL or REDIS_URL.`
    : (error.stack ?? error.message);
}
