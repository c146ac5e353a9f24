import { type NodeDefinition, subRunId } from '@tauro/domain';
import { type Outcome, PipelineService, RunEnd, SubRunService } from '@tauro/orchestration';
import { randomBytes } from 'node:crypto';
import { DONE, Engine, FAILED } from '../support/engine.js';

const node = (id: string, ...depends_on: string[]): NodeDefinition => ({
  id,
  type: 'wait',
  config: { seconds: 0 },
  depends_on,
});

describe('a node that runs another pipeline', () => {
  let engine: Engine;
  let child: string;
  beforeAll(async () => {
    engine = await Engine.start();
    child = await pipeline([node('work'), node('tidy', 'work')], { outputs: { answer: '{{ params.n }}' } });
  });
  afterAll(() => engine.stop({ drop: true }));

  const pipeline = async (nodes: NodeDefinition[], rest: object = {}): Promise<string> => {
    const name = `c_${randomBytes(6).toString('hex')}`;
    await engine.app
      .get(PipelineService)
      .create({ project_id: engine.project, definition: { name, nodes, ...rest } });
    return name;
  };
  const calls = (more: Partial<NodeDefinition> = {}): NodeDefinition => ({
    id: 'call',
    type: 'pipeline',
    config: { pipeline_id: child },
    ...more,
  });
  const asks = (pipeline_id = child, params = { n: 42 }): Outcome => ({
    kind: 'sub_run',
    pipeline_id,
    params,
  });
  const taskOf = async (run: string, id = 'call', index: number | null = null) =>
    (await engine.db.tasks.findOne({ run_id: run, node_id: id, index }))!;
  const subOf = async (run: string) => (await engine.db.runs.findOne({ parent_run_id: run }))!;
  /** What a worker does when the wake-up of a task arrives. */
  const wake = async (run: string, index: number | null = null): Promise<void> =>
    engine.tasks.wake((await taskOf(run, 'call', index))._id);
  const called = async (more: Partial<NodeDefinition> = {}): Promise<string> => {
    const run = await engine.run([calls(more), node('after', 'call')]);
    await engine.finish(run, 'call', asks());
    return run;
  };
  const finishSub = async (run: string, outcome: Outcome = DONE): Promise<void> => {
    const sub = await subOf(run);
    await engine.finish(sub._id, 'work', outcome);
    if (outcome === DONE) await engine.finish(sub._id, 'tidy');
  };

  it('waits for its run without a claim and ends with its outputs', async () => {
    const run = await called();
    const task = await taskOf(run);
    const sub = await subOf(run);
    expect([task.state, task.sub_run_id, task.engine.claim]).toEqual(['WAITING', sub._id, null]);
    expect(sub).toMatchObject({ state: 'QUEUED', parent_task_id: task._id, params: { n: 42 } });
    await finishSub(run);
    expect(await engine.state(sub._id)).toBe('SUCCESS');
    await wake(run);
    expect((await taskOf(run)).output).toEqual({
      run_id: sub._id,
      state: 'SUCCESS',
      outputs: { answer: 42 },
    });
    expect(await engine.states(run)).toEqual({ call: 'SUCCESS', after: 'QUEUED' });
  });

  it('fails with it, naming what failed there', async () => {
    const run = await called();
    await finishSub(run, FAILED);
    await wake(run);
    const { state, error } = await taskOf(run);
    expect(state).toBe('FAILED');
    expect(error).toMatchObject({ type: 'SubRunFailed' });
    expect(error!.message).toMatch(/^run run_\w+ failed because work did: boom$/);
    expect(await engine.state(run)).toBe('FAILED');
  });

  it('makes a new run for each attempt of its retry policy', async () => {
    const run = await called({ retry_policy: { max_attempts: 2, backoff_seconds: 0 } });
    const first = await subOf(run);
    await finishSub(run, FAILED);
    await wake(run);
    expect((await taskOf(run)).state).toBe('RETRYING');
    await wake(run);
    await engine.finish(run, 'call', asks());
    const { sub_run_id, attempt } = await taskOf(run);
    expect(sub_run_id).not.toBe(first._id);
    expect(attempt).toBe(2);
    await engine.finish(sub_run_id!, 'work');
    await engine.finish(sub_run_id!, 'tidy');
    await wake(run);
    expect((await taskOf(run)).state).toBe('SUCCESS');
  });

  it('passes a cancel down, and its run ends only when the other has', async () => {
    const run = await called();
    const sub = await subOf(run);
    const work = await engine.claim(sub._id, 'work');
    await engine.runs.cancel(run);
    expect((await engine.db.runs.findOne({ _id: sub._id }))!.cancel_requested_at).not.toBeNull();
    expect([await engine.state(run), (await taskOf(run)).state]).toEqual(['RUNNING', 'WAITING']);
    await engine.tasks.settle(work, { kind: 'cancelled' });
    expect(await engine.state(sub._id)).toBe('CANCELLED');
    await wake(run);
    expect(await engine.states(run)).toEqual({ call: 'CANCELLED', after: 'CANCELLED' });
    expect(await engine.state(run)).toBe('CANCELLED');
  });

  it('fails when its run is cancelled by itself, and does not make another', async () => {
    const run = await called({ retry_policy: { max_attempts: 3, backoff_seconds: 0 } });
    const sub = await subOf(run);
    await engine.runs.cancel(sub._id);
    await wake(run);
    expect((await taskOf(run)).error).toEqual({
      type: 'SubRunCancelled',
      message: `run ${sub._id} was cancelled`,
    });
    expect(await engine.state(run)).toBe('FAILED');
  });

  it.each([
    ['no_such_pipeline', 'PipelineNotFound', /no_such_pipeline/],
    ['strict', 'InvalidParams', /params\.day/],
  ])('fails at once for %s', async (name, type, message) => {
    if (name === 'strict') {
      await engine.app.get(PipelineService).create({
        project_id: engine.project,
        definition: { name, nodes: [node('a')], params_schema: { type: 'object', required: ['day'] } },
      });
    }
    const run = await engine.run([calls({ retry_policy: { max_attempts: 3 } })]);
    await engine.finish(run, 'call', asks(name));
    const { error, state } = await taskOf(run);
    expect([state, error!.type]).toEqual(['FAILED', type]);
    expect(error!.message).toMatch(message);
  });

  it('refuses to go deeper than ten runs', async () => {
    const run = await engine.run([calls()]);
    await engine.db.runs.updateOne({ _id: run }, { $set: { 'engine.depth': 10 } });
    await engine.finish(run, 'call', asks());
    expect((await taskOf(run)).error!.type).toBe('TooDeep');
  });

  describe('loses nothing when a process dies', () => {
    it('between the run and the task that waits for it: the next attempt finds the same run', async () => {
      const run = await engine.run([calls()]);
      const claimed = await engine.claim(run, 'call');
      await engine.app.get(SubRunService).plant(claimed, { pipeline_id: child, params: { n: 1 } });
      await engine.reconcile();
      expect((await taskOf(run)).state).toBe('QUEUED');
      expect((await subOf(run)).state).toBe('PENDING');
      await engine.finish(run, 'call', asks());
      expect(await engine.db.runs.countDocuments({ parent_run_id: run })).toBe(1);
      expect((await subOf(run)).state).toBe('QUEUED');
    });

    it('and its task comes to another end: the run that nobody needs is cancelled', async () => {
      const run = await engine.run([calls()]);
      const claimed = await engine.claim(run, 'call');
      await engine.app.get(SubRunService).plant(claimed, { pipeline_id: child, params: {} });
      await engine.tasks.settle(claimed, FAILED);
      await engine.reconcile();
      expect((await subOf(run)).state).toBe('CANCELLED');
    });

    it('before the run is started: the reconciler starts it', async () => {
      const run = await engine.run([calls()]);
      const claimed = await engine.claim(run, 'call');
      await engine.app.get(SubRunService).plant(claimed, { pipeline_id: child, params: {} });
      // As the settlement leaves it, had nothing followed.
      await engine.db.tasks.updateOne(
        { _id: claimed.task._id },
        {
          $set: {
            state: 'WAITING',
            sub_run_id: subRunId(claimed.task),
            'attempts.0.state': 'WAITING',
            'engine.claim': null,
          },
        },
      );
      await engine.reconcile();
      expect((await subOf(run)).state).toBe('QUEUED');
    });

    it('when the run has ended and nobody heard of it: the reconciler ends the task', async () => {
      const run = await called();
      await finishSub(run);
      expect((await taskOf(run)).state).toBe('WAITING');
      await engine.reconcile();
      expect(await engine.states(run)).toEqual({ call: 'SUCCESS', after: 'QUEUED' });
    });

    it('and what follows the end of a run, done twice, ends its task once', async () => {
      const run = await called();
      await finishSub(run);
      await Promise.all([wake(run), wake(run), engine.app.get(RunEnd).followUp(await subOf(run))]);
      expect(await engine.states(run)).toEqual({ call: 'SUCCESS', after: 'QUEUED' });
    });
  });

  it('runs once per item, and a failing item that stops the others stops their runs', async () => {
    const run = await engine.run([
      calls({ for_each: { items: [1, 2, 3], on_item_failure: 'fail_fast' } }),
      node('after', 'call'),
    ]);
    await engine.finish(run, 'call', { kind: 'expand', items: [1, 2, 3] });
    for (const index of [0, 1, 2]) await engine.finishItem(run, 'call', index, asks());
    const subs = await engine.db.runs.find({ parent_run_id: run }).toArray();
    expect(new Set(subs.map(({ _id }) => _id)).size).toBe(3);
    const first = await taskOf(run, 'call', 0);
    await engine.finish(first.sub_run_id!, 'work', FAILED);
    await wake(run, 0);
    for (const index of [1, 2]) {
      await wake(run, index);
      await wake(run, index);
    }
    expect(await engine.states(run)).toEqual({
      call: 'FAILED',
      'call[0]': 'FAILED',
      'call[1]': 'CANCELLED',
      'call[2]': 'CANCELLED',
      after: 'UPSTREAM_FAILED',
    });
    expect(await engine.state(run)).toBe('FAILED');
    const ended = await engine.db.runs.find({ parent_run_id: run }).toArray();
    expect(ended.map(({ state }) => state).sort()).toEqual(['CANCELLED', 'CANCELLED', 'FAILED']);
  });

  it('rides on the slot of its own run', async () => {
    const narrow = await Engine.start(undefined, { MAX_CONCURRENT_RUNS: '1' });
    try {
      const { pipeline: inner } = await narrow.app
        .get(PipelineService)
        .create({ project_id: narrow.project, definition: { name: 'inner', nodes: [node('work')] } });
      const run = await narrow.run([calls()]);
      await narrow.finish(run, 'call', asks(inner._id));
      const sub = (await narrow.db.runs.findOne({ parent_run_id: run }))!;
      expect(await narrow.states(sub._id)).toEqual({ work: 'QUEUED' });
      expect(sub.engine.rank).toBeUndefined();
    } finally {
      await narrow.stop({ drop: true });
    }
  });
});
