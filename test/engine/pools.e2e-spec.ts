import { newId, type NodeDefinition } from '@tauro/domain';
import { RunReader, TaskSlots } from '@tauro/orchestration';
import { Engine } from '../support/engine.js';

const node = (id: string, pool_slots = 1, more: Partial<NodeDefinition> = {}): NodeDefinition => ({
  id,
  type: 'wait',
  config: { seconds: 0 },
  pool: 'db',
  pool_slots,
  ...more,
});

describe('tasks of a pool', () => {
  let engine: Engine;
  beforeEach(async () => {
    engine = await Engine.start();
  });
  afterEach(() => engine.stop({ drop: true }));

  const pool = async (slots: number, rate_limit: { tasks: number; per_seconds: number } | null = null) => {
    const now = new Date();
    await engine.db.pools.insertOne({
      _id: newId('pool'),
      name: 'db',
      slots,
      description: '',
      rate_limit,
      created_at: now,
      updated_at: now,
      revision: 1,
      request_id: null,
      engine: {},
    });
    await engine.app.get(TaskSlots).fill([{ kind: 'pool', id: 'db' }]);
  };
  /** The tasks of these runs that are with the workers. */
  const inHand = async (...runs: string[]): Promise<string[]> => {
    const dispatched = { state: 'QUEUED' as const, 'engine.dispatch': { $ne: null } };
    const tasks = await engine.db.tasks
      .find({ run_id: { $in: runs }, $or: [dispatched, { state: 'RUNNING' }] })
      .sort({ _id: 1 })
      .toArray();
    return tasks.map(({ node_id }) => node_id);
  };
  const used = async (): Promise<number> =>
    (await engine.db.pools.findOne())!.engine.limit!.holders.reduce((sum, { weight }) => sum + weight, 0);

  it('are the items of a mapped node, not the task that makes its list', async () => {
    await pool(2, { tasks: 3, per_seconds: 3600 });
    const run = await engine.run([node('m', 1, { for_each: { items: [1, 2, 3, 4], max_parallelism: 3 } })]);
    await engine.finish(run, 'm', { kind: 'expand', items: [1, 2, 3, 4] });
    expect(await inHand(run)).toEqual(['m', 'm']);
    await engine.finishItem(run, 'm', 0);
    await engine.finishItem(run, 'm', 1);
    // The third start is the last that the rate allows; an item that the set lets in later is bound as well.
    expect(await inHand(run)).toEqual(['m']);
    expect(await engine.states(run)).toMatchObject({ m: 'WAITING', 'm[2]': 'QUEUED', 'm[3]': 'QUEUED' });
    await engine.finishItem(run, 'm', 2);
    expect(await used()).toBe(0);
  });

  it('share its slots over all runs, and say what they wait for', async () => {
    await pool(2);
    const one = await engine.run([node('a'), node('b')]);
    const other = await engine.run([node('c')]);
    expect(await inHand(one, other)).toEqual(['a', 'b']);
    const run = await engine.runs.get(other);
    const tasks = await engine.db.tasks.find({ run_id: other }).toArray();
    const [c] = await engine.app.get(RunReader).explainTasks(run, tasks);
    // Without a worker that is the first reason; the pool is the next.
    expect(c!.waiting_reason).toMatch(/no worker/);
    await engine.finish(one, 'a');
    expect(await inHand(other)).toEqual(['c']);
    await engine.finish(one, 'b');
    await engine.finish(other, 'c');
    expect(await used()).toBe(0);
  });

  it('wait for a pool that does not exist until it does, and for more slots until it is larger', async () => {
    const run = await engine.run([node('a'), node('b')]);
    expect(await inHand(run)).toEqual([]);
    await pool(1);
    expect(await inHand(run)).toEqual(['a']);
  });

  it('are not starved when they need many slots, and take all of a smaller pool', async () => {
    await pool(2);
    const light = await engine.run([node('l1'), node('l2')]);
    const heavy = await engine.run([node('heavy', 9)]);
    const late = await engine.run([node('late')]);
    await engine.finish(light, 'l1');
    expect(await inHand(heavy, late)).toEqual([]);
    await engine.finish(light, 'l2');
    expect(await inHand(heavy, late)).toEqual(['heavy']);
    await engine.finish(heavy, 'heavy');
    expect(await inHand(late)).toEqual(['late']);
  });

  it('of a run that is bounded itself let those of others pass', async () => {
    await pool(2);
    const bounded = await engine.run([node('b1'), node('b2')], { config: { max_parallelism: 1 } });
    const other = await engine.run([node('o1'), node('o2')]);
    expect(await inHand(bounded, other)).toEqual(['b1', 'o1']);
    await engine.finish(bounded, 'b1');
    expect(await inHand(bounded, other)).toEqual(['b2', 'o1']);
    await engine.finish(bounded, 'b2');
    expect(await inHand(bounded, other)).toEqual(['o1', 'o2']);
  });

  it('hold no slot while they sleep, and none once their run is cancelled', async () => {
    await pool(1);
    const sleeper = await engine.run([node('sleeps')]);
    const next = await engine.run([node('next')]);
    await engine.finish(sleeper, 'sleeps', {
      kind: 'wait',
      until: new Date(Date.now() + 60_000),
      output: null,
    });
    expect(await inHand(next)).toEqual(['next']);
    const last = await engine.run([node('last')]);
    await engine.runs.cancel(next);
    expect(await inHand(last)).toEqual(['last']);
  });

  it('start no faster than its rate limit, counted from when each has started', async () => {
    await pool(10, { tasks: 2, per_seconds: 1 });
    const run = await engine.run([node('a'), node('b'), node('c'), node('d')]);
    expect(await inHand(run)).toEqual(['a', 'b']);
    // However long they wait for a worker, nobody else is let in meanwhile.
    await engine.finish(run, 'a');
    await engine.finish(run, 'b');
    await engine.app.get(TaskSlots).fill([{ kind: 'pool', id: 'db' }]);
    const started = async (...ids: string[]) =>
      (await engine.db.tasks.find({ run_id: run, node_id: { $in: ids } }).toArray()).map((task) =>
        task.started_at!.getTime(),
      );
    const first = Math.max(...(await started('a', 'b')));
    while ((await inHand(run)).length < 2) {
      await engine.app.get(TaskSlots).fill([{ kind: 'pool', id: 'db' }]);
    }
    await engine.finish(run, 'c');
    expect(Math.min(...(await started('c'))) - first).toBeGreaterThanOrEqual(999);
  });

  it('that a dead process left holding a slot are found', async () => {
    await pool(1);
    const dead = await engine.run([node('a')]);
    const next = await engine.run([node('next')]);
    await engine.db.tasks.updateMany(
      { run_id: dead },
      { $set: { state: 'CANCELLED' }, $unset: { 'engine.check_at': 1 } },
    );
    await engine.db.pools.updateMany({}, { $set: { 'engine.limit.holders.$[].since': new Date(0) } });
    await engine.reconcile();
    expect(await inHand(next)).toEqual(['next']);
    expect(await used()).toBe(1);
  });

  it('that got their slot from a process that died then are handed over', async () => {
    await pool(1);
    const run = await engine.run([node('a')]);
    await engine.db.tasks.updateMany({ run_id: run }, { $set: { 'engine.dispatch': null } });
    await engine.reconcile();
    expect(await inHand(run)).toEqual(['a']);
    expect(await used()).toBe(1);
  });
});
