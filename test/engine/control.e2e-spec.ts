import { type Json, type NodeDefinition } from '@tauro/domain';
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

    describe('and resumed while a worker claims', () => {
      afterEach(() => jest.restoreAllMocks());

      /** Lets `happen` come just before the next call of this kind. */
      const before = (
        name: 'tasks' | 'runs',
        call: 'findOne' | 'updateOne',
        happen: () => Promise<unknown>,
      ) => {
        const collection = engine.db[name] as typeof engine.db.tasks;
        const real = collection[call].bind(collection) as (...args: unknown[]) => never;
        jest.spyOn(collection, call).mockImplementationOnce(async (...args: unknown[]) => {
          await happen();
          return real(...args);
        });
        jest.spyOn(engine.db, name, 'get').mockReturnValue(collection as never);
      };
      /** A worker that got the job of `a` while the run is paused, and what happens at that moment. */
      const claimWhilePaused = async (
        name: 'tasks' | 'runs',
        call: 'findOne' | 'updateOne',
        happen: (run: string) => Promise<unknown>,
      ): Promise<string> => {
        const run = await engine.run([node('a')]);
        await engine.runs.pause(run);
        const task = await engine.db.tasks.findOne({ run_id: run, node_id: 'a' });
        before(name, call, () => happen(run));
        expect(await engine.tasks.claim(task!._id, task!.run_id, 'w1')).toBeNull();
        jest.restoreAllMocks();
        return run;
      };
      const resume = (run: string) => engine.runs.resume(run);

      it('before the worker has parked its task: it is handed over', async () => {
        const run = await claimWhilePaused('tasks', 'updateOne', resume);
        await engine.finish(run, 'a');
        expect(await engine.state(run)).toBe('SUCCESS');
      });

      it('before the worker knows why it must not execute it: it is not taken for cancelled', async () => {
        const run = await claimWhilePaused('runs', 'findOne', resume);
        expect(await engine.states(run)).toEqual({ a: 'QUEUED' });
        await engine.finish(run, 'a');
        expect(await engine.state(run)).toBe('SUCCESS');
      });

      it('or cancelled: the task does not stay behind', async () => {
        const run = await claimWhilePaused('tasks', 'updateOne', (id) => engine.runs.cancel(id));
        // As the next worker that gets its job does.
        const task = await engine.db.tasks.findOne({ run_id: run, node_id: 'a' });
        expect(await engine.tasks.claim(task!._id, task!.run_id, 'w2')).toBeNull();
        expect([await engine.states(run), await engine.state(run)]).toEqual([
          { a: 'CANCELLED' },
          'CANCELLED',
        ]);
      });
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

    describe('of a node that was mapped over a list', () => {
      const items = [1, 2, 3, 4];
      const mapped = (list: Json[]): NodeDefinition => ({
        ...node('m'),
        for_each: { items: list, max_parallelism: 1 },
      });
      const failedThird = async (list: Json[]): Promise<string> => {
        const run = await engine.run([mapped(list), node('after', 'm')]);
        await engine.finish(run, 'm', { kind: 'expand', items });
        for (const index of [0, 1, 2, 3])
          await engine.finishItem(run, 'm', index, index === 2 ? FAILED : { kind: 'success', output: index });
        expect(await engine.state(run)).toBe('FAILED');
        return run;
      };

      it('repeats only the items that did not end well', async () => {
        const { _id: again } = await rerun(await failedThird(items), 'failed');
        await engine.finish(again, 'm', { kind: 'expand', items });
        const states = { 'm[0]': 'SUCCESS', 'm[1]': 'SUCCESS', 'm[2]': 'QUEUED', 'm[3]': 'SUCCESS' };
        expect(await engine.states(again)).toMatchObject({ m: 'WAITING', ...states });
        await engine.finishItem(again, 'm', 2, { kind: 'success', output: 'better' });
        const task = await engine.db.tasks.findOne({ run_id: again, node_id: 'm', index: null });
        expect(task!.output).toMatchObject({ items: [0, 1, 'better', 3], succeeded: 4 });
        expect(await engine.states(again)).toMatchObject({ m: 'SUCCESS', after: 'QUEUED' });
      });

      it.each([
        ['the list names the run', ['{{ run.id }}'], 'failed'],
        ['the node is named', items, 'm'],
        ['everything begins anew', items, 'start'],
      ])('repeats all of them when %s', async (_, list, from) => {
        const { _id: again } = await rerun(await failedThird(list), from);
        await engine.finish(again, 'm', { kind: 'expand', items });
        const states = { 'm[0]': 'QUEUED', 'm[1]': 'PENDING', 'm[2]': 'PENDING', 'm[3]': 'PENDING' };
        expect(await engine.states(again)).toMatchObject(states);
      });
    });

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

    it('from what failed: what succeeded below a node that is repeated is repeated too', async () => {
      const nodes: NodeDefinition[] = [
        { ...node('a'), allow_failure: true },
        node('b', 'a'),
        node('c', 'b'),
        node('x'),
        node('y', 'x'),
        node('z', 'y'),
        { ...node('alert', 'z'), trigger_rule: 'one_failed' },
      ];
      const first = await engine.run(nodes);
      await engine.finish(first, 'a', FAILED);
      for (const id of ['b', 'c', 'x', 'y']) await engine.finish(first, id);
      await engine.finish(first, 'z', FAILED);
      await engine.finish(first, 'alert');
      const second = await rerun(first, 'failed');
      expect(await engine.states(second._id)).toEqual({
        a: 'QUEUED',
        b: 'PENDING',
        c: 'PENDING',
        x: 'SUCCESS',
        y: 'SUCCESS',
        z: 'QUEUED',
        alert: 'PENDING',
      });
      await engine.finish(second._id, 'a');
      await engine.finish(second._id, 'z');
      expect(await engine.states(second._id)).toMatchObject({ b: 'QUEUED', alert: 'SKIPPED' });
    });

    it('from what failed: what follows a table that is gone is repeated with it', async () => {
      const run = await engine.run([node('a'), node('b', 'a'), node('c', 'b')]);
      const table = { artifact: `runs/${run}/a/gone.parquet`, rows: 1, bytes: 1, columns: [] };
      await engine.finish(run, 'a', { kind: 'success', output: null, table });
      await engine.finish(run, 'b');
      await engine.finish(run, 'c', FAILED);
      const second = await rerun(run, 'failed');
      expect(await engine.states(second._id)).toEqual({ a: 'QUEUED', b: 'PENDING', c: 'PENDING' });
    });

    it('from what failed: what was skipped stays skipped, and what waits for it goes on', async () => {
      const nodes: NodeDefinition[] = [
        node('skip'),
        node('below', 'skip'),
        { ...node('after', 'skip'), trigger_rule: 'all_done' },
        node('f'),
        { ...node('join', 'below', 'f'), trigger_rule: 'none_failed' },
      ];
      const first = await engine.run(nodes);
      await engine.finish(first, 'skip', { kind: 'skipped', why: 'its condition is false' });
      await engine.finish(first, 'after', FAILED);
      await engine.finish(first, 'f', FAILED);
      const second = await rerun(first, 'failed');
      expect(await engine.states(second._id)).toEqual({
        skip: 'SKIPPED',
        below: 'SKIPPED',
        after: 'QUEUED',
        f: 'QUEUED',
        join: 'PENDING',
      });
      for (const id of ['after', 'f', 'join']) await engine.finish(second._id, id);
      expect(await engine.state(second._id)).toBe('SUCCESS');
    });

    it('what a node that failed had skipped is weighed anew', async () => {
      const nodes: NodeDefinition[] = [node('a'), { ...node('repair', 'a'), trigger_rule: 'one_failed' }];
      const first = await engine.run([...nodes, node('f')]);
      await engine.finish(first, 'a');
      expect(await engine.states(first)).toMatchObject({ repair: 'SKIPPED' });
      await engine.finish(first, 'f', FAILED);
      const second = await rerun(first, 'a');
      await engine.finish(second._id, 'a', FAILED);
      expect(await engine.states(second._id)).toMatchObject({ repair: 'QUEUED' });
    });

    it('is for the same data as the run it repeats', async () => {
      const first = await failedRun();
      const slot = {
        schedule_id: 'sched_1',
        scheduled_for: new Date('2026-01-02T00:00:00Z'),
        data_interval_start: new Date('2026-01-01T00:00:00Z'),
        data_interval_end: new Date('2026-01-02T00:00:00Z'),
      };
      await engine.db.runs.updateOne({ _id: first }, { $set: slot });
      expect(await rerun(first, 'failed')).toMatchObject(slot);
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
