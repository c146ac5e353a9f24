import { type NodeDefinition } from '@tauro/domain';
import { type Outcome, RunCreation, WaitingCounter, WorkerRegistry } from '@tauro/orchestration';
import { DONE, Engine, FAILED } from '../support/engine.js';

const LATER = new Date(Date.now() + 3_600_000);
const wait = (id: string, rest: object = {}): NodeDefinition => ({
  id,
  type: 'wait',
  config: { seconds: 0 },
  ...rest,
});
const call = (id: string, handler: string, rest: object = {}): NodeDefinition => ({
  id,
  type: 'task',
  config: { handler },
  ...rest,
});

describe('how much waits for what', () => {
  let engine: Engine;
  afterEach(() => engine.stop({ drop: true }));

  const counts = async (what: 'runs' | 'tasks'): Promise<Record<string, number>> =>
    Object.fromEntries((await engine.app.get(WaitingCounter).count())[what]);
  /** A worker that offers the handler `noop` and the tag `gpu`. */
  const worker = (): Promise<boolean> =>
    engine.app.get(WorkerRegistry).heartbeat({
      _id: 'w1',
      host: 'h',
      pid: 1,
      tags: ['gpu'],
      slots: 1,
      running: 0,
      running_tasks: [],
      handlers: ['noop'],
      commands: false,
      containers: false,
      kubernetes: false,
      version: '1',
      state: 'ACTIVE',
      started_at: new Date(),
    });

  it('tells runs that a limit keeps from those that no worker has begun', async () => {
    engine = await Engine.start(undefined, { MAX_CONCURRENT_RUNS: '2' });
    const [first] = [await engine.run([wait('a')]), await engine.run([wait('a')])];
    for (let i = 0; i < 3; i++) await engine.run([wait('a')]);
    await engine.create([wait('a')]);
    expect(await counts('runs')).toEqual({ limit: 3, worker: 2, paused: 0 });
    await engine.claim(first, 'a');
    await engine.runs.pause(first);
    expect(await counts('runs')).toEqual({ limit: 3, worker: 1, paused: 1 });
  });

  it('counts runs at the limit of their pipeline where the deployment has none', async () => {
    engine = await Engine.start();
    const run = await engine.run([wait('a')], { config: { max_active_runs: 1 } });
    const { pipeline_id } = await engine.runs.get(run);
    const next = await engine.app
      .get(RunCreation)
      .create({ project_id: engine.project, pipeline_id, start: true });
    expect(next.state).toBe('QUEUED');
    expect(await counts('runs')).toEqual({ limit: 1, worker: 1, paused: 0 });
  });

  it('tells tasks by the reason that each of them gives', async () => {
    engine = await Engine.start();
    await engine.run([wait('nobody')]);
    expect(await counts('tasks')).toEqual({ worker: 1 });
    await worker();
    // Who is alive is remembered for a second.
    const other = await Engine.start(engine.database);
    const now = async (): Promise<Record<string, number>> =>
      Object.fromEntries((await other.app.get(WaitingCounter).count()).tasks);
    expect(await now()).toEqual({ slot: 1 });

    await engine.run([
      call('unknown', 'nonsense'),
      call('tagged', 'noop', { requires: ['cpu'] }),
      call('pooled', 'noop', { pool: 'none' }),
      call('ready', 'noop'),
      wait('after', { depends_on: ['ready'] }),
    ]);
    await engine.run([wait('x'), wait('y'), wait('z')], { config: { max_parallelism: 1 } });
    const asleep = await engine.run([
      wait('nap'),
      { id: 'gate', type: 'approval' },
      call('flaky', 'noop', { retry_policy: { max_attempts: 3, backoff_seconds: 60 } }),
      call('far', 'noop'),
      call('near', 'noop'),
      call('many', 'noop', { for_each: { items: [1, 2, 3] } }),
    ]);
    await engine.finish(asleep, 'nap', { kind: 'wait', until: LATER, output: null });
    await engine.finish(asleep, 'gate', { kind: 'approval', message: '', deadline: null });
    await engine.finish(asleep, 'flaky', { ...FAILED, retryable: true } as Outcome);
    for (const id of ['far', 'near'])
      await engine.finish(asleep, id, { kind: 'postponed', until: LATER, why: `${id} is open` });
    await engine.finish(asleep, 'many', { kind: 'expand', items: [1, 2, 3] });
    expect(await now()).toEqual({
      // nobody, ready, x and the three items of many
      slot: 6,
      handler: 1,
      tags: 1,
      pool: 1,
      parallelism: 2,
      time: 1,
      approval: 1,
      retry: 1,
      circuit_breaker: 2,
      items: 1,
    });

    await engine.runs.pause(asleep);
    expect(await now()).toMatchObject({ slot: 3, run: 3 });
    await engine.runs.cancel(asleep);
    expect(await now()).toEqual({ slot: 3, handler: 1, tags: 1, pool: 1, parallelism: 2 });
    await other.stop();
  });

  it('has nothing to count once all is done', async () => {
    engine = await Engine.start();
    const run = await engine.run([wait('a')]);
    await engine.finish(run, 'a', DONE);
    expect(await counts('tasks')).toEqual({});
    expect(await counts('runs')).toEqual({ limit: 0, worker: 0, paused: 0 });
  });
});
