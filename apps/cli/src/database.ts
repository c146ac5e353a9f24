import { type Env, startStores } from '@tauro/platform';

import { type Shutdown } from './supervisor/shutdown.js';

/** The embedded database, the one that `npm start` uses, unless MONGODB_URL names another. */
export async function withDatabase(env: Env, log: (line: string) => void, shutdown: Shutdown): Promise<Env> {
  if (env.MONGODB_URL) return env;
  const stores = await startStores(env, { log });
  shutdown.add(() => stores.stop());
  return { ...env, MONGODB_URL: stores.mongodbUrl };
}
