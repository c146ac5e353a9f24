import { type ApiClient } from '../support/api-client.js';
import { chain, noop, task, wait } from '../support/nodes.js';
import { CommonTauro } from '../support/common-tauro.js';
import { User } from '../support/user.js';
import { waitFor } from '../support/wait-for.js';

describe('the life of a run', () => {
  let tauro: CommonTauro;
  let api: ApiClient;
  let user: User;
  let projectId: string;

  beforeAll(async () => {
    tauro = await CommonTauro.join();
    api = tauro.api;
    user = new User(api);
    projectId = await user.project();
  });
  afterAll(() => tauro?.leave());

  const create = async (nodes: object[], rest: object = {}): Promise<string> => {
    const pipeline = await user.pipeline(projectId, nodes, rest);
    const answer = await api.post('/api/v1/runs', { project_id: projectId, pipeline_id: pipeline.id });
    expect(answer.status).toBe(201);
    return answer.body.data.id;
  };

  it('goes from PENDING to SUCCESS, with all that a reader wants to know', async () => {
    const pipeline = await user.pipeline(projectId, [noop('a'), noop('b')], { edges: chain('a', 'b') });
    const created = await api.post('/api/v1/runs', {
      project_id: projectId,
      pipeline_id: pipeline.name,
      params: { date: '2025-11-18', mode: 'full_refresh' },
      tags: { environment: 'production', team: 'analytics' },
    });
    expect(created.status).toBe(201);
    const { id } = created.body.data;
    expect(id).toMatch(/^run_[A-Za-z0-9]{1,64}$/);
    expect(created.body.data).toMatchObject({
      project_id: projectId,
      pipeline_id: pipeline.id,
      state: 'PENDING',
      params: { date: '2025-11-18', mode: 'full_refresh' },
      tags: { environment: 'production', team: 'analytics' },
      started_at: null,
      finished_at: null,
      duration_seconds: null,
      progress: {
        total_tasks: 2,
        completed_tasks: 0,
        running_tasks: 0,
        failed_tasks: 0,
        percent_complete: 0,
      },
      metrics: { rows_processed: 0, bytes_processed: 0, error_count: 0 },
    });
    expect(await user.taskStates(id)).toEqual({ a: 'PENDING', b: 'PENDING' });

    const started = await api.post(`/api/v1/runs/${id}/start`);
    expect(started.status).toBe(202);
    expect(started.body.data.id).toBe(id);

    const run = await user.ended(id);
    expect(run).toMatchObject({ state: 'SUCCESS', progress: { completed_tasks: 2, percent_complete: 100 } });
    expect(Date.parse(run.started_at)).toBeGreaterThanOrEqual(Date.parse(run.created_at));
    expect(Date.parse(run.finished_at)).toBeGreaterThanOrEqual(Date.parse(run.started_at));
    expect(run.duration_seconds).toBeCloseTo(
      (Date.parse(run.finished_at) - Date.parse(run.started_at)) / 1000,
      2,
    );
  });

  it('is not moved by anything but a start', async () => {
    const id = await create([noop('only')]);
    const other = await user.startNew([noop('only')]);
    await user.ended(other);
    expect((await user.run(id)).state).toBe('PENDING');
  });

  it('starts once, however often and by however many it is asked', async () => {
    const id = await create([noop('first'), wait('nap', 600)]);
    const answers = await Promise.all(Array.from({ length: 8 }, () => api.post(`/api/v1/runs/${id}/start`)));
    expect(answers.map((answer) => answer.status)).toEqual(Array<number>(8).fill(202));
    const tasks = await waitFor(async () => {
      const found = await user.tasks(id);
      return found.first.state === 'SUCCESS' && found.nap.state === 'WAITING' && found;
    });
    expect((await api.post(`/api/v1/runs/${id}/start`)).status).toBe(202);
    for (const one of Object.values(tasks)) expect(one.attempts).toHaveLength(1);
    await api.post(`/api/v1/runs/${id}/cancel`);
    await user.ended(id);
  });

  it('is refused what its state does not allow, with the state named', async () => {
    const id = await create([noop('only')]);
    await api.post(`/api/v1/runs/${id}/start`);
    await user.ended(id);
    for (const verb of ['start', 'cancel']) {
      const answer = await api.post(`/api/v1/runs/${id}/${verb}`);
      expect([answer.status, answer.body.error.code]).toEqual([409, 'CONFLICT']);
      expect(answer.body.error.message).toContain('SUCCESS');
    }
  });

  it('can be cancelled before it ever started', async () => {
    const id = await create([noop('only')]);
    expect((await api.post(`/api/v1/runs/${id}/cancel`)).status).toBe(202);
    const run = await user.ended(id);
    expect(run.state).toBe('CANCELLED');
    expect(await user.taskStates(id)).toEqual({ only: 'CANCELLED' });
    expect((await api.post(`/api/v1/runs/${id}/start`)).status).toBe(409);
  });

  it('is deleted only when it is terminal, with its tasks and logs', async () => {
    const id = await create([wait('nap', 600)]);
    await api.post(`/api/v1/runs/${id}/start`);
    await user.runWhen(id, (run) => run.state === 'RUNNING');
    const refused = await api.delete(`/api/v1/runs/${id}`);
    expect(refused.status).toBe(409);
    expect(refused.body.error.message).toContain('RUNNING');

    await api.post(`/api/v1/runs/${id}/cancel`);
    await user.ended(id);
    expect((await api.delete(`/api/v1/runs/${id}`)).status).toBe(200);
    expect((await api.get(`/api/v1/runs/${id}`)).status).toBe(404);
    expect((await api.get(`/api/v1/runs/${id}/tasks`)).status).toBe(404);
    expect((await api.get(`/api/v1/runs/${id}/logs`)).status).toBe(404);
    for (const left of ['tasks', 'run_logs']) {
      await waitFor(
        async () => (await tauro.database.collection(left).countDocuments({ run_id: id })) === 0,
        {
          what: `the ${left} of ${id} to go`,
        },
      );
    }
  });

  it('shows each task, alone and in the list, with its attempts', async () => {
    const id = await create([task('a', 'echo', { n: 1 }), noop('b')], { edges: chain('a', 'b') });
    await api.post(`/api/v1/runs/${id}/start`);
    await user.ended(id);
    const { a } = await user.tasks(id);
    expect(a).toMatchObject({
      id: expect.stringMatching(/^task_[A-Za-z0-9]+$/),
      node_id: 'a',
      state: 'SUCCESS',
      attempt: 1,
      max_attempts: 3,
      error: null,
      waiting_reason: null,
      attempts: [
        {
          attempt: 1,
          state: 'SUCCESS',
          worker_id: expect.stringMatching(/\S/),
          started_at: a.started_at,
          finished_at: a.finished_at,
          error: null,
        },
      ],
    });
    expect(Date.parse(a.queued_at)).toBeLessThanOrEqual(Date.parse(a.started_at));
    const alone = await api.get(`/api/v1/runs/${id}/tasks/${a.id}`);
    expect(alone.status).toBe(200);
    expect(alone.body.data).toEqual(a);
    const nobody = await api.get(`/api/v1/runs/${id}/tasks/task_doesNotExist`);
    expect(nobody.status).toBe(404);
    expect(nobody.body.error.message).toBe(`task 'task_doesNotExist' was not found in run '${id}'`);
  });

  it('has its progress move while it runs', async () => {
    const id = await create([noop('quick'), task('slow', 'sleep', { seconds: 600 })], {
      edges: chain('quick', 'slow'),
    });
    await api.post(`/api/v1/runs/${id}/start`);
    const run = await user.runWhen(
      id,
      (one) => one.progress.running_tasks === 1 && one.progress.completed_tasks === 1,
    );
    expect(run).toMatchObject({ state: 'RUNNING', finished_at: null, progress: { percent_complete: 50 } });
    await api.post(`/api/v1/runs/${id}/cancel`);
    await user.ended(id);
  });

  it('is refused when its body is wrong', async () => {
    const pipeline = await user.pipeline(projectId, [noop('only')]);
    const good = { project_id: projectId, pipeline_id: pipeline.id };
    for (const [bad, field] of [
      [{ ...good, params: [1] }, 'params'],
      [{ ...good, tags: { a: { b: 1 } } }, 'tags'],
      [{ ...good, project_id: 'abc' }, 'project_id'],
      [{ project_id: projectId }, 'pipeline_id'],
      [{ ...good, colour: 'red' }, 'colour'],
    ] as const) {
      const answer = await api.post('/api/v1/runs', bad);
      expect(answer.status).toBe(422);
      expect(answer.body.error.details[0].field).toMatch(new RegExp(`^${field}`));
    }
  });

  it('may use a discovered pipeline, yet one of its project comes first', async () => {
    const own = await user.pipeline(projectId, [noop('mine')], { name: 'etl_1' });
    const first = await api.post('/api/v1/runs', { project_id: projectId, pipeline_id: 'etl_1' });
    expect(first.body.data.pipeline_id).toBe(own.id);
    const elsewhere = await api.post('/api/v1/runs', {
      project_id: await user.project(),
      pipeline_id: 'etl_1',
    });
    expect(elsewhere.status).toBe(201);
    expect(elsewhere.body.data.pipeline_id).not.toBe(own.id);
  });

  it('counts in the statistics of its project and of the whole', async () => {
    const own = await user.project();
    const pipeline = await user.pipeline(own, [noop('only')]);
    const broken = await user.pipeline(own, [
      task('bad', 'fail', { message: 'x' }, { retry_policy: { max_attempts: 1 } }),
    ]);
    for (const id of [pipeline.id, pipeline.id, pipeline.id, broken.id])
      await user.ended(await user.start(own, id));

    const project = await api.get(`/api/v1/projects/${own}/stats`);
    expect(project.body.data).toMatchObject({ total_pipelines: 2, total_runs: 4, success_rate: 0.75 });
    expect(project.body.data.avg_duration_seconds).toBeGreaterThanOrEqual(0);

    const { body, status } = await api.get('/api/v1/statistics');
    expect(status).toBe(200);
    expect(body.data).toMatchObject({
      total_projects: expect.any(Number),
      total_pipelines: expect.any(Number),
      total_runs: expect.any(Number),
      runs_by_state: { SUCCESS: expect.any(Number), FAILED: expect.any(Number) },
      average_duration_seconds: expect.any(Number),
      success_rate: expect.any(Number),
    });
    expect(body.data.total_runs).toBeGreaterThanOrEqual(4);
    const later = new Date(Date.now() + 60_000).toISOString();
    expect((await api.get(`/api/v1/statistics?since=${later}`)).body.data.total_runs).toBe(0);
    expect((await api.get('/api/v1/statistics?since=soon')).status).toBe(422);
  });
});
