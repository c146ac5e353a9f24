import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';

import { type Env } from '../env/env.js';
import { DownloadCache } from './cache.js';
import { type Hold, holdServers } from './guardian-client.js';
import { MONGOD_ADVICE, mongodRoutes } from './mongod-routes.js';
import { freePort } from './ports.js';
import { REDIS_ADVICE, redisRoutes } from './redis-routes.js';
import { ensurePrimary } from './replica-set.js';
import { firstOpen } from './route.js';
import { type Log } from './run-tool.js';
import { mongodSpec, redisSpec, type ServerSpec } from './server-spec.js';

/** Where the stores are, and how to let go of those that were started. */
export interface Stores {
  mongodbUrl: string;
  redisUrl: string;
  /** Ends the embedded stores, unless another process uses them too. Data stays. */
  stop(): Promise<void>;
}

type StoreEnv = Pick<Env, 'MONGODB_URL' | 'REDIS_URL' | 'DATA_DIR' | 'TAURO_CACHE_DIR'>;

/**
 * Makes sure there is a MongoDB and a Redis: those of MONGODB_URL and REDIS_URL, else embedded ones with their data
 * under DATA_DIR, on loopback ports of their own, that end with this process even if it is killed.
 * @param options.log told in one line which one was taken, and of every longer wait
 * @throws Error that says what to install or set when there is no way to get one
 */
export async function startStores(env: StoreEnv, { log }: { log: Log }): Promise<Stores> {
  if (env.MONGODB_URL) log('MongoDB: the one of MONGODB_URL');
  if (env.REDIS_URL) log('Redis: the one of REDIS_URL');
  const dataDir = resolve(env.DATA_DIR);
  const specs = await embeddedServers(env, dataDir, log);
  if (specs.length === 0)
    return { mongodbUrl: env.MONGODB_URL!, redisUrl: env.REDIS_URL!, stop: async () => {} };

  const hold = await holdServers(dataDir, specs, log);
  try {
    const { mongod, redis } = hold.ports;
    if (mongod) await ensurePrimary(mongod);
    rememberPorts(dataDir, hold.ports);
    for (const { name, folder } of specs) {
      log(`${name}: listening on 127.0.0.1:${hold.ports[name]}, data in ${relative('', folder) || '.'}`);
    }
    return {
      mongodbUrl: env.MONGODB_URL ?? `mongodb://127.0.0.1:${mongod}/?directConnection=true`,
      redisUrl: env.REDIS_URL ?? `redis://127.0.0.1:${redis}`,
      stop: once(hold),
    };
  } catch (error) {
    await hold.release();
    throw error;
  }
}

async function embeddedServers(env: StoreEnv, dataDir: string, log: Log): Promise<ServerSpec[]> {
  const cache = new DownloadCache(env.TAURO_CACHE_DIR);
  const ports = rememberedPorts(dataDir);
  const specs: ServerSpec[] = [];
  if (!env.MONGODB_URL) {
    const binary = await firstOpen('MongoDB', mongodRoutes(cache, log), MONGOD_ADVICE, log);
    specs.push(mongodSpec(binary, dataDir, await freePort(ports.mongod)));
  }
  if (!env.REDIS_URL) {
    const binary = await firstOpen('Redis', redisRoutes(cache, log), REDIS_ADVICE, log);
    specs.push(redisSpec(binary, dataDir, await freePort(ports.redis)));
  }
  return specs;
}

type Ports = Record<string, number | undefined>;

/** The same ports as last time, so that a database client's bookmark keeps working. */
function rememberedPorts(dataDir: string): Ports {
  try {
    return JSON.parse(readFileSync(join(dataDir, 'stores.json'), 'utf8')) as Ports;
  } catch {
    return {};
  }
}

function rememberPorts(dataDir: string, ports: Ports): void {
  mkdirSync(dataDir, { recursive: true });
  writeFileSync(
    join(dataDir, 'stores.json'),
    JSON.stringify({ ...rememberedPorts(dataDir), ...ports }, null, 2),
  );
}

function once(hold: Hold): () => Promise<void> {
  let released: Promise<void> | undefined;
  return () => (released ??= hold.release());
}
