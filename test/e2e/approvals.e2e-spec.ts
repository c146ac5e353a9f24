import { chain, noop, task, wait } from '../support/nodes.js';
import { Tauro } from '../support/tauro.js';
import { expectStatus, User } from '../support/user.js';

const approval = (id: string, config: object = {}, rest: object = {}): object => ({
  id,
  type: 'approval',
  config,
  ...rest,
});

describe('waiting: for a person, or for a time, without holding a slot', () => {
  let tauro: Tauro;
  let user: User;

  beforeAll(async () => {
    tauro = await Tauro.start({ env: { WORKER_CONCURRENCY: '1' } });
    user = new User(tauro.api);
  });
  afterAll(() => tauro?.stop());

  const decide = (run: string, ref: string, what: 'approve' | 'reject', body?: object) =>
    tauro.api.post(`/api/v1/runs/${run}/tasks/${ref}/${what}`, body);
  const waiting = (run: string) =>
    user.runWhen(run, (one) => String(one.waiting_reason).includes('waits for approval'));

  it('an approval asks, says why nothing moves, and hands on what was decided', async () => {
    const message = 'Publish {{ params.day }}?';
    const nodes = [
      approval('gate', { message, deadline_seconds: 3600 }),
      task('publish', 'echo', { by: '{{ nodes.gate.output.by }}' }),
    ];
    const runId = await user.startNew(
      nodes,
      { edges: chain('gate', 'publish') },
      { params: { day: 'Monday' } },
    );
    const run = await waiting(runId);
    expect(run.state).toBe('RUNNING');
    expect(run.waiting_reason).toMatch(/^gate: waits for approval: Publish Monday\? \(until 2\d{3}-.*Z\)$/);
    expect((await user.tasks(runId)).gate).toMatchObject({
      state: 'WAITING',
      waiting_reason: expect.stringContaining('waits for approval: Publish Monday?'),
    });

    const decided = expectStatus(
      await decide(runId, 'gate', 'approve', { comment: 'figures are right', by: 'ana' }),
      200,
    );
    expect(decided).toMatchObject({
      node_id: 'gate',
      state: 'SUCCESS',
      waiting_reason: null,
      output: { approved: true, comment: 'figures are right', by: 'ana' },
    });
    expect(Date.parse(decided.output.decided_at)).toBeGreaterThan(0);
    expect((await user.ended(runId)).state).toBe('SUCCESS');
    expect((await user.tasks(runId)).publish.output.input).toEqual({ by: 'ana' });

    const again = await decide(runId, decided.id, 'reject');
    expect([again.status, again.body.error.code]).toEqual([409, 'CONFLICT']);
    expect(again.body.error.message).toContain('SUCCESS');
    const messages = (await user.logs(runId)).map((line) => line.message);
    expect(messages).toContain('task gate was approved by ana: figures are right');
  });

  it('a rejection fails the run, by the task’s id as well as by its node', async () => {
    const runId = await user.startNew([approval('gate'), noop('after')], { edges: chain('gate', 'after') });
    await waiting(runId);
    const { gate } = await user.tasks(runId);
    const task = expectStatus(await decide(runId, gate.id, 'reject', { comment: 'Tuesday is missing' }), 200);
    expect(task).toMatchObject({ state: 'FAILED', error: { type: 'Rejected' }, attempt: 1, max_attempts: 1 });
    const run = await user.ended(runId);
    expect(run).toMatchObject({ state: 'FAILED', error: { type: 'Rejected', node_id: 'gate' } });
    expect(await user.taskStates(runId)).toEqual({ gate: 'FAILED', after: 'UPSTREAM_FAILED' });
  });

  it('a deadline that passes fails it', async () => {
    const runId = await user.startNew(
      [approval('gate', { deadline_seconds: '{{ params.seconds }}' })],
      {},
      {
        params: { seconds: 0.3 },
      },
    );
    expect(await user.ended(runId)).toMatchObject({ state: 'FAILED', error: { type: 'ApprovalTimeout' } });
  });

  it('waits leave the only slots of the run and of the worker to others', async () => {
    const asleep = ['a', 'b', 'c'].map((id) => wait(id, 600));
    const until = new Date(Date.now() + 600_000).toISOString();
    const nodes = [
      ...asleep,
      { id: 'd', type: 'wait', config: { until } },
      approval('e'),
      wait('short', 0.25),
      noop('work'),
    ];
    const runId = await user.startNew(nodes, {
      edges: chain('short', 'work'),
      config: { max_parallelism: 1 },
    });
    await user.runWhen(runId, (run) => run.progress.completed_tasks === 2);
    const tasks = await user.tasks(runId);
    expect(Object.fromEntries(Object.entries(tasks).map(([id, one]) => [id, one.state]))).toEqual({
      a: 'WAITING',
      b: 'WAITING',
      c: 'WAITING',
      d: 'WAITING',
      e: 'WAITING',
      short: 'SUCCESS',
      work: 'SUCCESS',
    });
    expect(tasks.d.waiting_reason).toBe(`waits until ${until}`);
    const slept = Date.parse(tasks.short.finished_at) - Date.parse(tasks.short.started_at);
    expect(slept).toBeGreaterThanOrEqual(250);
    expectStatus(await tauro.api.post(`/api/v1/runs/${runId}/cancel`), 202);
    expect((await user.ended(runId)).state).toBe('CANCELLED');
  });

  it('what cannot be decided is told: the run, the task, the state, the field', async () => {
    const runId = await user.startNew([approval('gate')]);
    await waiting(runId);
    expect((await decide('run_nope', 'gate', 'approve')).status).toBe(404);
    expect((await decide(runId, 'nope', 'approve')).status).toBe(404);
    expect((await decide('x', 'gate', 'approve')).status).toBe(422);
    for (const body of [{ comment: 'x'.repeat(5000) }, { by: 7 }, { approved: true }]) {
      expect((await decide(runId, 'gate', 'approve', body)).status).toBe(422);
    }
    const bad = await tauro.api.post('/api/v1/pipelines/validate', {
      name: 'p',
      nodes: [approval('gate', { deadline_seconds: -1, mesage: 'x' })],
    });
    expect(bad.body.data.errors.map((error: { field: string }) => error.field).sort()).toEqual([
      'nodes.0.config.deadline_seconds',
      'nodes.0.config.mesage',
    ]);
    expectStatus(await decide(runId, 'gate', 'approve'), 200);
    expect((await user.ended(runId)).state).toBe('SUCCESS');
  });
});
