import { type NodeDefinition } from '@tauro/domain';
import { RerunService } from '@tauro/orchestration';
import { DONE, Engine, FAILED } from '../support/engine.js';

const node = (id: string, ...depends_on: string[]): NodeDefinition => ({
  id,
  type: 'wait',
  config: { seconds: 0 },
  depends_on,
});

describe('a run in its owner’s hands', () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await Engine.start();
  });
  afterAll(() => engine.stop({ drop: true }));

  describe('paused', () => {
    it.each([null, 1])(
      'starts nothing, lets what runs end, and goes on when resumed (max_parallelism %s)',
      async (bound) => {
        const config = bound === null ? {} : { max_parallelism: bound };
        const run = await engine.run([node('a'), node('b', 'a')], { config });
        const running = await engine.claim(run, 'a');
        await engine.runs.pause(run);
        await engine.tasks.settle(running, DONE);
        await expect(engine.claim(run, 'b')).rejects.toThrow('nothing to claim');
        expect(await engine.states(run)).toEqual({ a: 'SUCCESS', b: 'QUEUED' });
        expect(await engine.state(run)).toBe('PAUSED');

        await engine.runs.resume(run);
        await engine.finish(run, 'b');
        expect(await engine.state(run)).toBe('SUCCESS');
        const b = await engine.db.tasks.findOne({ run_id: run, node_id: 'b' });
        expect([b!.attempt, b!.attempts.length]).toEqual([1, 1]);
      },
    );

    it('ends when its last task was already running', async () => {
      const run = await engine.run([node('a')]);
      const running = await engine.claim(run, 'a');
      await engine.runs.pause(run);
      await engine.tasks.settle(running, DONE);
      expect(await engine.state(run)).toBe('SUCCESS');
    });

    it('can be cancelled', async () => {
      const run = await engine.run([node('a')]);
      await engine.runs.pause(run);
      await engine.runs.cancel(run);
      expect(await engine.state(run)).toBe('CANCELLED');
    });

    it('is refused with the state named, before the start and after the end', async () => {
      const run = await engine.create([node('a')]);
      await expect(engine.runs.pause(run)).rejects.toMatchObject({
        code: 'CONFLICT',
        message: expect.stringContaining('PENDING'),
      });
      await engine.runs.cancel(run);
      await expect(engine.runs.resume(run)).rejects.toMatchObject({
        code: 'CONFLICT',
        message: expect.stringContaining('CANCELLED'),
      });
    });
  });

  describe('run again', () => {
    const failedRun = async (): Promise<string> => {
      const nodes = [node('a'), node('b', 'a'), node('c', 'b'), node('x')];
      const run = await engine.run(nodes, { config: { max_parallelism: 2 } });
      await engine.finish(run, 'a', { kind: 'success', output: { rows: 7 } });
      await engine.finish(run, 'x');
      await engine.finish(run, 'b', FAILED);
      expect(await engine.state(run)).toBe('FAILED');
      return run;
    };
    const rerun = (run: string, from: string): ReturnType<RerunService['rerun']> =>
      engine.app.get(RerunService).rerun(run, from);

    it('from what failed: what succeeded is taken over with its output', async () => {
      const first = await failedRun();
      const second = await rerun(first, 'failed');
      expect(second.rerun_of).toBe(first);
      expect(await engine.states(second._id)).toEqual({
        a: 'SUCCESS',
        b: 'QUEUED',
        c: 'PENDING',
        x: 'SUCCESS',
      });
      const b = await engine.claim(second._id, 'b');
      expect((await engine.tasks.results(b, ['a'])).get('a')?.output).toEqual({ rows: 7 });
      await engine.tasks.settle(b, DONE);
      await engine.finish(second._id, 'c');
      expect(await engine.state(second._id)).toBe('SUCCESS');
    });

    it('from the start: everything', async () => {
      const second = await rerun(await failedRun(), 'start');
      expect(await engine.states(second._id)).toEqual({
        a: 'QUEUED',
        b: 'PENDING',
        c: 'PENDING',
        x: 'QUEUED',
      });
    });

    it('from a node: that one and all after it', async () => {
      const second = await rerun(await failedRun(), 'a');
      expect(await engine.states(second._id)).toEqual({
        a: 'QUEUED',
        b: 'PENDING',
        c: 'PENDING',
        x: 'SUCCESS',
      });
    });

    it('when nothing is left to do: it is over at once', async () => {
      const run = await engine.run([node('a'), node('b', 'a')]);
      await engine.finish(run, 'a');
      await engine.finish(run, 'b');
      const second = await rerun(run, 'failed');
      expect(await engine.state(second._id)).toBe('SUCCESS');
    });

    it('is refused while the run goes on, and for a node it does not have', async () => {
      const going = await engine.run([node('a')]);
      await expect(rerun(going, 'failed')).rejects.toMatchObject({
        code: 'CONFLICT',
        message: expect.stringContaining('QUEUED'),
      });
      await expect(rerun(await failedRun(), 'nope')).rejects.toMatchObject({ code: 'VALIDATION_ERROR' });
    });
  });
});
