import { type Run } from '@tauro/database';
import { type NodeDefinition, newId, RUN_STATES, type RunState } from '@tauro/domain';
import { Migrator } from '@tauro/database';
import { RunCounter, RunRemovalService, type StatisticsScope, StatisticsService } from '@tauro/orchestration';
import { Env } from '@tauro/platform';
import * as fc from 'fast-check';
import { Engine, FAILED } from '../support/engine.js';

const NODES: NodeDefinition[] = [{ id: 'a', type: 'wait', config: { seconds: 0 } }];
const MINUTE = 60_000;
const DAY = 1440 * MINUTE;

describe('statistics', () => {
  let engine: Engine;
  let statistics: StatisticsService;
  let counter: RunCounter;
  /** Like one that a user has made, to be stored in any state and number. */
  let model: Run;

  beforeAll(async () => {
    engine = await Engine.start();
    statistics = engine.app.get(StatisticsService);
    counter = engine.app.get(RunCounter);
    const id = await engine.run(NODES);
    await engine.finish(id, 'a');
    model = (await engine.db.runs.findOne({ _id: id }))!;
  });
  afterAll(() => engine.stop({ drop: true }));

  const ofModel = () => ({ pipeline_id: model.pipeline_id });
  const uncounted = () => engine.db.runs.countDocuments({ 'engine.counted': false });

  it('know a run from the moment it is there, and count it once whoever follows up its end', async () => {
    const before = await statistics.runs({ project_id: engine.project });
    const run = await engine.run(NODES);
    const scope = { pipeline_id: (await engine.db.runs.findOne({ _id: run }))!.pipeline_id };
    expect(await statistics.runs(scope)).toMatchObject({ total_runs: 1, runs_by_state: { QUEUED: 1 } });

    await engine.finish(run, 'a', FAILED);
    const ended = { total_runs: 1, runs_by_state: { QUEUED: 0, RUNNING: 0, FAILED: 1 }, success_rate: 0 };
    expect(await statistics.runs(scope)).toMatchObject(ended);

    // As after a crash between the terminal write and what follows, seen by two workers.
    await engine.settled();
    await engine.db.runs.updateOne(
      { _id: run },
      { $set: { 'engine.advanced': false, 'engine.check_at': new Date(0) } },
    );
    await Promise.all([engine.reconcile(), engine.reconcile(), counter.sweep(), counter.sweep()]);
    expect(await uncounted()).toBe(0);
    expect(await statistics.runs(scope)).toMatchObject(ended);
    expect((await statistics.runs({ project_id: engine.project })).total_runs).toBe(before.total_runs + 1);
  });

  it('outlive the runs, also one that is removed before it was counted', async () => {
    const run = await engine.run(NODES);
    await engine.finish(run, 'a');
    const { pipeline_id } = (await engine.db.runs.findOne({ _id: run }))!;
    expect(await uncounted()).toBeGreaterThan(0);
    expect(await engine.app.get(RunRemovalService).remove([run])).toBe(1);
    expect(await statistics.runs({ pipeline_id })).toMatchObject({ total_runs: 1, success_rate: 1 });
  });

  it('add up to what is stored, for any runs, whoever they belong to and whenever they were created', async () => {
    const now = Date.now();
    const projects = [newId('proj'), newId('proj')];
    const pipelines = [newId('pipe'), newId('pipe')];
    const schedules = [newId('sched'), null];
    const one = fc.record({
      project_id: fc.constantFrom(...projects),
      pipeline_id: fc.constantFrom(...pipelines),
      schedule_id: fc.constantFrom(...schedules),
      state: fc.constantFrom(...RUN_STATES),
      // Of the last minutes, hours and days, up to those that are told by the day.
      age: fc.oneof(
        ...[5 * MINUTE, 90 * MINUTE, 3 * DAY, 40 * DAY].map((max) => fc.integer({ min: 0, max })),
      ),
      duration_seconds: fc.option(fc.integer({ min: 0, max: 90_000_000 }).map((ms) => ms / 1000)),
    });
    const runs = fc.sample(one, { numRuns: 2000, seed: 7 }).map(({ age, state, ...rest }): Run => {
      const ended = ['SUCCESS', 'FAILED', 'CANCELLED'].includes(state);
      const { check_at: _, ...engineOf } = model.engine;
      return {
        ...model,
        ...rest,
        _id: newId('run'),
        state,
        created_at: new Date(now - age),
        duration_seconds: ended ? rest.duration_seconds : null,
        engine: { ...engineOf, advanced: true, ...(ended && { counted: false }) },
      };
    });
    await engine.db.runs.insertMany(runs);

    const scopes: StatisticsScope[] = [
      ...projects.map((project_id) => ({ project_id })),
      ...pipelines.map((pipeline_id) => ({ pipeline_id })),
      { schedule_id: schedules[0]! },
    ];
    const minutesAgo = (n: number) => new Date(Math.floor((now - n * MINUTE) / MINUTE) * MINUTE);
    const daysAgo = (n: number) => new Date(Math.floor((now - n * DAY) / DAY) * DAY);
    const windows = [undefined, ...[1, 3, 61, 300, 1500].map(minutesAgo), ...[0, 2, 35].map(daysAgo)];
    const check = async (): Promise<void> => {
      for (const scope of scopes) {
        for (const since of windows) {
          const found = { scope, since, ...(await statistics.runs(scope, since)) };
          expect(found).toEqual({ scope, since, ...expected(scope, since) });
        }
      }
    };
    function expected(scope: StatisticsScope, since?: Date) {
      const [[field, id]] = Object.entries(scope) as [[keyof Run, string]];
      const mine = runs.filter((run) => run[field] === id && (!since || run.created_at >= since));
      const by = (state: RunState) => mine.filter((run) => run.state === state).length;
      const timed = mine.flatMap(({ duration_seconds: s }) => (s === null ? [] : [s]));
      const rate = by('SUCCESS') / (by('SUCCESS') + by('FAILED'));
      const mean = timed.reduce((sum, s) => sum + Math.round(s * 1000), 0) / timed.length / 1000;
      return {
        total_runs: mine.length,
        runs_by_state: Object.fromEntries(RUN_STATES.map((state) => [state, by(state)])),
        average_duration_seconds: timed.length === 0 ? null : Number(mean.toFixed(3)),
        success_rate: Number.isNaN(rate) ? null : Number(rate.toFixed(4)),
      };
    }

    // All of them uncounted, then some, then none.
    await check();
    await counter.count(runs.slice(0, 1000).map(({ _id }) => _id));
    await check();
    await Promise.all([counter.sweep(), counter.sweep(), counter.sweep()]);
    expect(await uncounted()).toBe(0);
    await check();

    // Made anew of what is there.
    const total = (await statistics.runs({ project_id: projects[0] })).total_runs;
    const migrator = await Migrator.open(engine.app.get(Env), { say: () => undefined });
    await migrator.down(2);
    await migrator.up();
    await migrator.close();
    expect((await statistics.runs({ project_id: projects[0] })).total_runs).toBe(total);
    await check();
    while ((await counter.sweep()) > 0);
    await check();
  });

  it('begin at the full minute, and at the full day when that is long ago', async () => {
    const at = model.created_at;
    const seconds = new Date(at.getTime() + 1);
    const since = async (date: Date) => (await statistics.runs(ofModel(), date)).total_runs;
    expect(await since(at)).toBe(1);
    const inThatMinute = seconds.getUTCMinutes() === at.getUTCMinutes();
    expect(await since(seconds)).toBe(inThatMinute ? 1 : 0);
    expect(await since(new Date(at.getTime() + 2 * MINUTE))).toBe(0);
    expect(await since(new Date(0))).toBe(1);
  });
});
