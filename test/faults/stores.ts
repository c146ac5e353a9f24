import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { mongo } from 'mongoose';
import type * as platform from '../../libs/platform/src/index.js';
import { ROOT } from '../support/server-process.js';
import { waitFor } from '../support/wait-for.js';

export type StoreName = 'mongod' | 'redis';

/**
 * A MongoDB and a Redis of the fault suite's own. Whoever started them brings one that is killed back on the
 * same data and port, a second later, as it does for `npm start`; and ends both should this process be killed.
 */
export class FaultStores {
  private constructor(
    readonly mongodbUrl: string,
    readonly redisUrl: string,
    private readonly dataDir: string,
    private readonly release: () => Promise<void>,
  ) {}

  static async start(): Promise<FaultStores> {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- a path that exists only after the build
    const built = require(join(ROOT, 'dist/libs/platform/src/index.js')) as typeof platform;
    const dataDir = mkdtempSync(join(tmpdir(), 'tauro-faults-'));
    const { MONGODB_URL: _m, REDIS_URL: _r, ...rest } = process.env;
    const env = built.loadEnv([], { ...rest, DATA_DIR: dataDir }, '');
    const log = (line: string): void => void process.stderr.write(`stores: ${line}\n`);
    const stores = await built.startStores(env, { log });
    return new FaultStores(stores.mongodbUrl, stores.redisUrl, dataDir, () => stores.stop());
  }

  async stop(): Promise<void> {
    await this.release();
    rmSync(this.dataDir, { recursive: true, force: true });
  }

  /** kill -9. @returns milliseconds until it answered again. */
  async crash(name: StoreName): Promise<number> {
    const began = performance.now();
    const killed = this.pidOf(name)!;
    process.kill(killed, 'SIGKILL');
    const what = `${name} to come back`;
    await waitFor(() => (this.pidOf(name) ?? killed) !== killed && this.answers(name), {
      what,
      timeout: 60_000,
    });
    return performance.now() - began;
  }

  /** Everything that Redis knows is gone, and it goes on. */
  async flushRedis(): Promise<void> {
    const redis = new Redis(this.redisUrl);
    await redis.flushall();
    redis.disconnect();
  }

  private pidOf(name: StoreName): number | undefined {
    const path = join(this.dataDir, name, 'server.pid');
    return existsSync(path) ? Number(readFileSync(path, 'utf8').split(' ')[0]) : undefined;
  }

  private async answers(name: StoreName): Promise<boolean> {
    if (name === 'redis') {
      const redis = new Redis(this.redisUrl, { lazyConnect: true, retryStrategy: () => null });
      redis.on('error', () => undefined);
      try {
        await redis.connect();
        return (await redis.ping()) === 'PONG';
      } finally {
        redis.disconnect();
      }
    }
    const client = new mongo.MongoClient(this.mongodbUrl, { serverSelectionTimeoutMS: 500 });
    try {
      return (await client.db('admin').command({ hello: 1 })).isWritablePrimary === true;
    } finally {
      await client.close();
    }
  }
}
