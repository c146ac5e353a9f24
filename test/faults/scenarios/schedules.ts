import { setTimeout as sleep } from 'node:timers/promises';
import { noop } from '../../support/nodes.js';
import { User } from '../../support/user.js';
import { waitFor } from '../../support/wait-for.js';
import { quantile } from '../history/measures.js';
import { QUICK, type Scenario, seconds as shown, unless } from '../scenario.js';
import { type Setting, type Stage } from '../stage.js';

interface Params extends Setting {
  schedules: number;
  seconds: number;
  kills: number;
}

interface Slot {
  schedule_id: string;
  scheduled_for: Date;
  until: Date | null;
  state: string;
  run_id: string | null;
}

/** A small machine makes fewer runs than 60 a second while its workers are killed; that none is lost is what is looked at. */
const CATCH_UP_MS = 1_500_000;
const DRAIN_MS = 1_500_000;

/** Schedules that are due every second, while workers are killed, Redis forgets everything and the API is away. */
export const schedules: Scenario<Params> = {
  name: 'schedules',
  full: { workers: 3, schedules: 60, seconds: 600, kills: 20, timed: true },
  short: { workers: 2, schedules: 6, seconds: 12, kills: 2, env: QUICK },

  async perform(stage, { schedules: count, seconds, kills }) {
    const began = Date.now();
    const ids = await prepare(stage, count, new Date(began + seconds * 1000));
    const at = (part: number): Promise<void> =>
      sleep(Math.max(0, began + part * seconds * 1000 - Date.now()));
    for (let i = 0; i < kills; i++) {
      await at((i + 0.5) / kills);
      const { process } = stage.random.pick(stage.running());
      await process.kill();
      stage.addWorker();
      if (i === Math.floor(kills / 2)) {
        await stage.stores.flushRedis();
        await stage.tauro.apiProcess().kill();
        await at((i + 1) / kills);
        stage.tauro.startApi();
      }
    }
    await at(1);
    await stage.tauro.ready();
    // Once every slot up to the end has been decided upon.
    await waitFor(() => upToDate(stage, ids), { what: 'every schedule to catch up', timeout: CATCH_UP_MS });
    const drain = await stage.drained(DRAIN_MS);
    return {
      did: `${count} schedules of 1 s, ${kills} x kill -9, one FLUSHALL, no API for a while`,
      ...(await verdict(stage, ids, drain)),
    };
  },
};

async function prepare(stage: Stage, count: number, end_at: Date): Promise<string[]> {
  const user = new User(stage.tauro.api);
  const project_id = await user.project();
  const pipeline_id = (await user.pipeline(project_id, [noop('only')])).id;
  // A machine that has too much to do may come more than the grace of a slot too late: it has to catch up with all.
  const timing = { kind: 'INTERVAL', expression: '1s', end_at, misfire: 'all', coalesce: false };
  const body = { project_id, pipeline_id, ...timing, max_concurrency: 1000 };
  const ids: string[] = [];
  for (let i = 0; i < count; i++) {
    const { body: answer } = await stage.tauro.api.post('/api/v1/schedules', body);
    ids.push(answer.data.id as string);
  }
  return ids;
}

async function upToDate(stage: Stage, ids: string[]): Promise<boolean> {
  const undecided = { $or: [{ next_run_at: { $ne: null } }, { 'engine.decisions.0': { $exists: true } }] };
  const schedules = stage.tauro.database.collection<{ _id: string }>('schedules');
  return (await schedules.countDocuments({ _id: { $in: ids }, ...undecided })) === 0;
}

async function verdict(stage: Stage, ids: string[], drain: number) {
  const { database } = stage.tauro;
  const slots = (await database
    .collection('schedule_slots')
    .find()
    .sort({ scheduled_for: 1 })
    .toArray()) as unknown as Slot[];
  const runs = await database
    .collection('pipeline_runs')
    .find({}, { projection: { schedule_id: 1, scheduled_for: 1, created_at: 1 } })
    .toArray();
  const byId = new Map(runs.map((run) => [String(run._id), run]));
  const of = (id: string): Slot[] => slots.filter(({ schedule_id }) => schedule_id === id);
  const gaps = ids.flatMap((id) =>
    of(id).filter(
      (slot, i, all) => i > 0 && slot.scheduled_for.getTime() - all[i - 1]!.scheduled_for.getTime() !== 1000,
    ),
  );
  const runless = slots.filter(
    ({ run_id, state }) => run_id === null || !byId.has(run_id) || state === 'SKIPPED',
  );
  const doubled =
    runs.length -
    new Set(runs.map((run) => `${run.schedule_id} ${(run.scheduled_for as Date).getTime()}`)).size;
  const late = runs.map((run) => (run.created_at as Date).getTime() - (run.scheduled_for as Date).getTime());
  for (const { run_id } of slots) if (run_id) stage.acknowledged(run_id, 'create', 'start');
  return {
    measured: {
      slots: slots.length,
      missed: gaps.length + runless.length,
      duplicates: doubled,
      'lateness p50': shown(quantile(late, 0.5)),
      'lateness p99': shown(quantile(late, 0.99)),
      latest: shown(Math.max(...late)),
      drain: shown(drain),
    },
    broken: [
      ...unless(
        gaps.length === 0,
        `${gaps.length} gaps between slots, the first before ${gaps[0]?.scheduled_for.toISOString()}`,
      ),
      ...unless(runless.length === 0, `${runless.length} slots without a run: ${JSON.stringify(runless[0])}`),
      ...unless(doubled === 0, `${doubled} slots with two runs`),
      ...unless(slots.length === runs.length, `${runs.length} runs for ${slots.length} slots`),
      ...unless(
        ids.every((id) => of(id).length > 2),
        'a schedule has hardly run',
      ),
    ],
  };
}
