import { type Run, type Trigger } from '@tauro/database';
import { type JsonObject, MAX_TRIGGER_DEPTH, type NodeDefinition, newId } from '@tauro/domain';
import {
  PipelineService,
  RerunService,
  Retention,
  RunCreation,
  RunTriggers,
  TriggeredRuns,
} from '@tauro/orchestration';
import { randomBytes } from 'node:crypto';
import { DONE, Engine, FAILED } from '../support/engine.js';

const node: NodeDefinition = { id: 'a', type: 'wait', config: { seconds: 0 } };

describe('triggers in the engine', () => {
  let engine: Engine;
  let triggered: TriggeredRuns;

  beforeAll(async () => {
    engine = await Engine.start();
    triggered = engine.app.get(TriggeredRuns);
  });
  afterAll(() => engine.stop({ drop: true }));

  /** A pipeline nobody starts yet; answers its id. */
  async function target(params_schema?: JsonObject): Promise<string> {
    const definition = {
      name: `t_${randomBytes(6).toString('hex')}`,
      nodes: [node],
      ...(params_schema && { params_schema }),
    };
    const service = engine.app.get(PipelineService);
    return (await service.create({ project_id: engine.project, definition })).pipeline._id;
  }

  async function trigger(pipeline_id: string, after: string[], fields: Partial<Trigger> = {}) {
    const now = new Date();
    const made: Trigger = {
      _id: newId('trg'),
      project_id: engine.project,
      pipeline_id,
      pipeline_name: 'target',
      kind: 'PIPELINE',
      enabled: true,
      description: '',
      params: {},
      tags: {},
      after,
      after_names: after,
      on: 'success',
      params_mapping: null,
      rate_limit: null,
      has_secret: false,
      created_at: now,
      updated_at: now,
      revision: 1,
      request_id: null,
      engine: { secret: null },
      ...fields,
    };
    await engine.db.triggers.insertOne(made);
    return made._id;
  }

  const runOf = async (id: string): Promise<Run> => (await engine.db.runs.findOne({ _id: id }))!;
  const eventsOf = (trigger_id: string) =>
    engine.db.triggerEvents.find({ trigger_id }).sort({ created_at: 1, _id: 1 }).toArray();
  const runsOf = (trigger_id: string) => engine.db.runs.find({ trigger_id }).toArray();
  /** What a worker does when the hints reach it. */
  const carryOut = async (id: string): Promise<void> => {
    for (const { _id } of await eventsOf(id)) await triggered.carryOut(_id);
  };
  /** As if the process had died before it said that it had followed the end up. */
  const followUpAgain = async (run: string): Promise<void> => {
    await engine.settled();
    const set = { 'engine.advanced': false, 'engine.check_at': new Date(0) };
    await engine.db.runs.updateOne({ _id: run }, { $set: set });
    await engine.reconcile();
  };
  /** Another run of the pipeline of a run, ended so. */
  async function again(of: string, outcome = DONE, fields: Partial<Run> = {}): Promise<string> {
    const { pipeline_id } = await runOf(of);
    const run = await runIn(pipeline_id);
    if (Object.keys(fields).length > 0) await engine.db.runs.updateOne({ _id: run }, { $set: fields });
    await engine.finish(run, 'a', outcome);
    return run;
  }
  async function runIn(pipeline_id: string): Promise<string> {
    const { _id } = await engine.app
      .get(RunCreation)
      .create({ project_id: engine.project, pipeline_id, start: true });
    return _id;
  }

  it('start one run for a success, with its data and the params that the template gives', async () => {
    const first = await engine.create([node], { outputs: { day: '{{ params.day }}' } }, { day: 'monday' });
    const id = await trigger(await target(), [(await runOf(first)).pipeline_id], {
      params: { day: '{{ run.outputs.day }}', from: '{{ run.id }}', at: '{{ run.scheduled_for }}', n: 1 },
      tags: { team: 'a' },
    });
    const scheduled_for = new Date('2026-01-02T00:00:00Z');
    const data_interval_start = new Date('2026-01-01T00:00:00Z');
    await engine.db.runs.updateOne({ _id: first }, { $set: { scheduled_for, data_interval_start } });
    await engine.runs.start(first);
    await engine.finish(first, 'a');
    const [event] = await eventsOf(id);
    expect(event).toMatchObject({ state: 'PENDING', key: first, source_run_id: first });
    expect(await runsOf(id)).toEqual([]);
    await carryOut(id);
    await carryOut(id);
    expect(await runsOf(id)).toMatchObject([
      {
        _id: event!.run_id,
        state: 'QUEUED',
        params: { day: 'monday', from: first, at: scheduled_for.toISOString(), n: 1 },
        tags: { team: 'a', triggered_by: 'trigger' },
        triggered_by_run_id: first,
        scheduled_for,
        data_interval_start,
        data_interval_end: null,
        schedule_id: null,
      },
    ]);
    const [after] = await eventsOf(id);
    expect(after).toMatchObject({ state: 'STARTED', run_id: event!.run_id, reason: null });
    expect(after!.engine).not.toHaveProperty('params');
    expect(after!.engine).not.toHaveProperty('check_at');
  });

  it.each([
    ['success', DONE, true],
    ['success', FAILED, false],
    ['failure', DONE, false],
    ['failure', FAILED, true],
    ['done', DONE, true],
    ['done', FAILED, true],
  ] as const)('that wait for %s after %o', async (on, outcome, starts) => {
    const run = await engine.run([node]);
    const id = await trigger(await target(), [(await runOf(run)).pipeline_id], { on });
    await engine.finish(run, 'a', outcome);
    expect(await eventsOf(id)).toHaveLength(starts ? 1 : 0);
  });

  it('do nothing after a cancel, of a disabled one, or in another project', async () => {
    const run = await engine.run([node]);
    const { pipeline_id } = await runOf(run);
    const cancelled = await trigger(await target(), [pipeline_id], { on: 'done' });
    await engine.runs.cancel(run);
    expect(await engine.state(run)).toBe('CANCELLED');
    const disabled = await trigger(await target(), [pipeline_id], { enabled: false });
    const elsewhere = await trigger(await target(), [pipeline_id], { project_id: 'proj_other' });
    await engine.db.triggers.deleteOne({ _id: cancelled });
    await again(run);
    for (const id of [cancelled, disabled, elsewhere]) expect(await eventsOf(id)).toEqual([]);
  });

  it('start one run however often the end is followed up, and when nobody heard the hint', async () => {
    const run = await engine.run([node]);
    const id = await trigger(await target(), [(await runOf(run)).pipeline_id]);
    await engine.finish(run, 'a');
    await followUpAgain(run);
    expect(await eventsOf(id)).toMatchObject([{ state: 'PENDING' }]);
    expect(await runsOf(id)).toEqual([]);
    // No worker carries it out here; the reconciler does once it is due.
    await engine.db.triggerEvents.updateMany(
      { trigger_id: id },
      { $set: { 'engine.check_at': new Date(0) } },
    );
    await engine.reconciler.sweep();
    const [made] = await runsOf(id);
    expect(await eventsOf(id)).toMatchObject([{ state: 'STARTED', run_id: made!._id }]);
    await followUpAgain(run);
    await engine.reconciler.sweep();
    expect(await runsOf(id)).toHaveLength(1);
  });

  it('start the run of an end whose process died before it wrote anything down', async () => {
    const run = await engine.run([node]);
    await engine.finish(run, 'a');
    await engine.settled();
    const id = await trigger(await target(), [(await runOf(run)).pipeline_id]);
    await followUpAgain(run);
    await carryOut(id);
    expect(await runsOf(id)).toHaveLength(1);
  });

  it('make one run when many processes carry out the same event, and after a crash between run and note', async () => {
    const run = await engine.run([node]);
    const id = await trigger(await target(), [(await runOf(run)).pipeline_id]);
    await engine.finish(run, 'a');
    const [event] = await eventsOf(id);
    await Promise.all(Array.from({ length: 10 }, () => triggered.carryOut(event!._id)));
    const [made] = await runsOf(id);
    await engine.db.triggerEvents.updateOne(
      { _id: event!._id },
      { $set: { state: 'PENDING', 'engine.check_at': new Date(0), 'engine.params': {} } },
    );
    await engine.reconciler.sweep();
    expect(await runsOf(id)).toMatchObject([{ _id: made!._id }]);
    expect(await eventsOf(id)).toMatchObject([{ state: 'STARTED' }]);
    expect(await engine.db.tasks.countDocuments({ run_id: made!._id })).toBe(1);
    await engine.finish(made!._id, 'a');
    expect(await engine.state(made!._id)).toBe('SUCCESS');
  });

  it('after several start when each of them has a new success, and use each up', async () => {
    const [a, b] = [await engine.run([node]), await engine.run([node])];
    const id = await trigger(await target(), [(await runOf(a)).pipeline_id, (await runOf(b)).pipeline_id], {
      params: { last: '{{ run.id }}' },
    });
    await engine.finish(a, 'a');
    const newer = await again(a);
    await again(b, FAILED);
    expect((await eventsOf(id)).map(({ state }) => state)).toEqual(['SKIPPED', 'WAITING']);
    await engine.finish(b, 'a');
    await carryOut(id);
    const [made, ...more] = await runsOf(id);
    expect(more).toEqual([]);
    expect(made).toMatchObject({ params: { last: b }, triggered_by_run_id: b });
    expect((await eventsOf(id)).map(({ key, state, run_id }) => [key, state, run_id])).toEqual([
      [a, 'SKIPPED', null],
      [newer, 'USED', made!._id],
      [b, 'STARTED', made!._id],
    ]);
    // Followed up again, neither counts a second time.
    await followUpAgain(newer);
    await followUpAgain(b);
    await again(b);
    await carryOut(id);
    expect(await runsOf(id)).toHaveLength(1);
    await again(a);
    await carryOut(id);
    expect(await runsOf(id)).toHaveLength(2);
  });

  it('after several that end in the same moment start one run', async () => {
    const runs = await Promise.all(Array.from({ length: 6 }, () => engine.run([node])));
    const pipelines = await Promise.all(runs.map(async (run) => (await runOf(run)).pipeline_id));
    const id = await trigger(await target(), pipelines);
    const other = await Engine.start(engine.database);
    try {
      await Promise.all(runs.map((run, i) => (i % 2 ? engine : other).finish(run, 'a')));
    } finally {
      await other.stop();
    }
    await carryOut(id);
    expect(await runsOf(id)).toHaveLength(1);
    expect((await eventsOf(id)).map(({ state }) => state).sort()).toEqual(
      ['STARTED', ...Array<string>(5).fill('USED')].sort(),
    );
  });

  it('after several go on where a process died between joining them and the hint', async () => {
    const [a, b] = [await engine.run([node]), await engine.run([node])];
    const id = await trigger(await target(), [(await runOf(a)).pipeline_id, (await runOf(b)).pipeline_id]);
    await engine.finish(a, 'a');
    await engine.finish(b, 'a');
    expect((await eventsOf(id)).map(({ state }) => state)).toEqual(['USED', 'PENDING']);
    await followUpAgain(a);
    await followUpAgain(b);
    await engine.db.triggerEvents.updateMany(
      { trigger_id: id, state: 'PENDING' },
      { $set: { 'engine.check_at': new Date(0) } },
    );
    await engine.reconciler.sweep();
    expect(await runsOf(id)).toHaveLength(1);
  });

  it('count a rerun only if none of the runs it repeats has counted', async () => {
    const run = await engine.run([node]);
    const id = await trigger(await target(), [(await runOf(run)).pipeline_id]);
    await engine.finish(run, 'a', FAILED);
    const rerun = (of: string) => engine.app.get(RerunService).rerun(of, 'start');
    const second = await rerun(run);
    await engine.finish(second._id, 'a', FAILED);
    const third = await rerun(second._id);
    expect(await eventsOf(id)).toEqual([]);
    await engine.finish(third._id, 'a');
    await carryOut(id);
    expect(await eventsOf(id)).toMatchObject([{ key: run, source_run_id: third._id, state: 'STARTED' }]);
    const fourth = await rerun(third._id);
    await engine.finish(fourth._id, 'a');
    await carryOut(id);
    expect(await runsOf(id)).toHaveLength(1);
  });

  it('are not told of the runs that pipeline nodes make', async () => {
    const run = await engine.run([node]);
    const id = await trigger(await target(), [(await runOf(run)).pipeline_id]);
    await engine.finish(run, 'a');
    await engine.app.get(RunTriggers).ended({ ...(await runOf(run)), _id: 'run_sub', parent_run_id: run });
    expect(await eventsOf(id)).toHaveLength(1);
  });

  it('stop when runs have triggered one another for too long', async () => {
    const run = await engine.run([node]);
    const id = await trigger(await target(), [(await runOf(run)).pipeline_id]);
    await again(run, DONE, { 'engine.trigger_depth': MAX_TRIGGER_DEPTH - 1 } as Partial<Run>);
    await again(run, DONE, { 'engine.trigger_depth': MAX_TRIGGER_DEPTH } as Partial<Run>);
    await carryOut(id);
    const [made, ...more] = await runsOf(id);
    expect(more).toEqual([]);
    expect(made!.engine.trigger_depth).toBe(MAX_TRIGGER_DEPTH);
    expect((await eventsOf(id))[1]).toMatchObject({
      state: 'FAILED',
      run_id: null,
      reason: expect.stringContaining('do their triggers go in a circle?'),
    });
  });

  it('say why no run could be made: a template, the params, a pipeline that is gone', async () => {
    const run = await engine.run([node]);
    const { pipeline_id } = await runOf(run);
    const schema = { type: 'object', properties: { n: { type: 'integer' } } };
    const [template, params] = [
      await trigger(await target(), [pipeline_id], { params: { x: '{{ run.outputs.nothing }}' } }),
      await trigger(await target(schema), [pipeline_id], { params: { n: '{{ run.state }}' } }),
    ];
    const gone = await trigger(await target(), [pipeline_id]);
    const { pipeline_id: started } = (await engine.db.triggers.findOne({ _id: gone }))!;
    await engine.db.pipelines.deleteOne({ _id: started });
    await engine.finish(run, 'a');
    for (const id of [template, params, gone]) {
      await carryOut(id);
      expect(await runsOf(id)).toEqual([]);
    }
    const failed = { state: 'FAILED', run_id: null };
    expect(await eventsOf(template)).toMatchObject([
      {
        ...failed,
        reason: expect.stringContaining("{{ run.outputs.nothing }}: run.outputs has no 'nothing'"),
      },
    ]);
    expect(await eventsOf(params)).toMatchObject([
      { ...failed, reason: expect.stringContaining('params.n') },
    ]);
    expect(await eventsOf(gone)).toMatchObject([{ ...failed, reason: expect.stringContaining('not found') }]);
    // The end of the run itself is done with.
    await engine.settled();
    expect((await runOf(run)).engine.advanced).toBe(true);
  });

  it('keep the record of events until its time is over, but never what still waits', async () => {
    const [a, b] = [await engine.run([node]), await engine.run([node])];
    const pipelines = [(await runOf(a)).pipeline_id, (await runOf(b)).pipeline_id];
    const [one, both] = [
      await trigger(await target(), [pipelines[0]!]),
      await trigger(await target(), pipelines),
    ];
    await engine.finish(a, 'a');
    await carryOut(one);
    await engine.db.triggerEvents.updateMany(
      { trigger_id: { $in: [one, both] } },
      { $set: { expires_at: new Date(0) } },
    );
    await engine.app.get(Retention).sweep();
    expect(await eventsOf(one)).toEqual([]);
    expect(await eventsOf(both)).toMatchObject([{ state: 'WAITING' }]);
  });
});
