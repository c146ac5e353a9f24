import { type NodeDefinition } from '@tauro/domain';
import { Breakers, CircuitOpen, type Outcome, type Pass, RunReader } from '@tauro/orchestration';
import { RedisCommands, TASK_QUEUE, WAKE_QUEUE } from '@tauro/queue';
import { getQueueToken } from '@nestjs/bullmq';
import { type Queue } from 'bullmq';
import { Engine, FAILED } from '../support/engine.js';
import { Cable } from '../support/cable.js';
import { waitFor } from '../support/wait-for.js';

const node = (id: string, ...depends_on: string[]): NodeDefinition => ({
  id,
  type: 'task',
  config: { handler: 'noop' },
  depends_on,
});

describe('circuit breakers, one per target for all workers', () => {
  let engine: Engine;
  let other: Engine;
  let a: Breakers;
  let b: Breakers;
  let targets = 0;
  let target: string;

  beforeAll(async () => {
    engine = await Engine.start();
    other = await Engine.start(engine.database);
    a = engine.app.get(Breakers);
    b = other.app.get(Breakers);
  });
  afterAll(async () => {
    await other.stop();
    await engine.stop({ drop: true });
  });
  beforeEach(() => (target = `http://t${targets++}.example.com`));

  const fail = async (breakers: Breakers, times: number): Promise<void> => {
    for (let i = 0; i < times; i++) await breakers.report(await breakers.admit(target), 'unwell');
  };
  /** Lets a time of the breaker pass. */
  const pass = async (field: 'open_until' | 'probe_until'): Promise<void> => {
    const { client } = engine.app.get(RedisCommands);
    const past = Date.now() - 60_000;
    await client.hset(`${engine.database}:breaker:${target}`, field, past);
    if (field === 'open_until') await client.zadd(`${engine.database}:breakers`, past, target);
  };
  const refused = async (breakers: Breakers): Promise<CircuitOpen> => {
    const error: unknown = await breakers.admit(target).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(CircuitOpen);
    return error as CircuitOpen;
  };
  const halfOpen = async (): Promise<void> => {
    await fail(a, 10);
    await pass('open_until');
  };

  it('ten failures that one worker sees in a row open it for the others, and not for other targets', async () => {
    await fail(a, 9);
    const last = await b.admit(target);
    expect(last.probe).toBe(false);
    await a.report(last, 'unwell');
    const before = Date.now();
    const { until, message } = await refused(b);
    expect(until.getTime()).toBeGreaterThan(before + 25_000);
    expect(until.getTime()).toBeLessThanOrEqual(Date.now() + 30_000);
    expect(message).toBe(`circuit breaker of ${target} is open until ${until.toISOString()}`);
    expect(await a.open()).toContainEqual({ target, state: 'open' });
    target = `http://t${targets++}.example.com`;
    expect((await b.admit(target)).probe).toBe(false);
  });

  it('failures of several workers count together, and a success begins anew', async () => {
    await fail(a, 5);
    await fail(b, 4);
    await b.report(await b.admit(target), 'well');
    await fail(a, 9);
    await b.report(await b.admit(target), 'unknown');
    await fail(b, 1);
    await refused(a);
  });

  it('half-open, one call at a time may try, and its success closes it for all', async () => {
    await halfOpen();
    const tries = await Promise.allSettled([a, b, a, b, a].map((breakers) => breakers.admit(target)));
    const passes = tries.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    expect(passes.map(({ probe }) => probe)).toEqual([true]);
    expect(await a.open()).toContainEqual({ target, state: 'half_open' });
    expect((await refused(b)).until.getTime()).toBeLessThanOrEqual(Date.now() + 3000);
    await b.report(passes[0]!, 'well');
    expect((await b.admit(target)).probe).toBe(false);
    expect(await a.open()).not.toContainEqual(expect.objectContaining({ target }));
  });

  it('half-open, a failure opens it again for the whole time', async () => {
    await halfOpen();
    await a.report(await a.admit(target), 'unwell');
    expect((await refused(b)).until.getTime()).toBeGreaterThan(Date.now() + 25_000);
  });

  it('half-open, a call that found out nothing leaves the try to the next at once', async () => {
    await halfOpen();
    await a.report(await a.admit(target), 'unknown');
    expect((await b.admit(target)).probe).toBe(true);
  });

  it('a probe that died with its worker is followed by another, and has no say when it was only late', async () => {
    await halfOpen();
    const dead = await a.admit(target);
    await refused(b);
    await pass('probe_until');
    const next = await b.admit(target);
    expect(next.probe).toBe(true);
    await a.report(dead, 'unwell');
    await a.report(dead, 'well');
    await refused(a);
    await b.report(next, 'well');
    expect((await a.admit(target)).probe).toBe(false);
  });

  it('calls that were under way when it opened neither close it nor keep it open', async () => {
    const early: Pass[] = [await a.admit(target), await a.admit(target)];
    await fail(a, 10);
    await a.report(early[0]!, 'well');
    await refused(b);
    await pass('open_until');
    await a.report(early[1]!, 'unwell');
    expect((await b.admit(target)).probe).toBe(true);
  });

  it('without Redis every call goes out, and with it again the breaker is what it was', async () => {
    const cable = await Cable.to(process.env.TEST_REDIS_URL!);
    const far = await Engine.start(engine.database, { REDIS_URL: cable.url });
    try {
      const c = far.app.get(Breakers);
      // BullMQ prints what nobody listens to.
      for (const name of [TASK_QUEUE, WAKE_QUEUE])
        far.app.get<Queue>(getQueueToken(name)).on('error', () => undefined);
      await fail(a, 10);
      await waitFor(() => refused(c), { what: 'the far worker to see the breaker' });
      cable.pull();
      const blind = await waitFor(() => c.admit(target), { what: 'a call without Redis' });
      expect(blind.probe).toBe(false);
      await c.report(blind, 'unwell');
      cable.plug();
      await waitFor(() => refused(c), { what: 'the breaker to be seen again' });
    } finally {
      await far.stop();
      await cable.close();
    }
  });

  it('BREAKER_FAILURES=0 never opens one', async () => {
    const off = await Engine.start(engine.database, { BREAKER_FAILURES: '0' });
    await fail(off.app.get(Breakers), 20);
    expect((await a.admit(target)).probe).toBe(false);
    await off.stop();
  });

  describe('and a task that finds one open', () => {
    const until = new Date(Date.now() + 3_600_000);
    const postponed: Outcome = { kind: 'postponed', until, why: 'circuit breaker of x is open until later' };
    const taskOf = async (run: string, id: string) =>
      (await engine.db.tasks.findOne({ run_id: run, node_id: id }))!;
    const due = (run: string, id: string) =>
      engine.db.tasks.updateOne({ run_id: run, node_id: id }, { $set: { 'engine.wake_at': new Date(0) } });

    it('sleeps as if it had never been claimed, however often, and says why', async () => {
      const run = await engine.run([
        { ...node('call'), retry_policy: { max_attempts: 2, backoff_seconds: 0 } },
      ]);
      for (let i = 0; i < 4; i++) {
        await engine.finish(run, 'call', postponed);
        const task = await taskOf(run, 'call');
        expect(task).toMatchObject({ state: 'RETRYING', attempt: 0, attempts: [] });
        expect(task.engine).toMatchObject({ failures: 0, claim: null });
        expect(task.engine.wake_at!.getTime()).toBeGreaterThanOrEqual(until.getTime());
        await due(run, 'call');
        await engine.tasks.wake(task._id);
      }
      const reader = engine.app.get(RunReader);
      await engine.finish(run, 'call', postponed);
      const [shown] = await reader.explainTasks(await engine.runs.get(run), [await taskOf(run, 'call')]);
      expect(shown!.waiting_reason).toBe('circuit breaker of x is open until later');
      const [whole] = await reader.explainRuns([await engine.runs.get(run)]);
      expect(whole!.waiting_reason).toBe('call: circuit breaker of x is open until later');
    });

    it('keeps the attempts it has had, and has as many left as before', async () => {
      const run = await engine.run([
        { ...node('call'), retry_policy: { max_attempts: 2, backoff_seconds: 0 } },
      ]);
      await engine.finish(run, 'call', { ...FAILED, retryable: true } as Outcome);
      await engine.tasks.wake((await taskOf(run, 'call'))._id);
      await engine.finish(run, 'call', postponed);
      expect(await taskOf(run, 'call')).toMatchObject({
        state: 'RETRYING',
        attempt: 1,
        attempts: [{ attempt: 1, state: 'FAILED' }],
      });
      await due(run, 'call');
      await engine.reconcile();
      await engine.finish(run, 'call');
      expect(await taskOf(run, 'call')).toMatchObject({ state: 'SUCCESS', attempt: 2 });
      expect(await engine.state(run)).toBe('SUCCESS');
    });

    it('holds no slot, and a cancel reaches it', async () => {
      const run = await engine.run([node('call'), node('next')], { config: { max_parallelism: 1 } });
      await engine.finish(run, 'call', postponed);
      await engine.finish(run, 'next');
      expect(await engine.states(run)).toEqual({ call: 'RETRYING', next: 'SUCCESS' });
      await engine.runs.cancel(run);
      expect(await engine.states(run)).toEqual({ call: 'CANCELLED', next: 'SUCCESS' });
      expect(await engine.state(run)).toBe('CANCELLED');
    });

    it('is woken by the reconciler when its job was lost, and not before its time', async () => {
      const run = await engine.run([node('call')]);
      await engine.finish(run, 'call', postponed);
      await engine.reconcile();
      expect(await engine.states(run)).toEqual({ call: 'RETRYING' });
      await due(run, 'call');
      await engine.reconcile();
      await engine.finish(run, 'call');
      expect(await engine.state(run)).toBe('SUCCESS');
    });

    it('is nobody’s when the worker that postponed it had lost it', async () => {
      const run = await engine.run([node('call')]);
      const lost = await engine.claim(run, 'call');
      await engine.tasks.requeueLost(lost.task, lost.claimId, 'it was slow');
      const mine = await engine.claim(run, 'call', 'w2');
      expect(await engine.tasks.settle(lost, postponed)).toBe(false);
      expect(await taskOf(run, 'call')).toMatchObject({ state: 'RUNNING', attempt: mine.task.attempt });
    });
  });
});
