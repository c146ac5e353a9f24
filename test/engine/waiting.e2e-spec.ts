import { type NodeDefinition } from '@tauro/domain';
import { type Outcome, WaitService } from '@tauro/orchestration';
import { DONE, Engine } from '../support/engine.js';

const node = (id: string, ...depends_on: string[]): NodeDefinition => ({
  id,
  type: 'wait',
  config: { seconds: 0 },
  depends_on,
});
const gate = (id: string, ...depends_on: string[]): NodeDefinition => ({ id, type: 'approval', depends_on });

const asks = (deadline: Date | null = null): Outcome => ({ kind: 'approval', message: 'Ship it?', deadline });
const LATER = new Date(Date.now() + 3_600_000);
const sleeps = (until = LATER): Outcome => ({ kind: 'wait', until, output: null });

describe('a task that waits', () => {
  let engine: Engine;
  let waits: WaitService;
  beforeAll(async () => {
    engine = await Engine.start();
    waits = engine.app.get(WaitService);
  });
  afterAll(() => engine.stop({ drop: true }));

  const taskOf = async (run: string, id: string) =>
    (await engine.db.tasks.findOne({ run_id: run, node_id: id }))!;
  const logOf = async (run: string): Promise<string[]> =>
    (await engine.db.logs.find({ run_id: run }).sort({ first_seq: 1 }).toArray()).flatMap((chunk) =>
      chunk.lines.map((line) => `${line.level} ${line.message}`),
    );
  const asked = async (deadline: Date | null = null): Promise<string> => {
    const run = await engine.run([gate('gate'), node('after', 'gate')]);
    await engine.finish(run, 'gate', asks(deadline));
    expect(await engine.states(run)).toEqual({ gate: 'WAITING', after: 'PENDING' });
    return run;
  };

  describe('for approval', () => {
    it('ends SUCCESS with what was said when it is approved, and the run goes on', async () => {
      const run = await asked();
      const task = await waits.decide(run, 'gate', { approved: true, comment: 'fine', by: 'ana' });
      expect(task.state).toBe('SUCCESS');
      expect(task.output).toMatchObject({ approved: true, comment: 'fine', by: 'ana' });
      expect(await engine.states(run)).toEqual({ gate: 'SUCCESS', after: 'QUEUED' });
      await engine.finish(run, 'after');
      expect(await logOf(run)).toContain('INFO task gate was approved by ana: fine');
    });

    it('ends FAILED when it is rejected, is not tried again, and what comes after it does not run', async () => {
      const run = await engine.run([
        { ...gate('gate'), retry_policy: { max_attempts: 5, backoff_seconds: 0 } },
        node('after', 'gate'),
      ]);
      await engine.finish(run, 'gate', asks());
      const { _id } = await taskOf(run, 'gate');
      const task = await waits.decide(run, _id, { approved: false, by: 'bo' });
      expect(task.error).toEqual({ type: 'Rejected', message: 'rejected by bo' });
      expect(task.attempts.map(({ state }) => state)).toEqual(['FAILED']);
      expect(await engine.states(run)).toEqual({ gate: 'FAILED', after: 'UPSTREAM_FAILED' });
      expect(await engine.state(run)).toBe('FAILED');
      expect((await engine.runs.get(run)).metrics.error_count).toBe(1);
    });

    it('has one attempt whatever the default is, unless its author says otherwise', async () => {
      const run = await engine.create([gate('gate'), node('nap')], {
        config: { retry_policy: { max_attempts: 4 } },
      });
      expect([(await taskOf(run, 'gate')).max_attempts, (await taskOf(run, 'nap')).max_attempts]).toEqual([
        1, 1,
      ]);
    });

    it.each([1, 2, 3])('belongs to the first of many that decide at once (round %i)', async () => {
      const run = await asked();
      const tries = await Promise.allSettled(
        Array.from({ length: 8 }, (_, i) =>
          waits.decide(run, 'gate', { approved: i % 2 === 0, by: `p${i}` }),
        ),
      );
      const won = tries.filter((one) => one.status === 'fulfilled');
      expect(won).toHaveLength(1);
      for (const one of tries.filter((t) => t.status === 'rejected')) {
        expect(one.reason).toMatchObject({
          code: 'CONFLICT',
          message: expect.stringMatching(/SUCCESS|FAILED/),
        });
      }
      const { output, state } = await taskOf(run, 'gate');
      expect(output).toMatchObject(won[0]!.value.output as object);
      expect(state).toBe((output as { approved: boolean }).approved ? 'SUCCESS' : 'FAILED');
    });

    it('fails when its deadline passes undecided, and then it is too late', async () => {
      const run = await asked(new Date());
      await engine.tasks.wake((await taskOf(run, 'gate'))._id);
      const task = await taskOf(run, 'gate');
      expect([task.state, task.error?.type]).toEqual(['FAILED', 'ApprovalTimeout']);
      await expect(waits.decide(run, 'gate', { approved: true })).rejects.toMatchObject({
        code: 'CONFLICT',
        message: expect.stringContaining('FAILED'),
      });
    });

    it('is refused for a task that does not wait for it', async () => {
      const run = await engine.run([node('nap'), gate('gate', 'nap')]);
      await expect(waits.decide(run, 'gate', { approved: true })).rejects.toMatchObject({
        code: 'CONFLICT',
        message: expect.stringContaining('PENDING'),
      });
      await engine.finish(run, 'nap', sleeps());
      await expect(waits.decide(run, 'nap', { approved: true })).rejects.toMatchObject({
        code: 'CONFLICT',
        message: expect.stringContaining('WAITING'),
      });
      await expect(waits.decide(run, 'nope', { approved: true })).rejects.toMatchObject({
        code: 'NOT_FOUND',
      });
      await engine.runs.cancel(run);
      await expect(waits.decide(run, 'gate', { approved: true })).rejects.toMatchObject({
        code: 'CONFLICT',
        message: expect.stringContaining('CANCELLED'),
      });
    });

    it('is CANCELLED with its run, its attempt too', async () => {
      const run = await asked();
      await engine.runs.cancel(run);
      expect(await engine.states(run)).toEqual({ gate: 'CANCELLED', after: 'CANCELLED' });
      expect((await taskOf(run, 'gate')).attempts[0]!.state).toBe('CANCELLED');
    });

    it('can be decided while the run is paused: what comes after it waits for the resume', async () => {
      const run = await asked();
      await engine.runs.pause(run);
      await waits.decide(run, 'gate', { approved: true });
      await expect(engine.claim(run, 'after')).rejects.toThrow('nothing to claim');
      await engine.runs.resume(run);
      await engine.finish(run, 'after');
      expect(await engine.state(run)).toBe('SUCCESS');
    });
  });

  describe('and a crash', () => {
    it('between the decision and what follows it: the run goes on', async () => {
      const run = await asked();
      const now = new Date();
      await engine.db.tasks.updateOne(
        { run_id: run, node_id: 'gate' },
        {
          $set: {
            state: 'SUCCESS',
            output: { approved: true },
            finished_at: now,
            'engine.wake_at': null,
            'engine.advanced': false,
            'engine.check_at': now,
          },
        },
      );
      await engine.reconcile();
      expect(await engine.states(run)).toEqual({ gate: 'SUCCESS', after: 'QUEUED' });
    });

    it('before the deadline could be planned: the reconciler keeps it, and not before its time', async () => {
      const run = await asked(LATER);
      await engine.reconcile();
      expect(await engine.states(run)).toEqual({ gate: 'WAITING', after: 'PENDING' });
      const { engine: inner } = await taskOf(run, 'gate');
      expect(inner.check_at!.getTime()).toBeGreaterThan(LATER.getTime());
      await engine.db.tasks.updateOne(
        { run_id: run, node_id: 'gate' },
        { $set: { 'engine.wake_at': new Date(0) } },
      );
      await engine.reconcile();
      expect(await engine.states(run)).toEqual({ gate: 'FAILED', after: 'UPSTREAM_FAILED' });
    });

    it('without a deadline it is looked at once and then left alone until somebody decides', async () => {
      const run = await asked();
      await engine.reconcile();
      expect((await taskOf(run, 'gate')).engine).not.toHaveProperty('check_at');
      await waits.decide(run, 'gate', { approved: true });
      expect(await engine.states(run)).toEqual({ gate: 'SUCCESS', after: 'QUEUED' });
    });

    it.each([
      ['an approval', asks()],
      ['a wait', sleeps()],
    ])('before %s gave its slot back: the next task of the run gets it', async (_, outcome) => {
      const run = await engine.run([node('first'), node('second')], { config: { max_parallelism: 1 } });
      await engine.finish(run, 'first', outcome);
      const first = await taskOf(run, 'first');
      const held = [{ id: first._id, weight: 1, since: new Date(0) }];
      await engine.db.runs.updateOne({ _id: run }, { $set: { 'engine.limit.holders': held } });
      await engine.db.tasks.updateOne(
        { run_id: run, node_id: 'second' },
        { $set: { 'engine.dispatch': null }, $unset: { 'engine.check_at': 1 } },
      );
      await engine.reconcile();
      await engine.finish(run, 'second', DONE);
      expect(await engine.states(run)).toEqual({ first: 'WAITING', second: 'SUCCESS' });
    });
  });

  it('holds none of its run’s slots', async () => {
    const run = await engine.run([gate('gate'), node('nap'), node('work')], {
      config: { max_parallelism: 1 },
    });
    await engine.finish(run, 'gate', asks());
    await engine.finish(run, 'nap', sleeps());
    const { limit } = (await engine.db.runs.findOne({ _id: run }))!.engine;
    expect(limit!.holders.map(({ id }) => id)).toEqual([(await taskOf(run, 'work'))._id]);
    await engine.finish(run, 'work');
    expect(await engine.states(run)).toEqual({ gate: 'WAITING', nap: 'WAITING', work: 'SUCCESS' });
  });
});
