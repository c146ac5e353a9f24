import { type Run, type Schedule } from '@tauro/database';
import { type NodeDefinition } from '@tauro/domain';
import {
  BackfillService,
  type NewSchedule,
  PipelineService,
  RunReader,
  ScheduleService,
  Ticker,
} from '@tauro/orchestration';
import { randomBytes } from 'node:crypto';
import { DONE, Engine } from '../support/engine.js';
import { newSchedule } from '../support/new-schedule.js';
import { waitFor } from '../support/wait-for.js';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const node = (id: string, depends_on: string[] = []): NodeDefinition => ({
  id,
  type: 'wait',
  depends_on,
  config: { seconds: 0 },
});

describe.each([
  ['without a limit on all runs', '0'],
  ['with MAX_CONCURRENT_RUNS', '10'],
])('the runs of a schedule %s', (_, MAX_CONCURRENT_RUNS) => {
  let engine: Engine;
  let other: Engine;
  let pipeline: { pipeline_id: string; pipeline_name: string };
  beforeAll(async () => {
    engine = await Engine.start(undefined, { MAX_CONCURRENT_RUNS });
    other = await Engine.start(engine.database, { MAX_CONCURRENT_RUNS });
    const name = `p_${randomBytes(6).toString('hex')}`;
    const definition = { name, nodes: [node('work'), node('rest', ['work'])] };
    const made = await engine.app.get(PipelineService).create({ project_id: engine.project, definition });
    pipeline = { pipeline_id: made.pipeline._id, pipeline_name: name };
  });
  afterEach(async () => {
    const open = await engine.db.runs.find({ state: { $in: ['QUEUED', 'RUNNING'] } }).toArray();
    for (const { _id } of open) await engine.runs.cancelIfActive(_id);
  });
  afterAll(async () => {
    await other.stop();
    await engine.stop({ drop: true });
  });

  const schedules = (): ScheduleService => engine.app.get(ScheduleService);
  const tick = (id: string, by = engine): Promise<void> => by.app.get(Ticker).tick(id);
  /** One run at a time, every second unless told otherwise. @param behind ms since a worker has looked. */
  const schedule = async (behind: number, fields: Partial<NewSchedule> = {}): Promise<Schedule> => {
    const every = { kind: 'INTERVAL' as const, expression: '1s', max_concurrency: 1 };
    const wanted = newSchedule({ project_id: engine.project, ...pipeline }, { ...every, ...fields });
    const [made] = await schedules().create([wanted]);
    const cursor = new Date(Date.now() - behind);
    const set = { 'engine.cursor': cursor, 'engine.enabled_at': cursor };
    await engine.db.schedules.updateOne({ _id: made!._id }, { $set: set });
    return { ...made!, engine: { ...made!.engine, cursor } };
  };
  /** Nobody else takes slots that pass meanwhile. */
  const slotPasses = async (): Promise<void> => {
    const from = Date.now();
    await waitFor(() => Date.now() - from > SECOND, { what: 'a slot to pass' });
  };
  const runsOf = (id: string): Promise<Run[]> =>
    engine.db.runs.find({ schedule_id: id }).sort({ scheduled_for: 1 }).toArray();
  /** Those that have begun and not ended: their first task is with the workers. */
  const underWay = async (id: string): Promise<Run[]> => {
    const runs = (await runsOf(id)).filter(({ state }) => state === 'QUEUED' || state === 'RUNNING');
    const states = await Promise.all(runs.map(({ _id }) => engine.states(_id)));
    return runs.filter((_run, i) => states[i]!.work !== 'PENDING');
  };
  const finish = async (run: Run): Promise<void> => {
    await engine.finish(run._id, 'work');
    await engine.finish(run._id, 'rest');
  };
  /** Ends one after the other. @returns their slots, as they began. */
  const order = async (id: string): Promise<Date[]> => {
    const slots: Date[] = [];
    for (;;) {
      const [run, ...more] = await underWay(id);
      expect(more).toEqual([]);
      if (!run) return slots;
      slots.push(run.scheduled_for!);
      await finish(run);
    }
  };
  it('go one after the other when several slots come up at once', async () => {
    const { _id } = await schedule(13 * SECOND, { expression: '3s', misfire: 'last' });
    await tick(_id);
    const runs = await runsOf(_id);
    expect(runs.length).toBeGreaterThanOrEqual(4);
    expect(await order(_id)).toEqual(runs.map(({ scheduled_for }) => scheduled_for));
  });

  it('that make up for slots wait for one that was on time', async () => {
    const on_enable = { misfire: 'last' as const, misfire_window_seconds: null, coalesce: true };
    const { _id } = await schedule(SECOND, { on_enable });
    await tick(_id);
    const [onTime] = await underWay(_id);
    await schedules().enable(_id, false);
    await slotPasses();
    await schedules().enable(_id, true);
    await tick(_id);
    expect(await underWay(_id)).toMatchObject([{ _id: onTime!._id }]);
    await finish(onTime!);
    expect((await order(_id))[0]!.getTime()).toBeGreaterThan(onTime!.scheduled_for!.getTime());
  });

  it('wait for one that somebody started by hand, which waits for none of them', async () => {
    const { _id } = await schedule(0, { overlap: 'queue' });
    const byHand = await schedules().trigger(_id);
    await slotPasses();
    await tick(_id);
    expect((await runsOf(_id)).length).toBeGreaterThan(1);
    expect(await underWay(_id)).toMatchObject([{ _id: byHand._id }]);
    const second = await schedules().trigger(_id);
    expect((await underWay(_id)).map((run) => run._id)).toEqual([byHand._id, second._id]);
    await finish(byHand);
    expect(await underWay(_id)).toMatchObject([{ _id: second._id }]);
    await finish(second);
    expect((await order(_id)).length).toBeGreaterThan(0);
  });

  it('wait for one that began when slots were skipped, or was told to stop', async () => {
    const { _id } = await schedule(SECOND, { overlap: 'skip' });
    await tick(_id);
    const [first] = await underWay(_id);
    await schedules().update(_id, { overlap: 'queue' });
    await slotPasses();
    await tick(_id);
    expect(await underWay(_id)).toMatchObject([{ _id: first!._id }]);
    const claimed = await engine.claim(first!._id, 'work');
    await schedules().update(_id, { overlap: 'cancel_running' });
    await slotPasses();
    await tick(_id);
    expect(await engine.runs.get(first!._id)).toMatchObject({ cancel_requested_at: expect.any(Date) });
    expect(await underWay(_id)).toMatchObject([{ _id: first!._id }]);
    await engine.tasks.settle(claimed, DONE);
    expect(await engine.state(first!._id)).toBe('CANCELLED');
    expect(await underWay(_id)).toHaveLength(1);
  });

  it('begin in the order of their slots when these are made up for', async () => {
    const { _id } = await schedule(10 * MINUTE, { expression: '30s' });
    await tick(_id);
    const slots = (await runsOf(_id)).map(({ scheduled_for }) => scheduled_for!);
    expect(slots.length).toBeGreaterThanOrEqual(19);
    expect(await order(_id)).toEqual(slots);
  });

  it.each([
    ['in the order of their slots', false],
    ['in reverse', true],
  ])('begin %s in a backfill', async (_order, reverse) => {
    const made = await schedule(0, { enabled: false });
    const backfills = engine.app.get(BackfillService);
    const { _id } = await backfills.create(made, { count: 16, reverse });
    await backfills.advance(_id);
    const slots = (await runsOf(made._id)).map(({ scheduled_for }) => scheduled_for!);
    expect(slots).toHaveLength(16);
    expect(await order(made._id)).toEqual(reverse ? slots.reverse() : slots);
  });

  it('follow a change of max_concurrency at once', async () => {
    const { _id } = await schedule(5 * MINUTE, { expression: '30s' });
    await tick(_id);
    expect(await underWay(_id)).toHaveLength(1);
    const waiting = async (): Promise<string | null | undefined> => {
      const last = (await runsOf(_id)).at(-1)!;
      return (await engine.app.get(RunReader).explainRuns([last]))[0]!.waiting_reason;
    };
    expect(await waiting()).toMatch('max_concurrency of 1 of schedule');
    await schedules().update(_id, { max_concurrency: 4 });
    const four = await underWay(_id);
    expect(four).toHaveLength(4);
    expect(await waiting()).toMatch('max_concurrency of 4 of schedule');
    await schedules().update(_id, { max_concurrency: 2 });
    for (const run of four.slice(0, 2)) await finish(run);
    expect((await underWay(_id)).map((run) => run._id)).toEqual(four.slice(2).map((run) => run._id));
    await finish(four[2]!);
    expect(await underWay(_id)).toHaveLength(2);
  });
});
