import { getQueueToken } from '@nestjs/bullmq';
import { type Decision, type Schedule } from '@tauro/database';
import { newId } from '@tauro/domain';
import {
  BackfillService,
  Clock,
  type NewSchedule,
  PipelineService,
  RunEnd,
  Scheduler,
  ScheduleService,
  ScheduleWakes,
  Ticker,
} from '@tauro/orchestration';
import { SCHEDULE_QUEUE } from '@tauro/queue';
import { type Queue } from 'bullmq';
import { randomBytes } from 'node:crypto';
import { DONE, Engine, FAILED } from '../support/engine.js';
import { newSchedule } from '../support/new-schedule.js';
import { waitFor } from '../support/wait-for.js';

const MINUTE = 60_000;

describe('a schedule', () => {
  let engine: Engine;
  let other: Engine;
  let pipeline: { pipeline_id: string; pipeline_name: string };
  beforeAll(async () => {
    engine = await Engine.start();
    other = await Engine.start(engine.database);
    const name = `p_${randomBytes(6).toString('hex')}`;
    const definition = { name, nodes: [{ id: 'work', type: 'wait', config: { seconds: 0 } }] };
    const made = await engine.app.get(PipelineService).create({ project_id: engine.project, definition });
    pipeline = { pipeline_id: made.pipeline._id, pipeline_name: name };
  });
  afterAll(async () => {
    await queue().obliterate({ force: true });
    await other.stop();
    await engine.stop({ drop: true });
  });

  const queue = (): Queue => engine.app.get<Queue>(getQueueToken(SCHEDULE_QUEUE));
  const ticker = (of = engine): Ticker => of.app.get(Ticker);
  const service = (): ScheduleService => engine.app.get(ScheduleService);
  /** Due every minute, and a while ago last looked at. @param late minutes, and half a one. */
  const schedule = async (late: number, fields: Partial<NewSchedule> = {}): Promise<Schedule> => {
    const [made] = await service().create([newSchedule({ project_id: engine.project, ...pipeline }, fields)]);
    // A test counts on no other minute beginning before it has ended.
    await waitFor(() => Date.now() % MINUTE < MINUTE - 8000, { what: 'a minute that is not about to end' });
    const minute = Math.floor(Date.now() / MINUTE) * MINUTE;
    const cursor = new Date(minute - late * MINUTE + MINUTE / 2);
    const set = { 'engine.cursor': cursor, 'engine.enabled_at': cursor, next_run_at: new Date(minute) };
    await engine.db.schedules.updateOne({ _id: made!._id }, { $set: set });
    return read(made!._id);
  };
  const read = async (id: string): Promise<Schedule> => (await engine.db.schedules.findOne({ _id: id }))!;
  const slotsOf = (id: string) =>
    engine.db.scheduleSlots.find({ schedule_id: id }).sort({ scheduled_for: 1 }).toArray();
  const runsOf = (id: string) =>
    engine.db.runs.find({ schedule_id: id }).sort({ scheduled_for: 1 }).toArray();
  /** What `Ticker` keeps between its write and the end of carrying out, as if its process had died there. */
  const decided = async (one: Schedule, ageMs = MINUTE): Promise<Decision> => {
    const at = new Date(Date.now() - ageMs);
    const scheduled_for = new Date(Math.floor(Date.now() / MINUTE) * MINUTE);
    const decision: Decision = {
      id: randomBytes(8).toString('hex'),
      kind: 'SCHEDULED',
      at,
      runs: [
        {
          run_id: newId('run'),
          scheduled_for,
          data_interval_start: new Date(scheduled_for.getTime() - MINUTE),
          data_interval_end: scheduled_for,
        },
      ],
      skips: [{ scheduled_for: new Date(scheduled_for.getTime() - MINUTE), reason: 'test' }],
      replaces: 0,
    };
    await engine.db.schedules.updateOne(
      { _id: one._id },
      {
        $push: { 'engine.decisions': decision },
        $set: { 'engine.cursor': new Date(), 'engine.check_at': at },
      },
    );
    return decision;
  };
  const becameOnce = async (id: string, { runs: [planned] }: Decision): Promise<void> => {
    const [skipped, slot, ...more] = await slotsOf(id);
    expect(more).toEqual([]);
    expect(skipped).toMatchObject({ state: 'SKIPPED', reason: 'test' });
    expect(slot).toMatchObject({ state: 'STARTED', run_id: planned!.run_id });
    expect(await runsOf(id)).toMatchObject([{ _id: planned!.run_id, state: 'QUEUED' }]);
    const tasks = await engine.db.tasks.find({ run_id: planned!.run_id }).toArray();
    expect(tasks.map(({ state }) => state)).toEqual(['QUEUED']);
    expect(await read(id)).toMatchObject({ statistics: { total_runs: 1 }, engine: { decisions: [] } });
  };

  it('runs a slot once, however many replicas are woken for it', async () => {
    const { _id } = await schedule(1);
    await Promise.all([engine, other, engine, other, engine, other].map((one) => ticker(one).tick(_id)));
    const slots = await slotsOf(_id);
    expect(slots).toHaveLength(1);
    expect(await runsOf(_id)).toMatchObject([{ _id: slots[0]!.run_id }]);
    expect((await read(_id)).statistics.total_runs).toBe(1);
  });

  it('knows for each of many that are decided together whether it was this replica', async () => {
    const ids = await Promise.all(Array.from({ length: 30 }, async () => (await schedule(1))._id));
    const clock = engine.app.get(Clock);
    const now = await clock.now();
    // This replica has read them all and is about to decide when the other one decides upon every third.
    let goOn!: () => void;
    const paused = new Promise<Date>((resolve) => (goOn = () => resolve(now)));
    const pause = jest.spyOn(clock, 'now').mockReturnValue(paused);
    const all = Promise.all(ids.map((id) => ticker().tick(id)));
    await waitFor(() => pause.mock.calls.length === ids.length, { what: 'all to be read' });
    await Promise.all(ids.filter((_, i) => i % 3 === 0).map((id) => ticker(other).tick(id)));
    pause.mockRestore();
    goOn();
    await all;
    for (const id of ids) {
      const slots = await slotsOf(id);
      expect(slots).toHaveLength(1);
      expect(await runsOf(id)).toMatchObject([{ _id: slots[0]!.run_id, state: 'QUEUED' }]);
      expect(await read(id)).toMatchObject({ statistics: { total_runs: 1 }, engine: { decisions: [] } });
    }
  });

  it('makes up for every slot after an outage, in order, and never again when the clock goes back', async () => {
    const { _id } = await schedule(250, { overlap: 'queue' });
    await Promise.all([ticker().tick(_id), ticker(other).tick(_id)]);
    await ticker().tick(_id);
    const slots = await slotsOf(_id);
    expect(slots).toHaveLength(250);
    expect(new Set((await runsOf(_id)).map(({ scheduled_for }) => scheduled_for!.getTime())).size).toBe(250);
    const ahead = new Date(Date.now() + 10 * MINUTE);
    await engine.db.schedules.updateOne({ _id }, { $set: { 'engine.cursor': ahead } });
    await ticker().tick(_id);
    expect((await read(_id)).engine.cursor).toEqual(ahead);
    expect(await slotsOf(_id)).toHaveLength(250);
  });

  it('records what it does not make up for', async () => {
    const { _id } = await schedule(5, { misfire: 'last' });
    await ticker().tick(_id);
    const slots = await slotsOf(_id);
    expect(slots.map(({ state }) => state)).toEqual(['SKIPPED', 'SKIPPED', 'SKIPPED', 'STARTED', 'STARTED']);
    expect(slots[0]!.reason).toBe("no worker took it in time; misfire is 'last'");
  });

  it('makes one run about the data of all when it coalesces', async () => {
    const { _id } = await schedule(5, { coalesce: true });
    await ticker().tick(_id);
    const [first, second] = await runsOf(_id);
    expect(first!.data_interval_end!.getTime() - first!.data_interval_start!.getTime()).toBe(4 * MINUTE);
    expect(second!.data_interval_start).toEqual(first!.data_interval_end);
  });

  it('bounds what it makes up for by a window', async () => {
    const { _id } = await schedule(10, { misfire_window_seconds: 210 });
    await ticker().tick(_id);
    const states = (await slotsOf(_id)).map(({ state }) => state);
    expect(states.filter((state) => state === 'SKIPPED').length).toBeGreaterThanOrEqual(6);
    expect(states.at(-1)).toBe('STARTED');
  });

  it.each([
    ['the decision is written', 0],
    ['the slot is stored', 1],
    ['the tasks are stored', 2],
    ['the run is stored', 3],
  ])('goes on where its process died, once %s', async (_, step) => {
    const made = await schedule(0);
    const decision = await decided(made);
    const [planned] = decision.runs;
    if (step >= 1) {
      await engine.db.scheduleSlots.insertOne({
        _id: newId('slot'),
        schedule_id: made._id,
        scheduled_for: planned!.scheduled_for,
        until: null,
        state: 'STARTED',
        reason: null,
        run_id: planned!.run_id,
        kind: 'SCHEDULED',
        backfill_id: null,
        created_at: new Date(),
        finished_at: null,
      });
    }
    if (step >= 2) {
      // All that a first try had stored; at step 2 it had not come to the run itself.
      await ticker(other).tick(made._id);
      await engine.db.schedules.updateOne(
        { _id: made._id },
        { $push: { 'engine.decisions': decision }, $set: { 'statistics.total_runs': 0 } },
      );
      if (step === 2) await engine.db.runs.deleteOne({ _id: planned!.run_id });
    }
    await engine.db.schedules.updateOne({ _id: made._id }, { $set: { 'engine.check_at': new Date(0) } });
    await Promise.all([engine.app.get(Scheduler).sweep(), other.app.get(Scheduler).sweep()]);
    await becameOnce(made._id, decision);
  });

  it('leaves alone what another process is about to carry out', async () => {
    const made = await schedule(0);
    await decided(made, 0);
    await ticker().tick(made._id);
    expect(await slotsOf(made._id)).toEqual([]);
    expect((await read(made._id)).engine.decisions).toHaveLength(1);
  });

  it('counts what is decided and not carried out yet as under way', async () => {
    const made = await schedule(0, { max_concurrency: 1 });
    const { runs } = await decided(made, 0);
    const cursor = new Date(runs[0]!.scheduled_for.getTime() - 1);
    const before = { $set: { 'engine.cursor': cursor, 'engine.enabled_at': cursor } };
    await engine.db.schedules.updateOne({ _id: made._id }, before);
    await ticker().tick(made._id);
    expect(await slotsOf(made._id)).toMatchObject([
      { state: 'SKIPPED', reason: 'overlap: max_concurrency of 1 is reached' },
    ]);
  });

  it('gives way to a backfill that has taken its slot', async () => {
    const made = await schedule(3);
    const backfills = engine.app.get(BackfillService);
    const { _id } = await backfills.create(made, { count: 2 });
    await Promise.all([backfills.advance(_id), ticker(other).tick(made._id)]);
    await backfills.advance(_id);
    const slots = await slotsOf(made._id);
    const runs = await runsOf(made._id);
    expect(slots).toHaveLength(3);
    expect(runs.map((run) => run._id)).toEqual(slots.map((slot) => slot.run_id));
    expect((await read(made._id)).statistics.total_runs).toBe(3);
  });

  it('counts the end of a run once, however often it is followed up', async () => {
    const made = await schedule(2);
    await ticker().tick(made._id);
    const [first, second] = await runsOf(made._id);
    await engine.finish(first!._id, 'work', DONE);
    await engine.finish(second!._id, 'work', FAILED);
    const ended = await runsOf(made._id);
    for (const one of [engine, other, engine]) {
      await Promise.all(ended.map((run) => one.app.get(RunEnd).followUp(run)));
    }
    expect((await read(made._id)).statistics).toEqual({
      total_runs: 2,
      successful_runs: 1,
      failed_runs: 1,
      cancelled_runs: 0,
    });
    expect((await slotsOf(made._id)).map(({ state }) => state)).toEqual(['SUCCESS', 'FAILED']);
  });

  it('has its alarm set again after Redis forgot it, and only then', async () => {
    const made = await schedule(0);
    const wakes = engine.app.get(ScheduleWakes);
    await engine.db.schedules.updateOne(
      { _id: made._id },
      { $set: { next_run_at: new Date(Math.ceil(Date.now() / MINUTE) * MINUTE) } },
    );
    await wakes.reconcile(new Date());
    expect(await wakes.reconcile(new Date())).toMatchObject({ set: 0 });
    await queue().removeJobScheduler(made._id);
    await queue().upsertJobScheduler('sched_gone', { every: MINUTE }, { name: 'tick', data: {} });
    expect(await wakes.reconcile(new Date())).toEqual({ set: 1, removed: 1 });
    const alarm = await queue().getJobScheduler(made._id);
    expect(alarm!.next).toBe(Math.ceil(Date.now() / MINUTE) * MINUTE);
    await service().enable(made._id, false);
    expect(await queue().getJobScheduler(made._id)).toBeFalsy();
  });

  it('starts nothing by itself when it is disabled or changed, but decides upon what has come up by then', async () => {
    const disabled = await schedule(5);
    await service().enable(disabled._id, false);
    const changed = await schedule(5, { misfire: 'last' });
    await service().update(changed._id, { timezone: 'Europe/Berlin' });
    const jittered = await schedule(1, { jitter_seconds: 3600 });
    await service().update(jittered._id, { end_at: new Date('2899-01-01') });
    const same = await schedule(5);
    await service().update(same._id, { timezone: 'UTC' });
    for (const { _id } of [disabled, changed, jittered, same]) expect(await runsOf(_id)).toEqual([]);
    expect((await read(same._id)).engine.cursor).toEqual(same.engine.cursor);
    const old = { $set: { 'engine.decisions.0.at': new Date(0) } };
    for (const { _id } of [changed, jittered]) {
      await engine.db.schedules.updateOne({ _id }, old);
      await ticker().tick(_id);
    }
    const slots = await slotsOf(changed._id);
    expect(slots).toHaveLength(5);
    expect(slots[0]).toMatchObject({ state: 'SKIPPED', reason: expect.stringMatching(/misfire is 'last'/) });
    expect(slots[4]).toMatchObject({ state: 'STARTED' });
    expect(await slotsOf(jittered._id)).toMatchObject([{ state: 'STARTED' }]);
  });

  it('makes room for its latest run, however many are too many', async () => {
    const made = await schedule(4, { overlap: 'queue', max_concurrency: 1 });
    await ticker().tick(made._id);
    expect(await slotsOf(made._id)).toHaveLength(4);
    await service().update(made._id, { overlap: 'cancel_running' });
    const cursor = new Date(Math.floor(Date.now() / MINUTE) * MINUTE - 1);
    await engine.db.scheduleSlots.deleteOne({ schedule_id: made._id, scheduled_for: { $gt: cursor } });
    await engine.db.schedules.updateOne({ _id: made._id }, { $set: { 'engine.cursor': cursor } });
    await ticker().tick(made._id);
    const states = (await runsOf(made._id)).map(({ state }) => state);
    expect(states.slice(0, 3)).toEqual(['CANCELLED', 'CANCELLED', 'CANCELLED']);
    expect(states.at(-1)).toBe('QUEUED');
  });

  it('takes its backfill with it when it is removed', async () => {
    const made = await schedule(0, { enabled: false });
    const backfills = engine.app.get(BackfillService);
    const { _id } = await backfills.create(made, { count: 20 });
    await backfills.advance(_id);
    await service().remove(made._id);
    await backfills.advance(_id);
    expect(new Set((await runsOf(made._id)).map(({ state }) => state))).toEqual(new Set(['CANCELLED']));
    await backfills.advance(_id);
    const left = await backfills.get(_id);
    expect(left).toMatchObject({ state: 'CANCELLED', progress: { cancelled_runs: 20 } });
    expect(await slotsOf(made._id)).toEqual([]);
  });

  it('starts within its jitter, at the same time whoever asks', async () => {
    const made = await schedule(1, { jitter_seconds: 3600, expression: '0 0 1 1 *' });
    await ticker().tick(made._id, true);
    expect(await slotsOf(made._id)).toEqual([]);
  });
});
