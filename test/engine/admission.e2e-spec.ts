import { type NodeDefinition } from '@tauro/domain';
import { RunAdmission, RunCreation, RunReader } from '@tauro/orchestration';
import { Engine } from '../support/engine.js';

const node = (id: string): NodeDefinition => ({ id, type: 'wait', config: { seconds: 0 } });

describe('runs under MAX_CONCURRENT_RUNS of 2', () => {
  let engine: Engine;
  beforeEach(async () => {
    engine = await Engine.start(undefined, { MAX_CONCURRENT_RUNS: '2' });
  });
  afterEach(() => engine.stop({ drop: true }));

  /** Which of these runs have begun: their first task is with the workers. */
  const begun = async (...runs: string[]): Promise<boolean[]> =>
    Promise.all(runs.map(async (run) => (await engine.states(run)).a !== 'PENDING'));
  const holders = async (): Promise<string[]> =>
    (await engine.db.limits.findOne({ _id: 'runs' }))?.engine.limit?.holders.map(({ id }) => id) ?? [];
  const reason = async (run: string): Promise<string | null | undefined> => {
    const [explained] = await engine.app.get(RunReader).explainRuns([await engine.runs.get(run)]);
    return explained!.waiting_reason;
  };
  const start = async (count: number, rest = {}): Promise<string[]> => {
    const runs: string[] = [];
    for (let i = 0; i < count; i++) runs.push(await engine.run([node('a')], rest));
    return runs;
  };

  it('are admitted in the order of their start, one as another ends', async () => {
    const [one, two, three, four] = (await start(4)) as [string, string, string, string];
    expect(await begun(one, two, three, four)).toEqual([true, true, false, false]);
    expect(await engine.state(three)).toBe('QUEUED');
    expect(await reason(four)).toBe('MAX_CONCURRENT_RUNS of 2 is reached, 1 run is before it');

    await engine.finish(one, 'a');
    expect(await begun(three, four)).toEqual([true, false]);
    await engine.runs.cancel(two);
    expect(await begun(four)).toEqual([true]);
    await engine.finish(three, 'a');
    await engine.finish(four, 'a');
    expect(await holders()).toEqual([]);
  });

  it('go by priority, then by age', async () => {
    const [one] = await start(2);
    const low = await engine.create([node('a')]);
    const high = await engine.create([node('a')], {}, {}, 10);
    await engine.runs.start(low);
    await engine.runs.start(high);
    await engine.finish(one!, 'a');
    expect(await begun(low, high)).toEqual([false, true]);
  });

  it('keep their slot while they are paused, and give it back when they are cancelled', async () => {
    const [one, , three] = (await start(3)) as [string, string, string];
    await engine.runs.pause(one);
    expect(await begun(three)).toEqual([false]);
    await engine.runs.cancel(one);
    expect(await begun(three)).toEqual([true]);
  });

  it('wait when they are resumed after a pause in the queue', async () => {
    const [one, , three] = (await start(3)) as [string, string, string];
    await engine.runs.pause(three);
    await engine.finish(one, 'a');
    expect(await begun(three)).toEqual([false]);
    await engine.runs.resume(three);
    expect(await begun(three)).toEqual([true]);
  });

  it('of a pipeline that has its max_active_runs do not block others', async () => {
    const busy = await engine.create([node('a')], { config: { max_active_runs: 1 } });
    const { pipeline_id } = await engine.runs.get(busy);
    const more = await Promise.all(
      [1, 2].map(() => engine.app.get(RunCreation).create({ project_id: engine.project, pipeline_id })),
    );
    await engine.runs.start(busy);
    for (const run of more) await engine.runs.start(run._id);
    expect(await begun(busy, ...more.map(({ _id }) => _id))).toEqual([true, false, false]);
    expect(await reason(more[1]!._id)).toMatch(/^max_active_runs of 1 of pipeline '.*' is reached, 1 run is/);

    const [other] = await start(1);
    expect(await begun(other!)).toEqual([true]);
    await engine.finish(other!, 'a');
    expect(await begun(more[0]!._id)).toEqual([false]);
    await engine.finish(busy, 'a');
    expect(await begun(...more.map(({ _id }) => _id))).toEqual([true, false]);
  });

  it('never are more than that, however many processes start them at once', async () => {
    const other = await Engine.start(engine.database, { MAX_CONCURRENT_RUNS: '2' });
    const runs = await Promise.all(Array.from({ length: 20 }, () => engine.create([node('a')])));
    await Promise.all(runs.map((run, i) => (i % 2 ? other : engine).runs.start(run)));
    const ended = new Set<string>();
    while (ended.size < runs.length) {
      const states = await begun(...runs);
      const open = runs.filter((run, i) => states[i] && !ended.has(run));
      expect(open.length).toBeGreaterThan(0);
      expect(open.length).toBeLessThanOrEqual(2);
      await Promise.all(open.map((run, i) => (i % 2 ? other : engine).finish(run, 'a')));
      for (const run of open) ended.add(run);
      if (ended.size < runs.length) await engine.reconcile();
    }
    expect(await holders()).toEqual([]);
    await other.stop();
  });

  describe('when a process dies', () => {
    const ABSENT = new Date(0);

    it('after a start was stored, before it took its slot: it is admitted', async () => {
      const run = await engine.create([node('a')]);
      await engine.db.runs.updateOne(
        { _id: run },
        { $set: { state: 'QUEUED', queued_at: ABSENT, 'engine.rank': ABSENT, 'engine.check_at': ABSENT } },
      );
      await engine.reconcile();
      expect(await begun(run)).toEqual([true]);
      expect(await holders()).toEqual([run]);
    });

    it('after a slot was taken, before the run began: it begins, and holds one slot', async () => {
      const [run] = await start(1);
      await engine.db.tasks.updateMany({ run_id: run }, { $set: { state: 'PENDING' } });
      await engine.reconcile();
      expect(await begun(run!)).toEqual([true]);
      expect(await holders()).toEqual([run]);
    });

    it('after a run ended, before it gave its slot back: the next is admitted', async () => {
      const [one, , three] = (await start(3)) as [string, string, string];
      await engine.db.runs.updateOne({ _id: one }, { $set: { state: 'SUCCESS', 'engine.advanced': false } });
      await engine.reconcile();
      expect(await begun(three)).toEqual([true]);
    });

    it('and its run is gone: the leaked slot is found', async () => {
      const [one, , three] = (await start(3)) as [string, string, string];
      await engine.db.runs.deleteOne({ _id: one });
      await engine.db.limits.updateOne(
        { _id: 'runs' },
        { $set: { 'engine.limit.holders.$[one].since': ABSENT } },
        { arrayFilters: [{ 'one.id': one }] },
      );
      await engine.reconcile();
      expect(await begun(three)).toEqual([true]);
      expect(await holders()).not.toContain(one);
    });

    it('after a slot was given back, before the next run was told: it is admitted', async () => {
      const [one, , three] = (await start(3)) as [string, string, string];
      await engine.db.runs.updateOne({ _id: one }, { $set: { state: 'SUCCESS' } });
      await engine.db.limits.updateOne(
        { _id: 'runs' },
        { $pull: { 'engine.limit.holders': { id: one } } as never },
      );
      await engine.reconcile();
      expect(await begun(three)).toEqual([true]);
    });
  });

  it('that ride on their parent need no slot', async () => {
    const run = await engine.runs.get((await start(1))[0]!);
    expect(engine.app.get(RunAdmission).limitsOf(run)).toHaveLength(1);
    expect(engine.app.get(RunAdmission).limitsOf({ ...run, parent_run_id: 'run_1' } as never)).toEqual([]);
  });
});
