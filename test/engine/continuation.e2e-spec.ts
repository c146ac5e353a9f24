import { type NodeDefinition } from '@tauro/domain';
import { type ClaimedTask, type Outcome } from '@tauro/orchestration';
import { DONE, Engine, FAILED } from '../support/engine.js';

const node = (id: string, ...depends_on: string[]): NodeDefinition => ({
  id,
  type: 'wait',
  config: { seconds: 0 },
  depends_on,
});
const CHAIN = [node('a'), node('b', 'a'), node('c', 'b')];

describe('a worker that goes on with the next node', () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await Engine.start();
  });
  afterAll(() => engine.stop({ drop: true }));

  const goOn = (claimed: ClaimedTask, outcome: Outcome = DONE): Promise<ClaimedTask | null> =>
    engine.tasks.settleAndContinue(claimed, outcome, () => true);
  const task = (run: string, node_id: string) => engine.db.tasks.findOne({ run_id: run, node_id });

  it('has it as the database has it, and leaves nothing to look after', async () => {
    const run = await engine.run(CHAIN);
    const b = (await goOn(await engine.claim(run, 'a')))!;
    expect(await engine.states(run)).toEqual({ a: 'SUCCESS', b: 'RUNNING', c: 'PENDING' });
    const stored = (await task(run, 'b'))!;
    const { attempts, engine: own, queued_at: _, started_at: __, ...rest } = stored;
    const { claim, check_at: ___, ...engineOwn } = own;
    expect(b.task).toMatchObject({ ...rest, engine: engineOwn });
    expect(Object.keys(b.task.engine).sort()).toEqual(Object.keys(own).sort());
    expect(b.task.attempts).toMatchObject([{ ...attempts[0], started_at: expect.any(Date) as Date }]);
    expect(b.task.engine.claim).toMatchObject({ id: claim!.id, worker_id: claim!.worker_id });
    expect(b.claimId).toBe(stored.engine.claim!.id);

    const c = (await goOn(b))!;
    expect(await goOn(c)).toBeNull();
    expect(await engine.state(run)).toBe('SUCCESS');
    await engine.settled();
    expect(await engine.db.tasks.countDocuments({ run_id: run, 'engine.check_at': { $exists: true } })).toBe(
      0,
    );
    const chunks = await engine.db.logs.find({ run_id: run }).sort({ first_seq: 1 }).toArray();
    const said = chunks.flatMap(({ lines }) =>
      lines.map(({ message }) => message.replace(/ (\(|after).*/, '')),
    );
    expect(said.slice(1)).toEqual([
      ...['a', 'b', 'c'].flatMap((id) => [`task ${id} started`, `task ${id} ended SUCCESS`]),
      'run ended SUCCESS',
    ]);
  });

  it('says only once how a task ended when the database was away at first', async () => {
    const run = await engine.run(CHAIN);
    const a = await engine.claim(run, 'a');
    jest.spyOn(engine.db, 'inOrder').mockRejectedValueOnce(new Error('connection closed'));
    await expect(goOn(a)).rejects.toThrow('connection closed');
    await goOn(a);
    const chunks = await engine.db.logs.find({ run_id: run }).sort({ first_seq: 1 }).toArray();
    const said = chunks.flatMap(({ lines }) => lines.map(({ message }) => message));
    expect(said.filter((message) => message.startsWith('task a ended'))).toHaveLength(1);
  });

  it('claims nothing when it has lost its own claim', async () => {
    const run = await engine.run(CHAIN);
    const lost = await engine.claim(run, 'a');
    await engine.tasks.requeueLost(lost.task, lost.claimId, 'it was silent');
    expect(await goOn(lost)).toBeNull();
    expect(await engine.states(run)).toEqual({ a: 'QUEUED', b: 'PENDING', c: 'PENDING' });
    // Nor does it bring back a task that is gone.
    await engine.db.tasks.deleteMany({ run_id: run });
    expect(await goOn(lost)).toBeNull();
    expect(await engine.db.tasks.countDocuments({ run_id: run })).toBe(0);
  });

  it('harms no other attempt that ends with it when it has lost its claim', async () => {
    const runs = await Promise.all(Array.from({ length: 12 }, () => engine.run(CHAIN)));
    const claimed = await Promise.all(runs.map((run) => engine.claim(run, 'a')));
    const isLost = (i: number): boolean => i % 4 === 1;
    for (const [i, { task, claimId }] of claimed.entries()) {
      if (isLost(i)) await engine.tasks.requeueLost(task, claimId, 'it was silent');
    }
    const next = await Promise.all(claimed.map((one) => goOn(one)));
    expect(next.map((one) => one === null)).toEqual(runs.map((_, i) => isLost(i)));
    for (const [i, run] of runs.entries()) {
      const [a, b] = isLost(i) ? ['QUEUED', 'PENDING'] : ['SUCCESS', 'RUNNING'];
      expect(await engine.states(run)).toEqual({ a, b, c: 'PENDING' });
    }
  });

  it('executes nothing more of a run that was cancelled meanwhile', async () => {
    const run = await engine.run(CHAIN);
    const a = await engine.claim(run, 'a');
    await engine.runs.cancel(run);
    expect(await goOn(a)).toBeNull();
    expect(await engine.states(run)).toEqual({ a: 'SUCCESS', b: 'CANCELLED', c: 'CANCELLED' });
    expect(await engine.state(run)).toBe('CANCELLED');
  });

  it('leaves the next node to whoever resumes a run that was paused meanwhile', async () => {
    const run = await engine.run(CHAIN);
    const a = await engine.claim(run, 'a');
    await engine.runs.pause(run);
    expect(await goOn(a)).toBeNull();
    expect(await engine.states(run)).toEqual({ a: 'SUCCESS', b: 'QUEUED', c: 'PENDING' });
    await engine.runs.resume(run);
    await engine.finish(run, 'b');
    await engine.finish(run, 'c');
    expect(await engine.state(run)).toBe('SUCCESS');
  });

  it('takes a task as it is stored, also when another process would have made it otherwise', async () => {
    const run = await engine.run(CHAIN);
    await engine.db.tasks.updateOne({ run_id: run, node_id: 'b' }, { $set: { max_attempts: 7 } });
    const b = await goOn(await engine.claim(run, 'a'));
    expect(b!.task.max_attempts).toBe(7);
  });

  it('goes on behind a join with the last of its parents only', async () => {
    const run = await engine.run([node('a'), node('b'), node('c', 'a', 'b')]);
    const [a, b] = [await engine.claim(run, 'a'), await engine.claim(run, 'b')];
    const next = await Promise.all([goOn(a), goOn(b)]);
    expect(next.flatMap((one) => one?.node.id ?? [])).toEqual(['c']);
    expect(await goOn(next.find((one) => one !== null)!)).toBeNull();
    expect(await engine.state(run)).toBe('SUCCESS');
  });

  it('goes on with the most important of several, and hands over the others', async () => {
    const run = await engine.run([
      node('a'),
      node('b', 'a'),
      { ...node('c', 'a'), priority: 5 },
      node('d', 'c'),
    ]);
    const c = (await goOn(await engine.claim(run, 'a')))!;
    expect(c.node.id).toBe('c');
    expect(await engine.states(run)).toEqual({ a: 'SUCCESS', b: 'QUEUED', c: 'RUNNING', d: 'PENDING' });
  });

  it('does not go on with what must not follow a failure', async () => {
    const run = await engine.run(CHAIN);
    expect(await goOn(await engine.claim(run, 'a'), FAILED)).toBeNull();
    expect(await engine.states(run)).toEqual({ a: 'FAILED', b: 'UPSTREAM_FAILED', c: 'UPSTREAM_FAILED' });
    expect(await engine.state(run)).toBe('FAILED');
  });
});
