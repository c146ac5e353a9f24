import { type ApiClient } from '../support/api-client.js';
import { chain, noop, wait } from '../support/nodes.js';
import { CommonTauro } from '../support/common-tauro.js';
import { User } from '../support/user.js';

const DIAMOND = {
  nodes: ['start', 'left', 'right', 'end'].map((id) => noop(id)),
  edges: [...chain('start', 'left', 'end'), ...chain('start', 'right', 'end')],
};

describe('pipelines', () => {
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

  it('are stored, read by id and by name, changed in part and deleted', async () => {
    const created = await user.pipeline(projectId, DIAMOND.nodes, {
      edges: DIAMOND.edges,
      description: 'there and back',
      config: { max_parallelism: 4, retry_policy: { max_attempts: 3, backoff_seconds: 5 } },
    });
    expect(created.id).toMatch(/^pipe_[A-Za-z0-9]{1,64}$/);
    expect(created).toMatchObject({ description: 'there and back', version: 1 });

    const read = await api.get(`/api/v1/pipelines/${created.id}`);
    expect(read.status).toBe(200);
    expect(read.body.data.nodes.map((node: { id: string }) => node.id)).toEqual([
      'start',
      'left',
      'right',
      'end',
    ]);
    expect(read.body.data.edges).toEqual(DIAMOND.edges);
    expect(read.body.data.config).toMatchObject({ max_parallelism: 4 });

    const changed = await api.put(`/api/v1/pipelines/${created.id}`, { description: 'and again' });
    expect(changed.status).toBe(200);
    expect(changed.body.data).toMatchObject({ name: created.name, description: 'and again' });
    expect(changed.body.data.nodes).toHaveLength(4);

    expect((await api.delete(`/api/v1/pipelines/${created.id}`)).status).toBe(200);
    expect((await api.get(`/api/v1/pipelines/${created.id}`)).status).toBe(404);
  });

  it('have a name that is unique within their project, but not across projects', async () => {
    const { name } = await user.pipeline(projectId, [noop('only')]);
    const twice = await api.post('/api/v1/pipelines', { project_id: projectId, name, nodes: [noop('only')] });
    expect(twice.status).toBe(409);
    const elsewhere = await api.post('/api/v1/pipelines', {
      project_id: await user.project(),
      name,
      nodes: [noop('only')],
    });
    expect(elsewhere.status).toBe(201);
  });

  it('keep every accepted change as a version that stays as it was', async () => {
    const pipeline = await user.pipeline(projectId, [noop('first')]);
    const path = `/api/v1/pipelines/${pipeline.id}`;
    expect((await api.put(path, { nodes: [noop('first'), noop('second')] })).status).toBe(200);
    expect((await api.put(path, { edges: chain('first', 'second') })).status).toBe(200);

    const versions = await api.get(`${path}/versions`);
    expect(versions.status).toBe(200);
    expect(versions.body.data.map((one: { version: number }) => one.version)).toEqual([3, 2, 1]);

    const first = await api.get(`${path}/versions/1`);
    expect(JSON.stringify(first.body.data)).toContain('first');
    expect(JSON.stringify(first.body.data)).not.toContain('second');
    const fourth = await api.get(`${path}/versions/4`);
    expect(fourth.status).toBe(404);
    expect(fourth.body.error.message).toMatch(/^version '4' was not found in pipeline 'pipe_/);
  });

  it('show what changed between two versions', async () => {
    const pipeline = await user.pipeline(projectId, [noop('kept'), noop('dropped')]);
    const path = `/api/v1/pipelines/${pipeline.id}`;
    await api.put(path, { nodes: [noop('kept'), noop('added')] });
    const diff = await api.get(`${path}/versions/diff?from=1&to=2`);
    expect(diff.status).toBe(200);
    const text = JSON.stringify(diff.body.data);
    expect(text).toContain('dropped');
    expect(text).toContain('added');
  });

  it('let only one of two editors win who read the same version', async () => {
    const { id } = await user.pipeline(projectId, [noop('only')]);
    const path = `/api/v1/pipelines/${id}`;
    const etag = (await api.get(path)).headers.get('etag')!;
    const edits = ['one', 'two'].map((description) => api.put(path, { description }, { 'if-match': etag }));
    expect((await Promise.all(edits)).map((answer) => answer.status).sort()).toEqual([200, 412]);
  });

  it('are validated without being stored', async () => {
    const name = User.uniqueName('dry');
    const good = await api.post('/api/v1/pipelines/validate', { name, ...DIAMOND });
    expect(good.status).toBe(200);
    expect(good.body.data.valid).toBe(true);

    expect((await api.get(`/api/v1/pipelines?name=${name}`)).body.data).toEqual([]);
  });

  it('are only warned about a handler that no live worker has', async () => {
    const node = { id: 'lonely', type: 'task', config: { handler: 'nobody_has_this' } };
    const answer = await api.post('/api/v1/pipelines', {
      project_id: projectId,
      name: User.uniqueName('lonely'),
      nodes: [node],
    });
    expect(answer.status).toBe(201);
    expect(JSON.stringify(answer.body)).toMatch(/nobody_has_this/);
    expect(JSON.stringify(answer.body)).toMatch(/warning/i);
  });

  it('are discovered from files, and say where they come from', async () => {
    const { body } = await api.get('/api/v1/pipelines?source=file&limit=100');
    const byName = new Map(body.data.map((one: { name: string }) => [one.name, one]));
    for (const name of ['daily_etl', 'etl_pipeline', 'etl_1', 'etl_2', 'etl_3', 'late_flights']) {
      expect([...byName.keys()]).toContain(name);
    }
    const etl = await api.get('/api/v1/pipelines/daily_etl');
    expect(etl.status).toBe(200);
    expect(etl.body.data).toMatchObject({ name: 'daily_etl', source: expect.stringMatching(/file/i) });

    // Declared in TypeScript, beside the handler that it calls.
    const late = await api.get('/api/v1/pipelines/late_flights');
    expect(late.body.data).toMatchObject({
      source: etl.body.data.source,
      nodes: [{ id: 'flights' }, {}, {}, {}],
    });

    const stored = await user.pipeline(projectId, [noop('only')]);
    expect(stored.source).not.toBe(etl.body.data.source);
    // A discovered one belongs to its file: the API does not change or delete it.
    expect((await api.delete('/api/v1/pipelines/daily_etl')).status).toBe(409);
  });

  it('cannot be deleted while a run of theirs is active', async () => {
    const pipeline = await user.pipeline(projectId, [wait('nap', 600)]);
    const runId = await user.start(projectId, pipeline.id);
    expect((await api.delete(`/api/v1/pipelines/${pipeline.id}`)).status).toBe(409);
    expect((await api.post(`/api/v1/runs/${runId}/cancel`)).status).toBe(202);
    await user.ended(runId);
    expect((await api.delete(`/api/v1/pipelines/${pipeline.id}`)).status).toBe(200);
  });

  it('pin their runs: a change after the run was created does not reach it', async () => {
    const pipeline = await user.pipeline(projectId, [noop('before')]);
    const { body } = await api.post('/api/v1/runs', { project_id: projectId, pipeline_id: pipeline.id });
    await api.put(`/api/v1/pipelines/${pipeline.id}`, { nodes: [noop('after')] });
    expect(Object.keys(await user.tasks(body.data.id))).toEqual(['before']);
    expect(body.data.pipeline_version).toBe(1);
  });

  describe('the graph', () => {
    let path: string;
    beforeAll(async () => {
      const nodes = [...DIAMOND.nodes, noop('alone')];
      path = `/api/v1/pipelines/${(await user.pipeline(projectId, nodes, { edges: DIAMOND.edges })).id}/dag`;
    });

    it('comes as JSON with depth, layers, roots, leaves and the critical path', async () => {
      const { body, status } = await api.get(path);
      expect(status).toBe(200);
      const depths = Object.fromEntries(
        body.data.nodes.map((node: { id: string; depth: number }) => [node.id, node.depth]),
      );
      expect(depths).toEqual({ start: 0, left: 1, right: 1, end: 2, alone: 0 });
      expect(body.data.nodes.every((node: { layer: unknown }) => node.layer !== undefined)).toBe(true);
      expect(body.data.edges).toHaveLength(4);
      expect([...body.data.roots].sort()).toEqual(['alone', 'start']);
      expect([...body.data.leaves].sort()).toEqual(['alone', 'end']);
      expect(body.data.critical_path).toEqual(['start', expect.stringMatching(/left|right/), 'end']);
    });

    it('counts depends_on as edges', async () => {
      const nodes = [noop('a'), noop('b', { depends_on: ['a'] }), wait('c', 0.1, { depends_on: ['b', 'a'] })];
      const { id } = await user.pipeline(projectId, nodes, { edges: chain('a', 'b') });
      const { body } = await api.get(`/api/v1/pipelines/${id}/dag`);
      const edges = body.data.edges.map((edge: { from: string; to: string }) => `${edge.from}${edge.to}`);
      expect(edges.sort()).toEqual(['ab', 'ac', 'bc']);
    });

    it.each([
      ['mermaid', /^(graph|flowchart) \w\w/],
      ['dot', /^(strict )?digraph/],
    ])('comes as %s text', async (format, start) => {
      const { body, status } = await api.get(`${path}?format=${format}`);
      expect(status).toBe(200);
      const text: string = typeof body === 'string' ? body : (body.data.text ?? body.data.graph ?? body.data);
      expect(text).toMatch(start);
      for (const id of ['start', 'left', 'right', 'end', 'alone']) expect(text).toContain(id);
    });

    it('refuses another format', async () => {
      expect((await api.get(`${path}?format=png`)).status).toBe(422);
    });
  });
});
