import { Redis } from 'ioredis';
import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { chain, noop } from '../test/support/nodes.js';
import { Tauro } from '../test/support/tauro.js';
import { User } from '../test/support/user.js';
import { waitFor } from '../test/support/wait-for.js';
import { cpuSeconds } from './cpu.js';
import { type Figure } from './figure.js';
import { RunEnds } from './run-ends.js';

const CLIENTS = 20;
/** Slots per second, each of a schedule of its own. */
const SCHEDULES = 30;
const SECONDS = 6;
/** Lets what is told late be told. */
const SETTLE_MS = 500;

/**
 * What a run costs: requests to the database, commands to Redis, time of processors. Unlike a rate, counts say the same on
 * a machine that has other work too. What each request is for goes to the terminal.
 */
export async function measureCosts(): Promise<Figure[]> {
  const ids = Array.from({ length: 10 }, (_, i) => `n${i}`);
  const one = { nodes: [noop('only')], start: true };
  const ten = { nodes: ids.map((id) => noop(id)), edges: chain(...ids), start: true };
  return [
    ...(await created('POST /runs of one node', { ...one, start: false, runs: 500, clients: CLIENTS })),
    ...(await created('the same, started, one by one', { ...one, runs: 60, clients: 1 })),
    ...(await created('the same, 20 clients', { ...one, runs: 500, clients: CLIENTS })),
    ...(await created('chain of 10, one by one', { ...ten, runs: 30, clients: 1 })),
    ...(await scheduled(1)),
    ...(await scheduled(3)),
  ];
}

interface Work {
  nodes: object[];
  edges?: object[];
  start: boolean;
  runs: number;
  clients: number;
}

async function created(what: string, { nodes, edges = [], start, runs, clients }: Work): Promise<Figure[]> {
  const tauro = await Tauro.start({
    workers: 1,
    env: { MAX_CONCURRENT_RUNS: '0', WORKER_CONCURRENCY: '20' },
  });
  const ends = await RunEnds.watch(tauro);
  try {
    const user = new User(tauro.api);
    const project = await user.project();
    const pipeline = (await user.pipeline(project, nodes, { edges })).id as string;
    const work = async (): Promise<number> => {
      let left = runs;
      const client = async (): Promise<void> => {
        while (left-- > 0) {
          const id = await user.start(project, pipeline, { start });
          if (start) await ends.of(id);
        }
      };
      await Promise.all(Array.from({ length: clients }, client));
      return runs;
    };
    await work();
    return await costsOf(tauro, what, work);
  } finally {
    await ends.close();
    await tauro.stop();
  }
}

async function scheduled(workers: number): Promise<Figure[]> {
  const tauro = await Tauro.start({ workers, env: { MAX_CONCURRENT_RUNS: '0' } });
  try {
    const user = new User(tauro.api);
    const project_id = await user.project();
    const pipeline_id = (await user.pipeline(project_id, [noop('only')])).id as string;
    for (let i = 0; i < SCHEDULES; i++) {
      const start_at = new Date(Date.now() + (i * 1000) / SCHEDULES).toISOString();
      const body = { project_id, pipeline_id, kind: 'INTERVAL', expression: '1s', start_at };
      const { status } = await tauro.api.post('/api/v1/schedules', body);
      if (status !== 201) throw new Error(`a schedule was answered ${status}`);
    }
    const stored = tauro.database.collection('pipeline_runs');
    const ends = (): Promise<number> => stored.countDocuments({ state: 'SUCCESS' });
    await waitFor(async () => (await ends()) > SCHEDULES * 3, { what: 'the first slots' });
    return await costsOf(tauro, `scheduled run of one node, ${workers} workers`, async () => {
      const before = await ends();
      await sleep(SECONDS * 1000);
      return (await ends()) - before;
    });
  } finally {
    await tauro.stop();
  }
}

/** @param work is done twice, and asks the database for nothing itself; it tells how many runs it was. */
async function costsOf(tauro: Tauro, what: string, work: () => Promise<number>): Promise<Figure[]> {
  const redis = new Redis(tauro.env.REDIS_URL!);
  const processes: Record<string, number[]> = {
    API: [tauro.apiProcess().pid],
    workers: tauro.workers.map(({ pid }) => pid),
    MongoDB: storesAt(tauro.env.MONGODB_URL!),
    Redis: storesAt(tauro.env.REDIS_URL!),
  };
  const counters = async (): Promise<number[]> => [
    await requests(tauro),
    Number(/total_commands_processed:(\d+)/.exec(await redis.info('stats'))![1]),
    ...Object.values(processes).map((pids) => cpuSeconds(pids) * 1000),
  ];
  try {
    const before = await counters();
    const runs = await work();
    await sleep(SETTLE_MS);
    const after = await counters();
    const told = await writesAndReads(tauro, work);
    const each = ((after[0]! - before[0]!) / runs).toFixed(2);
    console.error(
      `${what}: ${each} requests to MongoDB per run\n${told.map(({ name, per }) => `  ${per.toFixed(2)} ${name}`).join('\n')}`,
    );
    const names = ['requests to MongoDB', 'commands to Redis', ...Object.keys(processes)];
    return names.map((name, i) => ({
      what: i === 0 ? `${what}: ${name}` : i === 1 ? `  ${name}` : `  processor time, ${name}`,
      measured: (after[i]! - before[i]!) / runs,
      unit: i < 2 ? 'per run' : 'ms per run',
    }));
  } finally {
    redis.disconnect();
  }
}

/** Requests that carry work; the two that this counts with are among them. */
const REQUESTS = [
  'find',
  'insert',
  'update',
  'delete',
  'findAndModify',
  'bulkWrite',
  'aggregate',
  'count',
  'commitTransaction',
];

async function requests(tauro: Tauro): Promise<number> {
  const { metrics } = await tauro.database.admin().command({ serverStatus: 1 });
  const commands = metrics.commands as Record<string, { total?: number }>;
  return sum(REQUESTS.map((name) => Number(commands[name]?.total ?? 0)));
}

/** Each write and read for itself, also where several are one request; as MongoDB's profiler tells them, which costs too. */
async function writesAndReads(
  tauro: Tauro,
  work: () => Promise<number>,
): Promise<{ name: string; per: number }[]> {
  const db = tauro.database;
  await db.createCollection('system.profile', { capped: true, size: 200_000_000 });
  await db.command({ profile: 2 });
  const runs = await work();
  await sleep(SETTLE_MS);
  await db.command({ profile: 0 });
  const fields = (of: string): object => ({
    $map: { input: { $objectToArray: { $ifNull: [of, {}] } }, in: '$$this.k' },
  });
  const filter = { $setUnion: [fields('$command.filter'), fields('$command.q')] };
  const found = await db
    .collection('system.profile')
    .aggregate<{ _id: { op: string; ns: string; filter: string[] }; times: number }>([
      { $match: { op: { $ne: 'getmore' } } },
      { $group: { _id: { op: '$op', ns: '$ns', filter }, times: { $sum: 1 } } },
      { $sort: { times: -1 } },
    ])
    .toArray();
  return found
    .map(({ _id, times }) => ({
      name: `${_id.op} ${_id.ns.split('.').slice(1).join('.')} ${_id.filter.join(' ')}`,
      per: times / runs,
    }))
    .filter(({ per }) => per >= 0.02);
}

const sum = (values: number[]): number => values.reduce((total, value) => total + value, 0);

/** The process of a store that this measure has started, by the port in its command line. */
const storesAt = (url: string): number[] =>
  execFileSync('pgrep', ['-f', `(--port |:)${new URL(url).port}( |$)`], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map(Number);
