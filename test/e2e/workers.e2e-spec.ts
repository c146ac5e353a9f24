import { chain, noop, task } from '../support/nodes.js';
import { Tauro } from '../support/tauro.js';
import { User } from '../support/user.js';
import { waitFor } from '../support/wait-for.js';

const many = (count: number, seconds: number): object[] =>
  Array.from({ length: count }, (_, i) => task(`n${i}`, 'sleep', { seconds }));

describe('workers', () => {
  let tauro: Tauro;
  let user: User;

  beforeAll(async () => {
    const env = {
      LEASE_SECONDS: '2',
      HEARTBEAT_SECONDS: '0.5',
      RECONCILE_SECONDS: '0.5',
      WORKER_CONCURRENCY: '4',
    };
    tauro = await Tauro.start({ workers: 0, env });
    user = new User(tauro.api);
  });
  afterAll(() => tauro?.stop());

  const running = () => tauro.workers.filter((worker) => worker.running);

  /** Starts or kills workers until there are so many. */
  async function haveWorkers(count: number) {
    for (const worker of running().slice(count)) await worker.kill();
    while (running().length < count) await tauro.addWorker();
    return running();
  }

  const workersOf = async (runId: string): Promise<Set<string>> => {
    const attempts = Object.values(await user.tasks(runId)).flatMap((one) => one.attempts);
    return new Set(attempts.map((attempt: { worker_id: string }) => attempt.worker_id));
  };

  const whenRunning = (runId: string, count: number) =>
    waitFor(
      async () => {
        const states = Object.values(await user.taskStates(runId));
        return states.filter((state) => state === 'RUNNING').length >= count;
      },
      { what: `${count} tasks to run` },
    );

  it('execute; the API alone never does, and says what a run waits for', async () => {
    await haveWorkers(0);
    const runId = await user.startNew([task('only', 'where')]);
    const waiting = await user.runWhen(runId, (run) => /no worker/.test(run.waiting_reason ?? ''), {
      what: 'a waiting_reason',
    });
    expect(waiting.state).toBe('QUEUED');
    expect((await tauro.api.get('/health')).body.checks.workers).not.toBe('ok');

    const [worker] = await haveWorkers(1);
    const run = await user.ended(runId);
    expect([run.state, run.waiting_reason]).toEqual(['SUCCESS', null]);
    const { only } = await user.tasks(runId);
    const executed = await tauro.database.collection('workers').findOne({ pid: worker!.pid });
    expect(only.attempts[0].worker_id).toBe(executed!._id);
    expect(only.output.pid).not.toBe(tauro.apiProcess().pid);
  });

  it('share the load of one run', async () => {
    await haveWorkers(2);
    const runId = await user.startNew(many(16, 0.3));
    expect((await user.ended(runId)).state).toBe('SUCCESS');
    expect((await workersOf(runId)).size).toBe(2);
  });

  it('may die without a word: another one finishes the run, every node once', async () => {
    await haveWorkers(2);
    const ids = Array.from({ length: 8 }, (_, i) => `n${i}`);
    const edges = ids.flatMap((id) => chain(id, 'end'));
    const runId = await user.startNew([...many(8, 2), noop('end')], { edges });
    await whenRunning(runId, 8);
    await haveWorkers(1);

    const run = await user.ended(runId);
    expect(run.state).toBe('SUCCESS');
    expect(run.progress).toMatchObject({ total_tasks: 9, completed_tasks: 9 });
    const tasks = Object.values(await user.tasks(runId));
    expect(tasks.map((one) => one.state)).toEqual(tasks.map(() => 'SUCCESS'));
    // A lost worker is not the task's fault: it costs none of its attempts, and the log tells of it.
    for (const one of tasks) expect(one.error).toBeNull();
    const messages = (await user.logs(runId)).map((line) => line.message).join('\n');
    expect(messages).toMatch(/worker.*(lost|gone|dead|died|away)|(lost|gone).*worker/i);
  });

  it('hand back or finish what they hold when asked to end', async () => {
    const [first] = await haveWorkers(1);
    const runId = await user.startNew(many(6, 0.5));
    await whenRunning(runId, 1);
    first!.signal('SIGTERM');
    await first!.exited;
    await haveWorkers(1);
    expect((await user.ended(runId)).state).toBe('SUCCESS');
  });

  it('that lack a handler leave the task waiting, and the run says for what', async () => {
    await haveWorkers(1);
    const nodes = [noop('first'), task('exotic', 'not_here')];
    const runId = await user.startNew(nodes, { edges: chain('first', 'exotic') });
    const run = await user.runWhen(runId, (one) => /not_here/.test(one.waiting_reason ?? ''), {
      what: 'a waiting_reason that names the handler',
    });
    expect(['QUEUED', 'RUNNING']).toContain(run.state);
    const { exotic } = await user.tasks(runId);
    expect(exotic.waiting_reason).toMatch(/not_here/);
    expect((await tauro.api.post(`/api/v1/runs/${runId}/cancel`)).status).toBe(202);
    expect((await user.ended(runId)).state).toBe('CANCELLED');
  });

  it('can be drained: they finish what they have, take nothing new, and go on when they are resumed', async () => {
    const [worker] = await haveWorkers(1);
    const { _id } = (await tauro.database.collection('workers').findOne({ pid: worker!.pid }))!;
    const path = `/api/v1/workers/${String(_id)}`;
    // Longer than from one heartbeat to the next, which is when a worker tells what it runs.
    const first = await user.startNew([task('nap', 'sleep', { seconds: 5 }), noop('after')], {
      edges: chain('nap', 'after'),
    });
    await whenRunning(first, 1);
    const running = await waitFor(
      async () => {
        const { running_tasks } = (await tauro.api.get(path)).body.data;
        return running_tasks[0]?.run_id === first && running_tasks;
      },
      { what: 'the worker to tell what it runs' },
    );
    expect(running).toEqual([expect.objectContaining({ run_id: first, node_id: 'nap' })]);

    const asked = await tauro.api.post(`${path}/drain`);
    expect([asked.status, asked.body.data.state]).toEqual([202, 'DRAINING']);
    // Progress and reason are looked up one after the other, so both are waited for.
    const waits = (run: { waiting_reason?: string; progress: { completed_tasks: number } }): boolean =>
      /draining/.test(run.waiting_reason ?? '') && run.progress.completed_tasks === 1;
    await user.runWhen(first, waits, { what: 'the rest of the run to wait' });
    await waitFor(
      async () => {
        const { state, running } = (await tauro.api.get(path)).body.data;
        return state === 'DRAINING' && running === 0;
      },
      { what: 'the drained worker to tell that it does nothing' },
    );

    expect((await tauro.api.post(`${path}/resume`)).status).toBe(202);
    expect((await user.ended(first)).state).toBe('SUCCESS');
    expect((await tauro.api.post('/api/v1/workers/nobody/drain')).status).toBe(404);
    await worker!.kill();
    await waitFor(async () => (await tauro.api.get(path)).body.data.state === 'GONE', {
      what: 'it to be GONE',
    });
    expect((await tauro.api.post(`${path}/drain`)).status).toBe(409);
  });

  it('take up runs that were started before the API and every worker went down', async () => {
    await haveWorkers(0);
    const runId = await user.startNew([noop('a'), noop('b')], { edges: chain('a', 'b') });
    await tauro.apiProcess().stop();
    tauro.startApi();
    await tauro.ready();
    await haveWorkers(1);
    expect((await user.ended(runId)).state).toBe('SUCCESS');
  });
});
