import { type ApiClient } from '../../support/api-client.js';
import { ApiDocument } from '../../support/api-document.js';
import { noop } from '../../support/nodes.js';
import { Secured } from '../../support/secured.js';
import { expectStatus, User } from '../../support/user.js';
import { waitFor } from '../../support/wait-for.js';

/* eslint-disable @typescript-eslint/no-explicit-any -- JSON as the server answers it */

/** One project with one of everything that belongs to projects; by the name of the path parameter. */
interface Belongings {
  project_id: string;
  pipeline_id: string;
  run_id: string;
  schedule_id: string;
  backfill_id: string;
  trigger_id: string;
  notification_id: string;
  /** Its pipeline's name, which nothing else has. */
  name: string;
}

/** What concerns the whole deployment, and so is not for who is confined to projects. */
const DEPLOYMENT_WIDE = /^\/api\/v1\/(keys|roles|workers|statistics)(\/|$)/;

describe('a key that is confined to a project', () => {
  let secured: Secured;
  let own: Belongings;
  let foreign: Belongings;
  let client: ApiClient;
  let document: ApiDocument;
  beforeAll(async () => {
    secured = await Secured.start();
    [own, foreign] = await Promise.all([furnish(secured.admin), furnish(secured.admin)]);
    ({ client } = await secured.key({ roles: ['admin'], project_ids: [own.project_id] }));
    document = new ApiDocument((await client.get('/openapi.json')).body);
  });
  afterAll(() => secured?.stop());

  const traces = (): string[] => Object.values(foreign);
  const pathsWith = (test: (path: string) => boolean) => document.operations.filter(({ path }) => test(path));
  const filled = (path: string, from: Belongings): string =>
    path.replace(/\{([^}]*)\}/g, (_, name: string) => String((from as any)[name] ?? 'only'));

  it('sees its own', async () => {
    for (const { method, path } of pathsWith((path) => /\{\w+\}$/.test(path))) {
      const target = filled(path, own);
      if (method !== 'get' || target.includes('only') || DEPLOYMENT_WIDE.test(path)) continue;
      expect([target, (await client.get(target)).status]).toEqual([target, 200]);
    }
  });

  it('is answered 404 about everything else, on every route that names something of a project', async () => {
    const routes = pathsWith((path) => Object.keys(foreign).some((name) => path.includes(`{${name}}`)));
    expect(routes.length).toBeGreaterThan(35);
    for (const { method, path } of routes) {
      const body = ['post', 'put', 'patch'].includes(method) ? {} : undefined;
      const target = filled(path, foreign);
      const { status, body: answer } = await client.send(method.toUpperCase(), target, body);
      // Whether somebody else has it, or nobody, is told to nobody.
      const absent = target.replace(/_[0-9A-Z]{20,}/, '_nobody');
      const control = await client.send(method.toUpperCase(), absent, body);
      expect([method, target, status]).toEqual([method, target, status === 403 ? 403 : 404]);
      expect([method, target, answer.error.code]).toEqual([
        ...[method, target, control.status === 422 ? answer.error.code : control.body.error.code],
      ]);
    }
    for (const word of ['run', 'schedule', 'trigger']) {
      const one = (foreign as any)[`${word}_id`];
      const { state, enabled } = expectStatus(await secured.admin.get(`/api/v1/${word}s/${one}`), 200);
      expect([word, state ?? enabled]).toEqual([word, word === 'run' ? 'FAILED' : true]);
    }
  });

  it('finds only its own in every list, with or without filters', async () => {
    const answersOf = (operation: any): string[] => Object.keys(operation.responses['200'].content);
    const lists = pathsWith((path) => /^\/api\/v1\/[a-z-]+$/.test(path)).filter(
      ({ method, operation }) => method === 'get' && !answersOf(operation).includes('text/event-stream'),
    );
    expect(lists.length).toBeGreaterThan(8);
    for (const { path } of lists) {
      const queries = [
        '',
        '?limit=100&include_total=true',
        `?name=${foreign.name}`,
        `?pipeline_id=${foreign.name}`,
      ];
      for (const query of queries) {
        const { status, body } = await client.get(path + query);
        expect([path, query, [200, 403, 422].includes(status)]).toEqual([path, query, true]);
        expect([path, query, status === 403]).toEqual([path, query, DEPLOYMENT_WIDE.test(path)]);
        const text = JSON.stringify(body.data ?? []);
        expect([path, query, traces().filter((trace) => text.includes(trace))]).toEqual([path, query, []]);
      }
    }
    const all = await client.get('/api/v1/projects');
    expect(all.body.data.map(({ id }: any) => id)).toEqual([own.project_id]);
    expect(all.body.meta.total).toBe(1);
    const runs = await client.get('/api/v1/runs');
    expect(new Set(runs.body.data.map(({ project_id }: any) => project_id))).toEqual(
      new Set([own.project_id]),
    );
  });

  it('follows the changes of its own runs only', async () => {
    const { project_id, pipeline_id } = foreign;
    const stream = client.events('/api/v1/events');
    const seen: any[] = [];
    const following = (async () => {
      for await (const { event, data } of stream) {
        if (event) break;
        seen.push(JSON.parse(data));
        if (seen.at(-1).state === 'FAILED') break;
      }
    })();
    // Each round somebody else's run ends before one of its own is started, until the stream has told of that one.
    let followed = false;
    void following.then(() => (followed = true));
    const admin = new User(secured.admin);
    await waitFor(
      async () => {
        await admin.ended(await admin.start(project_id, pipeline_id));
        await admin.ended(await admin.start(own.project_id, own.pipeline_id));
        return followed;
      },
      { what: 'an end of its own', timeout: 60_000 },
    );
    await following;
    expect(new Set(seen.map((change) => change.project_id))).toEqual(new Set([own.project_id]));
  });

  it('cannot name what is not its own, neither in a query nor in a body', async () => {
    const runs = '/api/v1/runs';
    const { project_id, pipeline_id } = foreign;
    const nodes = [noop('a')];
    const refused: [string, string, object?][] = [
      ['GET', `${runs}?project_id=${project_id}`],
      ['GET', `/api/v1/pipelines/${foreign.name}`],
      ['GET', `/api/v1/pipelines/${foreign.name}?project_id=${project_id}`],
      ['GET', `/api/v1/pipelines/${foreign.name}/stats`],
      ['GET', `/api/v1/pipelines/${foreign.name}/quality`],
      ['GET', `/api/v1/pipelines/${foreign.name}/versions`],
      ['GET', `/api/v1/pipelines/${foreign.name}/dag`],
      ['DELETE', `/api/v1/pipelines/${foreign.name}`],
      ['POST', runs, { project_id, pipeline_id }],
      ['POST', runs, { project_id: own.project_id, pipeline_id }],
      ['POST', runs, { project_id: own.project_id, pipeline_id: foreign.name }],
      ['POST', '/api/v1/pipelines', { project_id, name: 'mine', nodes }],
      ['POST', '/api/v1/schedules', { project_id, pipeline_id, kind: 'INTERVAL', expression: '1h' }],
      [
        'POST',
        '/api/v1/triggers',
        { project_id: own.project_id, pipeline_id: own.pipeline_id, kind: 'PIPELINE', after: [pipeline_id] },
      ],
      ['PUT', `/api/v1/schedules/${own.schedule_id}`, { pipeline_id }],
    ];
    for (const [method, path, body] of refused) {
      expect([method, path, (await client.send(method, path, body)).status]).toEqual([method, path, 404]);
    }
    const wide: [string, string, object][] = [
      ['POST', '/api/v1/projects', { name: User.uniqueName('mine') }],
      ['POST', '/api/v1/projects/batch', { projects: [{ name: User.uniqueName('mine') }], partial: true }],
      ['POST', `/api/v1/projects/${own.project_id}/duplicate`, {}],
      ['POST', '/api/v1/pipelines', { name: User.uniqueName('everybodys'), nodes }],
      ['POST', '/api/v1/pools', { name: 'mine', slots: 1 }],
      ['POST', '/api/v1/keys', { name: 'free' }],
    ];
    for (const [method, path, body] of wide) {
      expect([method, path, (await client.send(method, path, body)).status]).toEqual([method, path, 403]);
    }
  });

  it('runs what belongs to nobody, but cannot change it', async () => {
    const name = User.uniqueName('everybodys');
    const shared = expectStatus(
      await secured.admin.post('/api/v1/pipelines', { name, nodes: [noop('a')] }),
      201,
    );
    for (const ref of [name, shared.id]) {
      expectStatus(await client.get(`/api/v1/pipelines/${ref}`), 200);
      expect((await client.put(`/api/v1/pipelines/${ref}`, { description: 'mine' })).status).toBe(403);
      expect((await client.delete(`/api/v1/pipelines/${ref}`)).status).toBe(403);
      const body = { project_id: own.project_id, pipeline_id: ref };
      expectStatus(await client.post('/api/v1/runs', body), 201);
    }
  });

  it('finds its own of several pipelines of a name', async () => {
    const name = User.uniqueName('twice');
    const owners = [own.project_id, foreign.project_id];
    const [mine] = await Promise.all(
      owners.map((project_id) =>
        secured.admin.post('/api/v1/pipelines', { project_id, name, nodes: [noop('a')] }),
      ),
    );
    expect((await secured.admin.get(`/api/v1/pipelines/${name}`)).status).toBe(409);
    expect(expectStatus(await client.get(`/api/v1/pipelines/${name}`), 200).id).toBe(mine!.body.data.id);
  });

  it('has batches refused as a whole, or part by part', async () => {
    const ids = [own.schedule_id, foreign.schedule_id];
    const path = '/api/v1/schedules/batch/enable';
    expect((await client.post(path, { ids })).status).toBe(404);
    const partial = expectStatus(await client.post(path, { ids, partial: true }), 200);
    expect(partial.map(({ status }: any) => status)).toEqual([200, 404]);
    expect(JSON.stringify(partial)).not.toContain(foreign.project_id);
    const others = { ids: [own.run_id, foreign.run_id], partial: true };
    for (const [method, batch] of [
      ['POST', '/api/v1/runs/batch/cancel'],
      ['POST', '/api/v1/runs/batch/start'],
    ]) {
      const each = expectStatus(await client.send(method!, batch!, others), 200);
      expect([batch, each.map(({ status }: any) => status)]).toEqual([batch, [409, 404]]);
    }
    const renamed = [own, foreign].map(({ project_id: id }) => ({ id, owner: 'me' }));
    const put = { projects: renamed, partial: true };
    const owners = expectStatus(await client.put('/api/v1/projects/batch', put), 200);
    expect(owners.map(({ status }: any) => status)).toEqual([200, 404]);
    const schedules = [own, foreign].map(({ project_id, pipeline_id }) => ({
      ...{ project_id, pipeline_id, kind: 'INTERVAL', expression: '1h', enabled: false },
    }));
    const made = expectStatus(
      await client.post('/api/v1/schedules/batch', { schedules, partial: true }),
      200,
    );
    expect(made.map(({ status }: any) => status)).toEqual([201, 404]);
  });

  it('follows its own logs, and no others', async () => {
    const lines: string[] = [];
    for await (const { data } of client.events(`/api/v1/runs/${own.run_id}/logs`)) lines.push(data);
    expect(lines.length).toBeGreaterThan(1);
    await expect(client.events(`/api/v1/runs/${foreign.run_id}/logs`).next()).rejects.toThrow(/404/);
  });
});

async function furnish(admin: ApiClient): Promise<Belongings> {
  const user = new User(admin);
  const project_id = await user.project({
    notifications: { on_failure: true, webhook: { url: 'http://127.0.0.1:9/nobody' } },
  });
  const failing = {
    id: 'only',
    type: 'task',
    config: { handler: 'fail' },
    retry_policy: { max_attempts: 1 },
  };
  const pipeline = await user.pipeline(project_id, [failing]);
  const run_id = await user.start(project_id, pipeline.id);
  const schedule = expectStatus(
    await admin.post('/api/v1/schedules', {
      project_id,
      pipeline_id: pipeline.id,
      kind: 'INTERVAL',
      expression: '52w',
    }),
    201,
  );
  const backfill = expectStatus(
    await admin.post(`/api/v1/schedules/${schedule.id}/backfill`, { count: 1 }),
    202,
  );
  const trigger = expectStatus(
    await admin.post('/api/v1/triggers', { project_id, pipeline_id: pipeline.id, kind: 'WEBHOOK' }),
    201,
  );
  expect((await user.ended(run_id)).state).toBe('FAILED');
  const notification = await waitFor(
    async () => (await admin.get(`/api/v1/notifications?project_id=${project_id}`)).body.data[0],
  );
  return {
    project_id,
    pipeline_id: pipeline.id,
    run_id,
    schedule_id: schedule.id,
    backfill_id: backfill.id,
    trigger_id: trigger.id,
    notification_id: notification.id,
    name: pipeline.name,
  };
}
