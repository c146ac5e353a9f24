import { type ApiClient } from '../support/api-client.js';
import { noop } from '../support/nodes.js';
import { Tauro } from '../support/tauro.js';
import { User } from '../support/user.js';

describe('projects', () => {
  let tauro: Tauro;
  let api: ApiClient;
  let user: User;

  beforeAll(async () => {
    tauro = await Tauro.start({ workers: 0 });
    api = tauro.api;
    user = new User(api);
  });
  afterAll(() => tauro?.stop());

  it('is created, read, changed in part and deleted', async () => {
    const created = await api.post('/api/v1/projects', {
      name: 'analytics',
      description: 'Daily figures',
      owner: 'data-team@example.com',
      metadata: { team: 'data', cost_center: 'c-12' },
    });
    expect(created.status).toBe(201);
    const { id } = created.body.data;
    expect(id).toMatch(/^proj_[A-Za-z0-9]{1,64}$/);
    expect(created.body.data).toMatchObject({
      name: 'analytics',
      description: 'Daily figures',
      owner: 'data-team@example.com',
      metadata: { team: 'data', cost_center: 'c-12' },
    });
    expect(created.body.data.created_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);

    const changed = await api.put(`/api/v1/projects/${id}`, { description: 'Weekly figures' });
    expect(changed.status).toBe(200);
    expect(changed.body.data).toMatchObject({ name: 'analytics', description: 'Weekly figures' });
    expect(changed.body.data.metadata).toEqual({ team: 'data', cost_center: 'c-12' });
    expect(Date.parse(changed.body.data.updated_at)).toBeGreaterThan(
      Date.parse(created.body.data.created_at),
    );

    const read = await api.get(`/api/v1/projects/${id}`);
    expect(read.status).toBe(200);
    expect(read.body.data.description).toBe('Weekly figures');
    expect(read.body.data.statistics).toMatchObject({ total_pipelines: 0, total_runs: 0 });

    expect((await api.delete(`/api/v1/projects/${id}`)).status).toBe(200);
    expect((await api.get(`/api/v1/projects/${id}`)).status).toBe(404);
    expect((await api.delete(`/api/v1/projects/${id}`)).status).toBe(404);
  });

  it('has a name that is unique without regard to case', async () => {
    const name = User.uniqueName('Orders');
    await user.project({ name });
    const second = await api.post('/api/v1/projects', { name: name.toUpperCase() });
    expect(second.status).toBe(409);
    expect(second.body.error.code).toBe('CONFLICT');
    expect(second.body.error.message.toLowerCase()).toContain(name.toLowerCase());

    const other = await user.project();
    expect((await api.put(`/api/v1/projects/${other}`, { name: name.toLowerCase() })).status).toBe(409);
  });

  it('gives a name to only one of many who ask for it at the same time', async () => {
    const name = User.uniqueName('race');
    const answers = await Promise.all(
      Array.from({ length: 12 }, () => api.post('/api/v1/projects', { name })),
    );
    expect(answers.map((answer) => answer.status).sort()).toEqual([201, ...Array<number>(11).fill(409)]);
  });

  it.each([
    ['a space', 'my project'],
    ['a leading digit', '1st'],
    ['nothing', ''],
    ['64 characters', 'a'.repeat(64)],
    ['a number', 7],
  ])('refuses a name with %s', async (_what, name) => {
    const answer = await api.post('/api/v1/projects', { name });
    expect(answer.status).toBe(422);
    expect(answer.body.error.code).toBe('VALIDATION_ERROR');
    expect(answer.body.error.details.map((detail: { field: string }) => detail.field)).toContain('name');
  });

  it('guards a change by the ETag the reader saw', async () => {
    const id = await user.project();
    const seen = (await api.get(`/api/v1/projects/${id}`)).headers.get('etag')!;
    expect(seen).toMatch(/^(W\/)?".+"$/);
    const first = await api.put(`/api/v1/projects/${id}`, { description: 'first' }, { 'if-match': seen });
    expect(first.status).toBe(200);
    const late = await api.put(`/api/v1/projects/${id}`, { description: 'late' }, { 'if-match': seen });
    expect(late.status).toBe(412);
    expect(late.body.error.code).toBe('PRECONDITION_FAILED');
    expect((await api.get(`/api/v1/projects/${id}`)).body.data.description).toBe('first');
  });

  it('cannot be deleted under an active run, unless forced', async () => {
    const id = await user.project();
    const pipeline = await user.pipeline(id, [noop('only')]);
    const runId = await user.start(id, pipeline.id);

    const refused = await api.delete(`/api/v1/projects/${id}`);
    expect(refused.status).toBe(409);
    expect((await api.get(`/api/v1/projects/${id}`)).status).toBe(200);

    expect((await api.delete(`/api/v1/projects/${id}?force=true`)).status).toBe(200);
    expect((await api.get(`/api/v1/projects/${id}`)).status).toBe(404);
    // The run either went with its project or was at least stopped.
    const run = await api.get(`/api/v1/runs/${runId}`);
    expect(run.status === 404 || run.body.data.state === 'CANCELLED').toBe(true);
  });

  it('is duplicated under a new name, with its pipelines', async () => {
    const id = await user.project({ description: 'the first' });
    const pipeline = await user.pipeline(id, [noop('only')]);
    const name = User.uniqueName('copy');
    const copy = await api.post(`/api/v1/projects/${id}/duplicate`, { name });
    expect(copy.status).toBe(201);
    expect(copy.body.data).toMatchObject({ name, description: 'the first' });
    expect(copy.body.data.id).not.toBe(id);

    const listed = await api.get(`/api/v1/pipelines?project_id=${copy.body.data.id}`);
    expect(listed.body.data.map((one: { name: string }) => one.name)).toContain(pipeline.name);
  });

  it('is duplicated with its configs and its schedules, which are disabled and start the copied pipelines', async () => {
    const id = await user.project();
    const pipeline = await user.pipeline(id, [noop('only')]);
    const timing = { kind: 'CRON', expression: '@daily', description: 'nightly', params: { a: 1 } };
    for (const pipeline_id of [pipeline.id, 'daily_etl']) {
      const made = await api.post('/api/v1/schedules', { ...timing, project_id: id, pipeline_id });
      expect(made.status).toBe(201);
    }
    const config = { project_id: id, environment: 'prod', name: 'main', data: { size: 1 } };
    expect((await api.post('/api/v1/configs', config)).status).toBe(201);
    const copy = (await api.post(`/api/v1/projects/${id}/duplicate`)).body.data.id;
    const ofCopy = async (what: string) => (await api.get(`/api/v1/${what}?project_id=${copy}`)).body.data;
    const [copied] = (await ofCopy('pipelines')).filter(
      (one: { project_id: string }) => one.project_id === copy,
    );
    const schedules = await ofCopy('schedules');
    expect(schedules).toHaveLength(2);
    for (const schedule of schedules) {
      expect(schedule).toMatchObject({ ...timing, enabled: false, next_run_at: null, revision: 1 });
    }
    const started = schedules.map((one: { pipeline_id: string }) => one.pipeline_id);
    expect(started).toContain(copied.id);
    expect(started).not.toContain(pipeline.id);
    const [{ data, version, environment }] = await ofCopy('configs');
    expect({ data, version, environment }).toEqual({ data: { size: 1 }, version: 1, environment: 'prod' });
    expect(await tauro.database.collection('project_removals').countDocuments()).toBe(0);
  });

  it('answers its statistics under both of their names', async () => {
    const id = await user.project();
    await user.pipeline(id, [noop('only')]);
    for (const path of ['stats', 'statistics']) {
      const answer = await api.get(`/api/v1/projects/${id}/${path}`);
      expect(answer.status).toBe(200);
      expect(answer.body.data).toMatchObject({ total_pipelines: 1, total_runs: 0 });
      expect(Object.keys(answer.body.data)).toEqual(
        expect.arrayContaining(['success_rate', 'avg_duration_seconds']),
      );
    }
  });

  it('is listed page by page, sorted, and with only the fields that were asked for', async () => {
    const stem = User.uniqueName('page');
    for (const letter of ['c', 'a', 'b']) await user.project({ name: `${stem}_${letter}` });

    const sorted = await api.get('/api/v1/projects?sort=name&limit=100');
    const names = sorted.body.data.map((one: { name: string }) => one.name as string);
    expect(names.filter((name: string) => name.startsWith(stem))).toEqual(
      ['a', 'b', 'c'].map((letter) => `${stem}_${letter}`),
    );

    const newest = await api.get('/api/v1/projects?limit=2');
    expect(newest.body.data.map((one: { name: string }) => one.name)).toEqual([`${stem}_b`, `${stem}_a`]);
    expect(newest.body.meta).toMatchObject({ limit: 2, offset: 0, has_more: true });
    expect(newest.body.meta.total).toBeGreaterThanOrEqual(3);

    const narrow = await api.get('/api/v1/projects?fields=name&limit=1');
    expect(Object.keys(narrow.body.data[0]).sort()).toEqual(['id', 'name']);
  });

  it('are counted up to 10,000 of those that a filter lets through, and then said to be more', async () => {
    const projects = tauro.database.collection<{ _id: string }>('projects');
    const add = (from: number, to: number) =>
      projects.insertMany(
        Array.from({ length: to - from }, (_, i) => {
          const name = `many_${from + i}`;
          return { _id: `proj_${name.replace('_', '')}`, name, name_key: name, owner: 'many' };
        }),
      );
    const meta = async () => (await api.get('/api/v1/projects?owner=many&limit=1')).body.meta;
    await add(0, 10_000);
    expect(await meta()).toMatchObject({ total: 10_000, has_more: true });
    expect(await meta()).not.toHaveProperty('total_is_lower_bound');
    await add(10_000, 10_001);
    expect(await meta()).toMatchObject({ total: 10_000, total_is_lower_bound: true, has_more: true });
  });
});
