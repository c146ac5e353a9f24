import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { Redis } from 'ioredis';
import mongoose from 'mongoose';

import { ROOT } from '../support/server-process.js';
import { waitFor } from '../support/wait-for.js';

/** What a supervisor does with the stores, in a process that can be killed. */
const HOLDER = `
  const { loadEnv, startStores } = require(process.argv[1]);
  const log = (line) => console.error(line);
  startStores(loadEnv([], process.env, ''), { log }).then(
    (stores) => {
      console.log(JSON.stringify(stores));
      process.stdin.resume().once('end', () => stores.stop().then(() => process.exit(0)));
    },
    (error) => { console.error(error); process.exit(1); },
  );
`;

interface Holder {
  process: ChildProcess;
  mongodbUrl: string;
  redisUrl: string;
  log: string;
}

describe('embedded stores', () => {
  let folder: string;
  const holders: Holder[] = [];

  beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'tauro-stores-'))));
  afterEach(async () => {
    await Promise.all(holders.splice(0).map(leave));
    await waitFor(() => serverPids().every((pid) => !alive(pid)), { what: 'the servers to end' });
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  async function hold(): Promise<Holder> {
    const { PATH, HOME, TAURO_CACHE_DIR } = process.env;
    const child = spawn(process.execPath, ['-e', HOLDER, join(ROOT, 'dist/libs/platform/src/index.js')], {
      env: { PATH, HOME, TAURO_CACHE_DIR, DATA_DIR: join(folder, 'data') },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const holder: Holder = { process: child, mongodbUrl: '', redisUrl: '', log: '' };
    child.stderr.setEncoding('utf8').on('data', (text: string) => (holder.log += text));
    const ended = once(child, 'exit').then(() => Promise.reject(new Error(holder.log)));
    const [line] = await Promise.race([once(createInterface(child.stdout), 'line'), ended]);
    ended.catch(() => undefined);
    holders.push(Object.assign(holder, JSON.parse(line as string)));
    return holder;
  }

  async function leave({ process: child }: Holder): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.stdin!.end();
    await exited;
  }

  function serverPids(): number[] {
    return ['mongod', 'redis'].flatMap((name) => {
      const path = join(folder, 'data', name, 'server.pid');
      return existsSync(path) ? Number(readFileSync(path, 'utf8').split(' ')[0]) : [];
    });
  }

  it('keep their data from one start to the next, and leave no process in between', async () => {
    const first = await hold();
    await usingBoth(first, async (db, redis) => {
      // A transaction needs a replica set with a primary.
      await db.transaction(async (session) => {
        await db.collection('notes').insertOne({ text: 'kept' }, { session });
      });
      await redis.set('note', 'kept');
    });
    const pids = serverPids();
    expect(pids).toHaveLength(2);
    await leave(first);
    expect(pids.filter(alive)).toEqual([]);

    const second = await hold();
    expect([second.mongodbUrl, second.redisUrl]).toEqual([first.mongodbUrl, first.redisUrl]);
    await usingBoth(second, async (db, redis) => {
      expect(await db.collection('notes').findOne()).toMatchObject({ text: 'kept' });
      expect(await redis.get('note')).toBe('kept');
      expect(await redis.config('GET', 'maxmemory-policy')).toContain('noeviction');
    });
    expect(second.log).toMatch(/MongoDB: .+\nRedis: .+/);
  });

  it('are shared by a second start in the same folder until the last one leaves', async () => {
    const [first, second] = await Promise.all([hold(), hold()]);
    expect(second.mongodbUrl).toBe(first.mongodbUrl);
    const pids = serverPids();
    await leave(first);
    await usingBoth(second, async (_db, redis) => expect(await redis.ping()).toBe('PONG'));
    await leave(second);
    expect(pids.filter(alive)).toEqual([]);
  });

  it('end with a supervisor that is killed', async () => {
    const { process: child } = await hold();
    const pids = serverPids();
    child.kill('SIGKILL');
    await waitFor(() => !pids.some(alive), { what: 'the servers to end' });
  });

  it('come back when one of them is killed', async () => {
    const stores = await hold();
    const [mongod, redis] = serverPids();
    process.kill(redis!, 'SIGKILL');
    await waitFor(() => serverPids()[1] !== redis, { what: 'another redis' });
    await waitFor(() => usingBoth(stores, (_db, client) => client.ping()), { what: 'redis to answer' });
    expect(serverPids()[0]).toBe(mongod);
  });

  it('start again over what a killed guardian left running', async () => {
    const { process: child } = await hold();
    const left = serverPids();
    const { pid } = JSON.parse(readFileSync(join(folder, 'data/guardian.json'), 'utf8')) as { pid: number };
    process.kill(pid, 'SIGKILL');
    child.kill('SIGKILL');
    const next = await hold();
    expect(left.filter(alive)).toEqual([]);
    await usingBoth(next, async (db) => expect(await db.collection('notes').countDocuments()).toBe(1));
  });
});

/** Whether a process is there and not merely waiting to be collected. */
function alive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

async function usingBoth<T>(
  { mongodbUrl, redisUrl }: Holder,
  use: (db: mongoose.Connection, redis: Redis) => Promise<T>,
): Promise<T> {
  const db = await mongoose.createConnection(mongodbUrl, { dbName: 'stores_test' }).asPromise();
  const redis = new Redis(redisUrl);
  redis.on('error', () => undefined);
  try {
    return await use(db, redis);
  } finally {
    redis.disconnect();
    await db.close();
  }
}
