import { createHash } from 'node:crypto';
import { noop } from '../support/nodes.js';
import { Tauro } from '../support/tauro.js';
import { expectStatus, User } from '../support/user.js';

/* eslint-disable @typescript-eslint/no-explicit-any -- JSON as the server answers it */

const V1 = '/api/v1';
const BOOTSTRAP = createHash('sha256').update('audit').digest('hex');

describe('the audit log', () => {
  let tauro: Tauro;
  let user: User;
  beforeAll(async () => {
    tauro = await Tauro.start({ env: { SECRET_KEY: createHash('sha256').update('sealing').digest('hex') } });
    user = new User(tauro.api);
  });
  afterAll(() => tauro?.stop());

  const entries = async (query: string): Promise<any[]> =>
    expectStatus(await tauro.api.get(`${V1}/audit?limit=100&${query}`), 200);

  it('tells who did what to which thing, before anybody is told that it was done', async () => {
    const headers = { 'x-request-id': User.uniqueName('request') };
    const name = User.uniqueName('seen');
    const { id } = expectStatus(await tauro.api.post(`${V1}/projects`, { name }, headers), 201);
    const [made] = await entries(`request_id=${headers['x-request-id']}`);
    expect(made).toMatchObject({
      actor_kind: 'anonymous',
      actor_id: 'anonymous',
      action: 'createProject',
      method: 'POST',
      path: `${V1}/projects`,
      resource_kind: 'project',
      resource_ids: [id],
      project_id: id,
      before_hash: null,
      after_hash: expect.stringMatching(/^[0-9a-f]{64}$/),
      status: 201,
      outcome: 'SUCCESS',
      replayed: false,
      client_address: expect.stringContaining('127.0.0.1'),
    });
    const path = `${V1}/projects/${id}`;
    expectStatus(await tauro.api.put(path, { description: 'changed' }), 200);
    expect((await tauro.api.put(path, { nonsense: 1 })).status).toBe(422);
    expect((await tauro.api.post(`${V1}/projects`, { name })).status).toBe(409);
    expectStatus(await tauro.api.delete(path), 200);
    expect((await tauro.api.delete(path)).status).toBe(404);
    const [gone, removed, refused, changed, first] = await entries(`resource=${id}`);
    expect(first).toEqual(made);
    expect(changed).toMatchObject({ action: 'updateProject', before_hash: made.after_hash });
    expect(changed.after_hash).not.toBe(changed.before_hash);
    expect(refused).toMatchObject({ status: 422, outcome: 'REFUSED', after_hash: changed.after_hash });
    expect(removed).toMatchObject({
      action: 'deleteProject',
      before_hash: changed.after_hash,
      after_hash: null,
    });
    expect(gone).toMatchObject({ status: 404, outcome: 'REFUSED', before_hash: null });
    expect(expectStatus(await tauro.api.get(`${V1}/audit/${made.id}`), 200)).toEqual(made);
  });

  it('knows of a run what was stored of it, so that the next change begins where its creation ended', async () => {
    const project_id = await user.project();
    const pipeline_id = (await user.pipeline(project_id, [noop('only')])).id;
    const body = {
      ...{ project_id, pipeline_id, params: { z: [1.5, -0, 'ü'], a: { c: null, b: 1e21 } } },
      ...{ tags: { team: 'x' }, deadline: new Date(Date.now() + 3_600_000).toISOString(), priority: 3 },
    };
    const { id } = expectStatus(await tauro.api.post(`${V1}/runs`, body), 201);
    expectStatus(await tauro.api.post(`${V1}/runs/${id}/cancel`, {}), 202);
    const [cancelled, created] = await entries(`resource=${id}`);
    expect(created).toMatchObject({
      action: 'createRun',
      resource_kind: 'run',
      project_id,
      before_hash: null,
    });
    expect(cancelled).toMatchObject({ action: 'cancelRun', before_hash: created.after_hash });
    expect(cancelled.after_hash).not.toBe(created.after_hash);
  });

  it('has what was not understood, and what nobody answers, but no reading', async () => {
    const before = (await tauro.database.collection('audit').countDocuments()) + 3;
    await tauro.api.get(`${V1}/projects`);
    expect((await tauro.api.post(`${V1}/projects`, '{')).status).toBe(400);
    expect((await tauro.api.post(`${V1}/nowhere`, {})).status).toBe(404);
    expect((await tauro.api.post('/hooks/a-token-that-is-a-credential', {})).status).toBe(404);
    const [hook, nowhere, malformed] = await entries('');
    expect(malformed).toMatchObject({ action: null, status: 400, outcome: 'REFUSED' });
    expect(nowhere).toMatchObject({ action: null, path: `${V1}/nowhere` });
    expect(hook.path).toBe('/hooks/[redacted]');
    expect(await tauro.database.collection('audit').countDocuments()).toBe(before);
  });

  it('lists all ids of a batch, and an answer that was repeated as such', async () => {
    const project_id = await user.project();
    const { id: pipeline_id } = await user.pipeline(project_id, [noop('only')]);
    const runs = Array.from({ length: 5 }, () => ({ project_id, pipeline_id }));
    const headers = { 'idempotency-key': User.uniqueName('key') };
    const made = expectStatus(await tauro.api.post(`${V1}/runs/batch`, { runs }, headers), 201);
    expectStatus(await tauro.api.post(`${V1}/runs/batch`, { runs }, headers), 201);
    const ids = made.map(({ id }: any) => id);
    expectStatus(await tauro.api.send('DELETE', `${V1}/runs/batch`, { ids: [ids[0]], partial: true }), 200);
    const [deleted, again, first] = await entries(`resource=${ids[0]}`);
    expect(first).toMatchObject({ action: 'createRuns', resource_ids: ids, project_id, replayed: false });
    expect(again).toMatchObject({ resource_ids: ids, replayed: true });
    expect(deleted).toMatchObject({ method: 'DELETE', resource_ids: [ids[0]] });
    expect((await entries(`project_id=${project_id}&action=createRuns`)).length).toBe(2);
  });

  it('is one entry for each of many writes at once, found page by page and in the export', async () => {
    const project_id = await user.project();
    const { id: pipeline_id } = await user.pipeline(project_id, [noop('only')]);
    const answers = await Promise.all(
      Array.from({ length: 250 }, () => tauro.api.post(`${V1}/runs`, { project_id, pipeline_id })),
    );
    const ids = answers.map((answer) => expectStatus(answer, 201).id).sort();
    const query = `project_id=${project_id}&action=createRun`;
    const found: any[] = [];
    for (let cursor = ''; ;) {
      const { body } = await tauro.api.get(`${V1}/audit?limit=100&${query}${cursor}`);
      found.push(...body.data);
      if (!body.meta.has_more) break;
      cursor = `&cursor=${body.meta.next_cursor}`;
    }
    expect(found.flatMap(({ resource_ids }) => resource_ids).sort()).toEqual(ids);
    const response = await fetch(`${tauro.url}${V1}/audit/export?${query}`);
    expect(response.headers.get('content-type')).toContain('application/x-ndjson');
    const lines = (await response.text())
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines).toEqual([...found].reverse());
    const since = lines[99].created_at;
    const later = await fetch(`${tauro.url}${V1}/audit/export?${query}&since=${since}`);
    const rest = (await later.text()).trimEnd().split('\n').length;
    expect(rest).toBe(lines.filter(({ created_at }) => created_at > since).length);
    const none = await fetch(`${tauro.url}${V1}/audit/export?actor=nobody`);
    expect([none.status, await none.text()]).toEqual([200, '']);
  });

  it('answers nothing as done that it cannot write down', async () => {
    const name = User.uniqueName('unwritten');
    const refusing = (on: boolean): Promise<unknown> =>
      tauro.database.command({ collMod: 'audit', validator: on ? { never: true } : {} });
    await refusing(true);
    try {
      const { status, body, headers } = await tauro.api.post(`${V1}/projects`, { name });
      expect([status, body.error.code, headers.get('retry-after')]).toEqual([
        503,
        'SERVICE_UNAVAILABLE',
        '2',
      ]);
      expect(body.error.message).toContain('It may have been carried out');
      expect(body.meta.request_id).toBe(headers.get('x-request-id'));
      // What was refused is told as it is.
      expect((await tauro.api.post(`${V1}/projects`, { name })).status).toBe(409);
      expect((await tauro.api.get(`${V1}/projects?name=${name}`)).body.data).toHaveLength(1);
    } finally {
      await refusing(false);
    }
    expect(tauro.apiProcess().logs()).toContain(`not written down: POST ${V1}/projects 201`);
    expect((await tauro.api.post(`${V1}/projects`, { name: User.uniqueName('written') })).status).toBe(201);
  });

  it('has no way to change or remove an entry, and never expires', async () => {
    const { paths } = (await tauro.api.get('/openapi.json')).body;
    const ways = Object.entries<any>(paths).filter(([path]) => path.startsWith(`${V1}/audit`));
    expect(ways.flatMap(([, way]) => Object.keys(way))).toEqual(['get', 'get', 'get']);
    const indexes = await tauro.database.collection('audit').indexes();
    expect(indexes.filter((index) => 'expireAfterSeconds' in index)).toEqual([]);
  });
});

describe('the audit log of a server with auth', () => {
  let tauro: Tauro;
  beforeAll(async () => {
    const SECRET_KEY = createHash('sha256').update('a key').digest('hex');
    const env = { ENABLE_AUTH: 'true', BOOTSTRAP_API_KEY: BOOTSTRAP, SECRET_KEY };
    tauro = await Tauro.start({ workers: 0, env });
  });
  afterAll(() => tauro?.stop());

  const admin = { 'x-api-key': BOOTSTRAP };

  it('has who was refused, and shows callers confined to projects what is theirs', async () => {
    const project = async (name: string): Promise<string> =>
      expectStatus(await tauro.api.post(`${V1}/projects`, { name }, admin), 201).id;
    const [mine, other] = [await project('mine'), await project('other')];
    const grant = { name: 'watcher', roles: ['viewer'], permissions: ['audit:read'], project_ids: [mine] };
    const { id, secret } = expectStatus(await tauro.api.post(`${V1}/keys`, grant, admin), 201);
    const watcher = { 'x-api-key': secret };
    expect((await tauro.api.post(`${V1}/projects`, { name: 'x' })).status).toBe(401);
    expect((await tauro.api.put(`${V1}/projects/${mine}`, { name: 'x' }, watcher)).status).toBe(403);

    const all = expectStatus(await tauro.api.get(`${V1}/audit?outcome=DENIED`, admin), 200);
    expect(all).toEqual([
      expect.objectContaining({ actor_id: id, actor_kind: 'key', actor_name: 'watcher', status: 403 }),
      expect.objectContaining({ actor_id: 'anonymous', action: 'createProject', status: 401 }),
    ]);
    const [key] = expectStatus(await tauro.api.get(`${V1}/audit?resource_kind=key`, admin), 200);
    expect(key).toMatchObject({ action: 'createKey', resource_ids: [id] });
    expect(JSON.stringify(await tauro.database.collection('audit').find().toArray())).not.toContain(secret);

    const theirs = expectStatus(await tauro.api.get(`${V1}/audit`, watcher), 200);
    expect(theirs.map((entry: any) => entry.project_id)).toEqual([mine, mine]);
    expect((await tauro.api.get(`${V1}/audit/${key.id}`, watcher)).status).toBe(404);
    expect((await tauro.api.get(`${V1}/audit?project_id=${other}`, watcher)).status).toBe(404);
    const exported = await fetch(`${tauro.url}${V1}/audit/export`, { headers: watcher });
    expect((await exported.text()).trimEnd().split('\n')).toHaveLength(2);
    expect((await tauro.api.get(`${V1}/audit`)).status).toBe(401);
  });
});
