import { type NodeDefinition } from '@tauro/domain';
import { type ClaimedTask } from '@tauro/orchestration';
import { Engine } from '../support/engine.js';

const node = (id: string, rest: Partial<NodeDefinition> = {}): NodeDefinition => ({
  id,
  type: 'wait',
  config: { seconds: 0 },
  ...rest,
});

describe('the claim on a task', () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await Engine.start();
  });
  afterEach(() => jest.restoreAllMocks());
  afterAll(() => engine.stop({ drop: true }));

  const taskOf = (run_id: string, node_id: string) => engine.db.tasks.findOne({ run_id, node_id });
  /** Lets something happen after the task and its run were looked at, right before the claim. */
  const beforeTheClaim = (happens: () => Promise<unknown>): void => {
    const inOrder = engine.db.inOrder.bind(engine.db);
    jest.spyOn(engine.db, 'inOrder').mockImplementationOnce(async (...request) => {
      await happens();
      return inOrder(...request);
    });
  };
  /** Apart from the moments, which the database tells. */
  const withoutTimes = (value: object): unknown =>
    JSON.parse(
      JSON.stringify(value, (key, part: unknown) => (/_at$|_until$/.test(key) ? typeof part : part)),
    );

  it('has task and run as the database has them, at the first attempt and at the next', async () => {
    const again = { retry_policy: { max_attempts: 2, backoff_seconds: 0 } };
    const run = await engine.run([node('a', again)], {}, { day: 'monday' });
    const error = { type: 'Boom', message: 'boom' };
    for (const attempt of [1, 2]) {
      const claim = await engine.claim(run, 'a');
      const stored = (await taskOf(run, 'a'))!;
      expect(withoutTimes(claim.task)).toEqual(withoutTimes(stored));
      expect(withoutTimes(claim.run)).toEqual(withoutTimes((await engine.db.runs.findOne({ _id: run }))!));
      expect(stored).toMatchObject({ state: 'RUNNING', attempt, engine: { claim: { id: claim.claimId } } });
      expect(stored.attempts).toHaveLength(attempt);
      await engine.tasks.settle(claim, { kind: 'failure', error, retryable: true });
      if (attempt === 1) await engine.tasks.wake(stored._id);
    }
    expect(await engine.state(run)).toBe('FAILED');
  });

  it('begins a run with the first of many, and executes nothing of one that was cancelled in between', async () => {
    const wide = await engine.run(['a', 'b', 'c', 'd'].map((id) => node(id)));
    const cancelled = await engine.run([node('only')]);
    const tasks = await engine.db.tasks.find({ run_id: { $in: [wide, cancelled] } }).toArray();
    beforeTheClaim(() => engine.runs.cancel(cancelled));
    const claims = await Promise.all(
      // Each is delivered twice.
      [...tasks, ...tasks].map(({ _id, run_id }) => engine.tasks.claim(_id, run_id, 'w1')),
    );
    const mine = claims.filter((claim): claim is ClaimedTask => claim !== null);
    expect(mine.map(({ task }) => task.node_id).sort()).toEqual(['a', 'b', 'c', 'd']);
    expect(mine.map(({ run }) => run.state)).toEqual(Array(4).fill('RUNNING'));
    expect(await engine.db.runs.findOne({ _id: wide })).toMatchObject({
      state: 'RUNNING',
      started_at: expect.any(Date) as Date,
    });
    expect(await engine.state(cancelled)).toBe('CANCELLED');
    expect(await engine.states(cancelled)).toEqual({ only: 'CANCELLED' });
  });

  it('is given up when its run was paused in between, and comes back with it', async () => {
    const run = await engine.run([node('a'), node('b')]);
    await engine.claim(run, 'a');
    const b = (await taskOf(run, 'b'))!;
    beforeTheClaim(() => engine.runs.pause(run));
    expect(await engine.tasks.claim(b._id, run, 'w1')).toBeNull();
    expect(await taskOf(run, 'b')).toMatchObject({ state: 'QUEUED', attempt: 0, attempts: [] });
    await engine.runs.resume(run);
    expect((await engine.claim(run, 'b')).task.attempt).toBe(1);
  });
});
