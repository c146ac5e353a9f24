import { type Schedule, type ScheduleSlot } from '@tauro/database';
import { BackfillService, PipelineService, ScheduleService, Ticker, timingOf } from '@tauro/orchestration';
import { randomBytes } from 'node:crypto';
import { Engine } from '../support/engine.js';
import { newSchedule } from '../support/new-schedule.js';

const SECOND = 1000;

describe('slots that were skipped together', () => {
  let engine: Engine;
  let pipeline: { pipeline_id: string; pipeline_name: string };
  beforeAll(async () => {
    engine = await Engine.start();
    const name = `p_${randomBytes(6).toString('hex')}`;
    const definition = { name, nodes: [{ id: 'work', type: 'wait', config: { seconds: 0 } }] };
    const made = await engine.app.get(PipelineService).create({ project_id: engine.project, definition });
    pipeline = { pipeline_id: made.pipeline._id, pipeline_name: name };
  });
  afterAll(() => engine.stop({ drop: true }));

  /** Of every second, disabled for as many of them, and just enabled: nobody has decided upon them. */
  const schedule = async (seconds: number): Promise<{ made: Schedule; slots: Date[] }> => {
    const wanted = newSchedule(
      { project_id: engine.project, ...pipeline },
      { kind: 'INTERVAL', expression: '1s' },
    );
    const [made] = await engine.app.get(ScheduleService).create([wanted]);
    const enabled_at = new Date(Math.floor(Date.now() / SECOND) * SECOND - SECOND);
    const disabled_at = new Date(enabled_at.getTime() - seconds * SECOND);
    await engine.db.schedules.updateOne(
      { _id: made!._id },
      {
        $set: {
          'engine.cursor': disabled_at,
          'engine.disabled_at': disabled_at,
          'engine.enabled_at': enabled_at,
        },
      },
    );
    return { made: made!, slots: [...timingOf(made!).between(disabled_at, enabled_at)] };
  };
  const tick = (id: string): Promise<void> => engine.app.get(Ticker).tick(id);
  const backfill = async (made: Schedule, start: Date, end = start): Promise<void> => {
    const backfills = engine.app.get(BackfillService);
    const { _id } = await backfills.create(made, { start, end, max_concurrency: 1 });
    await backfills.advance(_id);
  };
  /** What is recorded of each of these slots: every record that stands for it. */
  const recordsOf = async (id: string, slots: Date[]): Promise<ScheduleSlot[][]> => {
    const all = await engine.db.scheduleSlots.find({ schedule_id: id }).toArray();
    return slots.map((slot) =>
      all.filter(({ scheduled_for, until }) => scheduled_for <= slot && slot <= (until ?? scheduled_for)),
    );
  };
  /** Each slot has one record; those of the backfill have a run, the others the reason why they have none. */
  const expectRecords = async (id: string, slots: Date[], filled: (i: number) => boolean): Promise<void> => {
    for (const [i, records] of (await recordsOf(id, slots)).entries()) {
      expect(records).toHaveLength(1);
      expect(records[0]).toMatchObject(
        filled(i)
          ? { kind: 'BACKFILL', state: 'STARTED', reason: null, until: null, run_id: expect.any(String) }
          : { state: 'SKIPPED', reason: "the schedule was disabled; misfire is 'none'", run_id: null },
      );
    }
  };

  it.each([
    ['its first slot', 0, 0],
    ['some in the middle', 4, 6],
    ['its last slot', 11, 11],
    ['more than all of it', 0, 30],
  ])('keep a record each when a backfill takes %s', async (_what, from, to) => {
    const { made, slots } = await schedule(212);
    await tick(made._id);
    const ranges = { schedule_id: made._id, until: { $ne: null } };
    expect(await engine.db.scheduleSlots.findOne(ranges)).toMatchObject({
      scheduled_for: slots[0],
      until: slots[11],
    });
    await backfill(made, slots[from]!, slots[to]!);
    await expectRecords(made._id, slots, (i) => i >= from && i <= to);
  });

  it('keep one when a backfill has taken some of them before they were recorded', async () => {
    const { made, slots } = await schedule(212);
    await backfill(made, slots[0]!, slots[1]!);
    await backfill(made, slots[5]!, slots[6]!);
    await tick(made._id);
    await expectRecords(made._id, slots, (i) => i <= 1 || i === 5 || i === 6);
  });

  it('have one each while backfills take them one by one at the same time', async () => {
    const { made, slots } = await schedule(212);
    await tick(made._id);
    await Promise.all([0, 2, 3, 7, 11].map((i) => backfill(made, slots[i]!)));
    await expectRecords(made._id, slots, (i) => [0, 2, 3, 7, 11].includes(i));
  });
});
