import { type NodeDefinition } from '@tauro/domain';
import { RerunService, RunStages } from '@tauro/orchestration';
import { DONE, Engine, FAILED } from '../support/engine.js';

const node = (id: string, ...depends_on: string[]): NodeDefinition => ({
  id,
  type: 'wait',
  config: { seconds: 0 },
  depends_on,
  retry_policy: { max_attempts: 1 },
});
const NODES = [
  node('a'),
  node('b', 'a'),
  node('alert'),
  node('page', 'alert'),
  node('clean'),
  node('report', 'clean'),
];
const STAGES = { on_failure: ['alert', 'page'], finally: ['clean', 'report'] };

describe('what follows the end of a run', () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await Engine.start();
  });
  afterAll(() => engine.stop({ drop: true }));

  it('success: on_failure is skipped, finally executes in its order', async () => {
    const run = await engine.run(NODES, STAGES);
    await engine.finish(run, 'a');
    expect((await engine.states(run)).clean).toBe('PENDING');
    await engine.finish(run, 'b');
    expect(await engine.states(run)).toMatchObject({
      alert: 'SKIPPED',
      page: 'SKIPPED',
      clean: 'QUEUED',
      report: 'PENDING',
    });
    expect(await engine.state(run)).toBe('RUNNING');
    await engine.finish(run, 'clean');
    await engine.finish(run, 'report');
    expect(await engine.state(run)).toBe('SUCCESS');
  });

  it('failure: on_failure executes first, knows the error, and does not mask it', async () => {
    const run = await engine.run(NODES, STAGES);
    await engine.finish(run, 'a', FAILED);
    expect(await engine.states(run)).toMatchObject({
      b: 'UPSTREAM_FAILED',
      alert: 'QUEUED',
      clean: 'PENDING',
    });
    const alert = await engine.claim(run, 'alert');
    expect(alert.run.engine.outcome).toMatchObject({
      state: 'FAILED',
      error: { type: 'Boom', node_id: 'a' },
    });
    await engine.tasks.settle(alert, DONE);
    await engine.finish(run, 'page');
    await engine.finish(run, 'clean');
    await engine.finish(run, 'report');
    expect(await engine.db.runs.findOne({ _id: run })).toMatchObject({
      state: 'FAILED',
      error: { node_id: 'a' },
    });
  });

  it('a failing finally node fails a run that was well', async () => {
    const run = await engine.run([node('a'), node('clean')], { finally: ['clean'] });
    await engine.finish(run, 'a');
    await engine.finish(run, 'clean', FAILED);
    expect(await engine.db.runs.findOne({ _id: run })).toMatchObject({
      state: 'FAILED',
      error: { node_id: 'clean' },
    });
  });

  it('an allowed failure is none', async () => {
    const run = await engine.run([{ ...node('a'), allow_failure: true }, node('alert')], {
      on_failure: ['alert'],
    });
    await engine.finish(run, 'a', FAILED);
    expect(await engine.states(run)).toMatchObject({ alert: 'SKIPPED' });
    expect(await engine.state(run)).toBe('SUCCESS');
  });

  it.each([null, 1])(
    'a cancel: only finally executes, and the run ends CANCELLED (max_parallelism %s)',
    async (bound) => {
      const config = bound === null ? {} : { max_parallelism: bound };
      const run = await engine.run(NODES, { ...STAGES, config });
      const a = await engine.claim(run, 'a');
      await engine.runs.cancel(run);
      expect(await engine.states(run)).toEqual({
        a: 'RUNNING',
        b: 'CANCELLED',
        alert: 'CANCELLED',
        page: 'CANCELLED',
        clean: 'PENDING',
        report: 'PENDING',
      });
      await engine.tasks.settle(a, { kind: 'cancelled' });
      const clean = await engine.claim(run, 'clean');
      expect(clean.run.engine.outcome?.state).toBe('CANCELLED');
      await engine.runs.cancel(run);
      await engine.tasks.settle(clean, DONE);
      await engine.finish(run, 'report');
      expect(await engine.state(run)).toBe('CANCELLED');
    },
  );

  it('a cancel of a paused run tidies up all the same', async () => {
    const run = await engine.run([node('a'), node('b', 'a'), node('clean')], { finally: ['clean'] });
    await engine.finish(run, 'a');
    await engine.runs.pause(run);
    await engine.runs.cancel(run);
    await engine.finish(run, 'clean');
    expect(await engine.state(run)).toBe('CANCELLED');
  });

  it('a cancel before anything began leaves nothing to tidy up', async () => {
    for (const run of [await engine.create(NODES, STAGES), await engine.run(NODES, STAGES)]) {
      await engine.runs.cancel(run);
      expect(await engine.state(run)).toBe('CANCELLED');
      expect(new Set(Object.values(await engine.states(run)))).toEqual(new Set(['CANCELLED']));
    }
  });

  it('a rerun repeats what follows the end', async () => {
    const run = await engine.run([node('a'), node('alert'), node('clean')], {
      on_failure: ['alert'],
      finally: ['clean'],
    });
    await engine.finish(run, 'a');
    await engine.finish(run, 'clean');
    const again = await engine.app.get(RerunService).rerun(run, 'failed');
    expect(await engine.states(again._id)).toEqual({ a: 'SUCCESS', alert: 'SKIPPED', clean: 'QUEUED' });
    await engine.finish(again._id, 'clean');
    expect(await engine.state(again._id)).toBe('SUCCESS');
  });

  describe('after a crash', () => {
    /** A run whose main node has ended, and whose process died before it did this. */
    const dyingAt = async (step: 'open' | 'begin', fails: boolean): Promise<string> => {
      const run = await engine.run([node('a'), node('alert'), node('clean')], {
        on_failure: ['alert'],
        finally: ['clean'],
      });
      const a = await engine.claim(run, 'a');
      const dies = jest.spyOn(engine.app.get(RunStages), step).mockRejectedValueOnce(new Error('died'));
      await expect(engine.tasks.settle(a, fails ? FAILED : DONE)).rejects.toThrow('died');
      dies.mockRestore();
      return run;
    };

    it.each([
      ['open', true],
      ['open', false],
      ['begin', true],
      ['begin', false],
    ] as const)('before %s (failed: %s) the reconciler goes on', async (step, fails) => {
      const run = await dyingAt(step, fails);
      await engine.reconcile();
      if (fails) await engine.finish(run, 'alert');
      await engine.finish(run, 'clean');
      expect(await engine.state(run)).toBe(fails ? 'FAILED' : 'SUCCESS');
      expect((await engine.states(run)).alert).toBe(fails ? 'SUCCESS' : 'SKIPPED');
    });

    it('between two first tasks of a stage, the other one follows', async () => {
      const run = await engine.run([node('a'), node('x'), node('y')], { finally: ['x', 'y'] });
      await engine.finish(run, 'a');
      await engine.db.tasks.updateOne(
        { run_id: run, node_id: 'y' },
        {
          $set: { state: 'PENDING', queued_at: null, 'engine.dispatch': null },
          $unset: { 'engine.check_at': 1 },
        },
      );
      await engine.finish(run, 'x');
      await engine.reconcile();
      await engine.finish(run, 'y');
      expect(await engine.state(run)).toBe('SUCCESS');
    });
  });
});
