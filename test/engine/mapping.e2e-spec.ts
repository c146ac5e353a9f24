import { buildGraph, type ForEach, type Json, type NodeDefinition, STOP } from '@tauro/domain';
import { MappingService, type Outcome, RerunService } from '@tauro/orchestration';
import { DONE, Engine, FAILED } from '../support/engine.js';

const each = (id: string, for_each: Partial<ForEach> = {}, ...depends_on: string[]): NodeDefinition => ({
  id,
  type: 'wait',
  config: { seconds: 0 },
  depends_on,
  retry_policy: { max_attempts: 1 },
  for_each: { items: [], ...for_each },
});
const node = (id: string, ...depends_on: string[]): NodeDefinition => ({
  id,
  type: 'wait',
  config: { seconds: 0 },
  depends_on,
  retry_policy: { max_attempts: 1 },
});
const over = (...items: Json[]): Outcome => ({ kind: 'expand', items });
const gives = (output: Json): Outcome => ({ kind: 'success', output });

describe('a node mapped over a list', () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await Engine.start();
  });
  afterAll(() => engine.stop({ drop: true }));

  const task = async (run: string, id: string) =>
    (await engine.db.tasks.findOne({ run_id: run, node_id: id, index: null }))!;
  const item = async (run: string, id: string, index: number) =>
    (await engine.db.tasks.findOne({ run_id: run, node_id: id, index }))!;

  it('runs once per item, and its output holds theirs in order whatever ended first', async () => {
    const run = await engine.run([each('m'), node('after', 'm')]);
    await engine.finish(run, 'm', over('a', 'b', 'c'));
    expect(await engine.states(run)).toEqual({
      m: 'WAITING',
      'm[0]': 'QUEUED',
      'm[1]': 'QUEUED',
      'm[2]': 'QUEUED',
      after: 'PENDING',
    });
    expect((await item(run, 'm', 1)).item).toBe('b');
    for (const index of [2, 0]) await engine.finishItem(run, 'm', index, gives(index));
    expect((await engine.states(run)).m).toBe('WAITING');
    await engine.finishItem(run, 'm', 1, gives({ one: 1 }));
    expect(await engine.states(run)).toMatchObject({ m: 'SUCCESS', after: 'QUEUED' });
    expect((await task(run, 'm')).output).toEqual({
      items: [0, { one: 1 }, 2],
      count: 3,
      succeeded: 3,
      failed: 0,
      skipped: 0,
      cancelled: 0,
    });
    await engine.finish(run, 'after');
    expect(await engine.state(run)).toBe('SUCCESS');
  });

  it('over nothing succeeds at once', async () => {
    const run = await engine.run([each('m')]);
    await engine.finish(run, 'm', over());
    expect((await task(run, 'm')).output).toMatchObject({ items: [], count: 0 });
    expect(await engine.state(run)).toBe('SUCCESS');
  });

  it('never runs more items at once than it says, and each once', async () => {
    const run = await engine.run([each('m', { max_parallelism: 2 })]);
    await engine.finish(run, 'm', over(...Array.from({ length: 7 }, (_, i) => i)));
    const order: number[] = [];
    for (;;) {
      const states = Object.entries(await engine.states(run)).filter(([, state]) => state === 'QUEUED');
      if (states.length === 0) break;
      expect(states.length).toBeLessThanOrEqual(2);
      // The later of the two, so that the places move.
      const index = Number(/\[(\d+)\]/.exec(states.at(-1)![0])![1]);
      order.push(index);
      await engine.finishItem(run, 'm', index);
    }
    expect(order.sort()).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(await engine.state(run)).toBe('SUCCESS');
  });

  it('keeps the bound of its run as well', async () => {
    const run = await engine.run([each('m')], { config: { max_parallelism: 1 } });
    await engine.finish(run, 'm', over(1, 2, 3));
    const carried = () =>
      engine.db.tasks
        .find({ run_id: run, index: { $ne: null }, state: 'QUEUED', 'engine.dispatch': { $ne: null } })
        .toArray();
    for (let left = 3; left > 0; left--) {
      const [only, ...others] = await carried();
      expect(others).toEqual([]);
      await engine.finishItem(run, 'm', only!.index!);
    }
    expect(await engine.state(run)).toBe('SUCCESS');
  });

  describe('of whose items one fails', () => {
    it('lets the others run and fails at the end, with the first failure', async () => {
      const run = await engine.run([each('m'), node('after', 'm')]);
      await engine.finish(run, 'm', over(1, 2));
      await engine.finishItem(run, 'm', 0, FAILED);
      expect(await engine.states(run)).toMatchObject({ m: 'WAITING', 'm[1]': 'QUEUED' });
      await engine.finishItem(run, 'm', 1, gives('fine'));
      expect(await engine.states(run)).toMatchObject({ m: 'FAILED', after: 'UPSTREAM_FAILED' });
      expect((await task(run, 'm')).output).toMatchObject({ items: [null, 'fine'], succeeded: 1, failed: 1 });
      expect((await engine.runs.get(run)).error).toEqual({
        type: 'ItemsFailed',
        message: '1 of 2 items failed; the first, item 0: boom',
        node_id: 'm',
      });
    });

    it('continues and succeeds when it says so', async () => {
      const run = await engine.run([each('m', { on_item_failure: 'continue' })]);
      await engine.finish(run, 'm', over(1, 2));
      await engine.finishItem(run, 'm', 0, FAILED);
      await engine.finishItem(run, 'm', 1);
      expect(await engine.state(run)).toBe('SUCCESS');
      expect((await task(run, 'm')).output).toMatchObject({
        failed: 1,
        failures: [{ index: 0, type: 'Boom', message: 'boom' }],
      });
    });

    it('cancels the others when it is to fail fast', async () => {
      const run = await engine.run([each('m', { on_item_failure: 'fail_fast', max_parallelism: 2 })]);
      await engine.finish(run, 'm', over(1, 2, 3, 4));
      const running = await engine.claim(run, 'm', 'w1', 1);
      await engine.finishItem(run, 'm', 0, FAILED);
      expect(await engine.states(run)).toEqual({
        m: 'WAITING',
        'm[0]': 'FAILED',
        'm[1]': 'RUNNING',
        'm[2]': 'CANCELLED',
        'm[3]': 'CANCELLED',
      });
      await engine.tasks.settle(running, { kind: 'cancelled' });
      expect(await engine.state(run)).toBe('FAILED');
      expect((await task(run, 'm')).output).toMatchObject({ failed: 1, cancelled: 3 });
    });
  });

  it('cancelled with its run leaves nothing behind', async () => {
    const run = await engine.run([each('m'), node('after', 'm')]);
    await engine.finish(run, 'm', over(1, 2));
    const running = await engine.claim(run, 'm', 'w1', 1);
    await engine.runs.cancel(run);
    await engine.tasks.settle(running, { kind: 'cancelled' });
    expect(new Set(Object.values(await engine.states(run)))).toEqual(new Set(['CANCELLED']));
    expect(await engine.state(run)).toBe('CANCELLED');
  });

  it('repeated by a rerun keeps what it has left when it succeeded', async () => {
    const run = await engine.run([each('m'), node('after', 'm')]);
    await engine.finish(run, 'm', over(1));
    await engine.finishItem(run, 'm', 0, gives('kept'));
    await engine.finish(run, 'after', FAILED);
    const again = await engine.app.get(RerunService).rerun(run, 'failed');
    expect(await engine.states(again._id)).toEqual({ m: 'SUCCESS', after: 'QUEUED' });
    expect((await task(again._id, 'm')).output).toMatchObject({ items: ['kept'] });
  });

  describe('when a process dies', () => {
    it('after some items got their tasks, before the node waits for them: all are made, none twice', async () => {
      const run = await engine.run([each('m')]);
      await engine.claim(run, 'm');
      const half = await task(run, 'm');
      const definition = each('m');
      await engine.app
        .get(MappingService)
        .plant(half, buildGraph({ name: 'p', nodes: [definition] }).nodes.get('m')!, ['a', 'b']);
      // Nobody may start them yet.
      await engine.reconcile();
      expect(await engine.states(run)).toEqual({ m: 'QUEUED', 'm[0]': 'PENDING', 'm[1]': 'PENDING' });
      await engine.finish(run, 'm', over('a', 'b', 'c'));
      expect(await engine.states(run)).toEqual({
        m: 'WAITING',
        'm[0]': 'QUEUED',
        'm[1]': 'QUEUED',
        'm[2]': 'QUEUED',
      });
    });

    const forgetReleases = (run: string, ...indexes: number[]) =>
      engine.db.tasks.updateMany(
        { run_id: run, index: { $in: indexes } },
        {
          $set: { state: 'PENDING', queued_at: null, 'engine.dispatch': null },
          $unset: { 'engine.check_at': 1 },
        },
      );

    it('after the node waits, before its items were started: they are started', async () => {
      const run = await engine.run([each('m', { max_parallelism: 2 })]);
      await engine.finish(run, 'm', over(1, 2, 3));
      await forgetReleases(run, 0, 1);
      await engine.reconcile();
      expect(await engine.states(run)).toEqual({
        m: 'WAITING',
        'm[0]': 'QUEUED',
        'm[1]': 'QUEUED',
        'm[2]': 'PENDING',
      });
    });

    it('after an item ended, before the next took its place: it does, once', async () => {
      const run = await engine.run([each('m', { max_parallelism: 1 })]);
      await engine.finish(run, 'm', over(1, 2, 3));
      await engine.finishItem(run, 'm', 0);
      // As it was right after the terminal write.
      await forgetReleases(run, 1);
      await engine.db.tasks.updateOne(
        { run_id: run, node_id: 'm', index: null },
        { $set: { 'engine.open': [0], 'engine.next': 1 } },
      );
      await engine.db.tasks.updateOne(
        { run_id: run, index: 0 },
        { $set: { 'engine.advanced': false, 'engine.check_at': new Date(0) } },
      );
      await engine.reconcile();
      await engine.reconcile();
      expect(await engine.states(run)).toMatchObject({ 'm[1]': 'QUEUED', 'm[2]': 'PENDING' });
      expect((await task(run, 'm')).engine).toMatchObject({ open: [1], next: 2 });
    });

    it('after the next took its place, before it was started: it is started', async () => {
      const run = await engine.run([each('m', { max_parallelism: 1 })]);
      await engine.finish(run, 'm', over(1, 2, 3));
      await engine.finishItem(run, 'm', 0);
      await forgetReleases(run, 1);
      await engine.reconcile();
      expect(await engine.states(run)).toMatchObject({ 'm[1]': 'QUEUED', 'm[2]': 'PENDING' });
    });

    it('after the last item ended, before the node did: it ends', async () => {
      const run = await engine.run([each('m'), node('after', 'm')]);
      await engine.finish(run, 'm', over(1));
      await engine.db.tasks.updateOne({ run_id: run, index: 0 }, { $set: { state: 'SUCCESS' } });
      await engine.reconcile();
      expect(await engine.states(run)).toEqual({ m: 'SUCCESS', 'm[0]': 'SUCCESS', after: 'QUEUED' });
    });

    it('after an item failed that is to cancel the others, before it did: they are cancelled', async () => {
      const run = await engine.run([each('m', { on_item_failure: 'fail_fast' })]);
      await engine.finish(run, 'm', over(1, 2));
      await engine.db.tasks.updateOne(
        { run_id: run, index: 0 },
        { $set: { state: 'FAILED', 'engine.advanced': false, 'engine.check_at': new Date(0) } },
      );
      await engine.reconcile();
      expect(await engine.states(run)).toEqual({ m: 'FAILED', 'm[0]': 'FAILED', 'm[1]': 'CANCELLED' });
      expect(await engine.state(run)).toBe('FAILED');
    });

    it('while it makes the tasks of a run that is being cancelled: they are cancelled too', async () => {
      const run = await engine.run([each('m')]);
      const claimed = await engine.claim(run, 'm');
      await engine.runs.cancel(run);
      // The cancel found the node's task running and no items; the worker did not hear of it.
      expect(await engine.tasks.settle(claimed, over(1, 2))).toBe(true);
      expect(await engine.states(run)).toEqual({ m: 'CANCELLED', 'm[0]': 'CANCELLED', 'm[1]': 'CANCELLED' });
      expect(await engine.state(run)).toBe('CANCELLED');
    });

    it('between the items and the wait of a run that is being cancelled: nothing is left', async () => {
      const run = await engine.run([each('m')]);
      const claimed = await engine.claim(run, 'm');
      await engine.app.get(MappingService).plant(claimed.task, claimed.version.graph.nodes.get('m')!, [1, 2]);
      await engine.db.runs.updateOne(
        { _id: run },
        { $set: { cancel_requested_at: new Date(), 'engine.stop_below': STOP.cancel } },
      );
      await engine.reconcile();
      expect(await engine.states(run)).toEqual({ m: 'CANCELLED', 'm[0]': 'CANCELLED', 'm[1]': 'CANCELLED' });
      expect(await engine.state(run)).toBe('CANCELLED');
    });
  });

  it('of two processes that end its last items together, one ends it', async () => {
    const other = await Engine.start(engine.database);
    const run = await engine.run([each('m', { max_parallelism: 3 }), node('after', 'm')]);
    await engine.finish(run, 'm', over(...Array.from({ length: 30 }, (_, i) => i)));
    while ((await engine.states(run)).m === 'WAITING') {
      const ready = await engine.db.tasks.find({ run_id: run, node_id: 'm', state: 'QUEUED' }).toArray();
      expect(ready.length).toBeLessThanOrEqual(3);
      await Promise.all(
        ready.map(async ({ _id }, i) => {
          const by = i % 2 ? engine : other;
          await by.tasks.settle((await by.tasks.claim(_id, run, 'w'))!, DONE);
        }),
      );
    }
    expect((await task(run, 'm')).output).toMatchObject({ count: 30, succeeded: 30 });
    expect((await task(run, 'after')).state).toBe('QUEUED');
    const moved = await engine.db.tasks.find({ run_id: run, node_id: 'm', index: { $ne: null } }).toArray();
    expect(moved.every(({ attempts }) => attempts.length === 1)).toBe(true);
    await other.stop();
  });
});
