import { noop } from '../test/support/nodes.js';
import { Tauro } from '../test/support/tauro.js';
import { User } from '../test/support/user.js';
import { waitFor } from '../test/support/wait-for.js';
import { type Figure, median } from './figure.js';
import { ownMb } from './memory.js';

const MANY = 5000;
const SPREAD = 1000;
const AT_ONCE = 1000;
const CLIENTS = 20;
const BACKFILL = 10_000;
const MINUTE = 60_000;

/** How fast a backfill makes its runs, and what that costs in memory. */
export async function measureBackfill(): Promise<Figure[]> {
  const tauro = await Tauro.start({
    workers: 1,
    env: { MAX_CONCURRENT_RUNS: '0', WORKER_CONCURRENCY: '20' },
  });
  try {
    const user = new User(tauro.api);
    const project_id = await user.project();
    const pipeline_id = (await user.pipeline(project_id, [noop('only')])).id;
    const timing = { kind: 'CRON', expression: '* * * * *', enabled: false };
    const { body } = await tauro.api.post('/api/v1/schedules', { project_id, pipeline_id, ...timing });
    const { pid } = tauro.workers[0]!;
    const before = ownMb(pid);
    const began = performance.now();
    const path = `/api/v1/schedules/${body.data.id as string}/backfill`;
    const made = await tauro.api.post(path, { count: BACKFILL, max_concurrency: 1000 });
    let most = before;
    await waitFor(
      async () => {
        most = Math.max(most, ownMb(pid));
        const { data } = (await tauro.api.get(`/api/v1/backfills/${made.body.data.id as string}`)).body;
        return data.state === 'COMPLETED';
      },
      { what: 'the backfill to end', timeout: 10 * MINUTE, everyMs: 250 },
    );
    const rate = (BACKFILL / (performance.now() - began)) * 1000;
    return [
      {
        what: `backfill of ${BACKFILL} slots, runs made and ended`,
        measured: rate,
        unit: 'runs/s',
        atLeast: 100,
      },
      { what: 'what the worker itself grows by meanwhile', measured: most - before, unit: 'MB', atMost: 200 },
    ];
  } finally {
    await tauro.stop();
  }
}

/** How many schedules can be made and carried, how late their runs are, and how many can be due at one moment. */
export async function measureSchedules(): Promise<Figure[]> {
  const tauro = await Tauro.start({
    workers: 1,
    env: { MAX_CONCURRENT_RUNS: '0', WORKER_CONCURRENCY: '20' },
  });
  try {
    const user = new User(tauro.api);
    const project_id = await user.project();
    const pipeline_id = (await user.pipeline(project_id, [noop('only')])).id;
    const base = { project_id, pipeline_id, kind: 'INTERVAL' };
    const create = async (count: number, fields: (i: number) => object): Promise<void> => {
      let next = 0;
      const client = async (): Promise<void> => {
        for (let i = next++; i < count; i = next++) {
          const { status, body } = await tauro.api.post('/api/v1/schedules', { ...base, ...fields(i) });
          if (status !== 201) throw new Error(JSON.stringify(body));
        }
      };
      await Promise.all(Array.from({ length: CLIENTS }, client));
    };
    const runs = tauro.database.collection('pipeline_runs');

    const began = performance.now();
    await create(MANY, () => ({ expression: '1d' }));
    const creating = (performance.now() - began) / 1000;
    // A full second by which so many more are made.
    const soon = (count: number): number =>
      Math.ceil(Date.now() / 1000 + (count / MANY) * creating * 2 + 5) * 1000;
    await tauro.apiProcess().stop();
    const restart = performance.now();
    tauro.startApi();
    await tauro.ready();
    const boot = (performance.now() - restart) / 1000;

    const first = soon(SPREAD);
    const spread = (i: number): object => ({
      expression: '1m',
      start_at: new Date(first + (i * MINUTE) / SPREAD).toISOString(),
    });
    await create(SPREAD, spread);

    await waitFor(async () => (await runs.countDocuments()) >= 2 * SPREAD, {
      what: 'two minutes',
      timeout: 4 * MINUTE,
    });
    const late = await lateness(runs);
    await disableAll(tauro);
    await runs.deleteMany({});

    const rates: number[] = [];
    for (let round = 0; round < 3; round++) {
      const moment = soon(AT_ONCE);
      await create(AT_ONCE, () => ({ expression: '1h', start_at: new Date(moment).toISOString() }));
      await waitFor(async () => (await runs.countDocuments()) === AT_ONCE, {
        what: 'all runs',
        timeout: MINUTE,
      });
      const [last] = await runs.find().sort({ queued_at: -1 }).limit(1).toArray();
      rates.push(AT_ONCE / (((last!.queued_at as Date).getTime() - moment) / 1000));
      await disableAll(tauro);
      await settled(tauro);
      await runs.deleteMany({});
    }
    return [
      { what: `creating ${MANY} schedules, ${CLIENTS} clients`, measured: creating, unit: 's', atMost: 30 },
      { what: `API ready again with ${MANY} schedules`, measured: boot, unit: 's', atMost: 5 },
      {
        what: `${SPREAD} schedules over a minute: lateness, median`,
        measured: late.p50,
        unit: 'ms',
        atMost: 50,
      },
      { what: 'the same, 99th percentile', measured: late.p99, unit: 'ms', atMost: 500 },
      {
        what: `${AT_ONCE} due at one moment: started`,
        measured: median(rates),
        unit: 'runs/s',
        atLeast: 300,
      },
    ];
  } finally {
    await tauro.stop();
  }
}

type Runs = ReturnType<Tauro['database']['collection']>;

async function lateness(runs: Runs): Promise<{ p50: number; p99: number }> {
  const all = await runs.find({}, { projection: { scheduled_for: 1, queued_at: 1 } }).toArray();
  const late = all
    .map((run) => (run.queued_at as Date).getTime() - (run.scheduled_for as Date).getTime())
    .sort((a, b) => a - b);
  return { p50: median(late), p99: late[Math.ceil(late.length * 0.99) - 1]! };
}

/** By hand: what is measured is over. */
async function disableAll(tauro: Tauro): Promise<void> {
  await tauro.database.collection('schedules').deleteMany({});
}

const settled = (tauro: Tauro): Promise<unknown> =>
  waitFor(
    async () =>
      (await tauro.database.collection('pipeline_runs').countDocuments({ state: { $ne: 'SUCCESS' } })) === 0,
    { what: 'all runs to end', timeout: MINUTE },
  );
