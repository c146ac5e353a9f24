import { randomBytes } from 'node:crypto';
import { type Answer } from '../support/api-client.js';
import { ApiDocument } from '../support/api-document.js';
import { chain, noop, ONCE, task } from '../support/nodes.js';
import { Tauro } from '../support/tauro.js';
import { User } from '../support/user.js';
import { waitFor } from '../support/wait-for.js';

/* eslint-disable @typescript-eslint/no-explicit-any -- JSON as the server answers it */

/** Operations whose answers are no JSON, or that nothing here has a use for. */
const LEFT_OUT = ['GET /metrics'];

describe('what the server answers is what its OpenAPI document says', () => {
  let tauro: Tauro;
  let user: User;
  let document: ApiDocument;
  /** `METHOD path` of what was asked, as the document writes it. */
  const asked = new Set<string>();

  beforeAll(async () => {
    tauro = await Tauro.start({ env: { SECRET_KEY: randomBytes(32).toString('base64') } });
    user = new User(tauro.api);
    document = new ApiDocument((await tauro.api.get('/openapi.json')).body);
  });
  afterAll(() => tauro?.stop());

  /** Sends a request, and holds the answer against the document; fails unless it has this status. */
  async function ask(
    method: string,
    path: string,
    status: number,
    { body, headers }: { body?: unknown; headers?: Record<string, string> } = {},
  ): Promise<any> {
    const answer: Answer = await tauro.api.send(method, path, body, headers);
    expect([method, path, answer.status, answer.body]).toEqual([method, path, status, expect.anything()]);
    expect([method, path, ...document.mismatches(method, path, answer)]).toEqual([method, path]);
    asked.add(document.find(method, path)!.name);
    return answer.body.data ?? answer.body;
  }

  const v1 = '/api/v1';

  /** Opens a stream that may have no end, and leaves it once it has begun. */
  async function open(path: string): Promise<void> {
    const leave = new AbortController();
    const { status, headers } = await fetch(tauro.url + path, { signal: leave.signal });
    leave.abort();
    expect([path, status, ...document.mismatches('GET', path, { status, headers, body: '' })]).toEqual([
      path,
      200,
    ]);
    asked.add(document.find('GET', path)!.name);
  }

  it('about the server', async () => {
    for (const path of ['/health', '/health/live', '/health/ready', `${v1}/info`, `${v1}/statistics`]) {
      await ask('GET', path, 200);
    }
    const [worker] = await ask('GET', `${v1}/workers`, 200);
    await ask('GET', `${v1}/workers/${worker.id}`, 200);
    await ask('GET', `${v1}/workers/nobody`, 404);
    await ask('POST', `${v1}/workers/${worker.id}/drain`, 202);
    await ask('POST', `${v1}/workers/${worker.id}/resume`, 202);
  });

  it('about projects', async () => {
    const name = User.uniqueName('contract');
    const { id } = await ask('POST', `${v1}/projects`, 201, { body: { name } });
    await ask('POST', `${v1}/projects`, 409, { body: { name } });
    await ask('POST', `${v1}/projects`, 422, { body: { name: 'not a name', nonsense: 1 } });
    await ask('POST', `${v1}/projects`, 400, { body: '{' });
    await ask('POST', `${v1}/projects`, 415, { body: 'name=x', headers: { 'content-type': 'text/plain' } });
    await ask('POST', `${v1}/projects`, 413, { body: { name, description: 'x'.repeat(2 ** 20) } });
    await ask('GET', `${v1}/projects`, 200);
    await ask('GET', `${v1}/projects?limit=1&cursor=${id}`, 200);
    await ask('GET', `${v1}/projects?limit=1000`, 422);
    await ask('GET', `${v1}/projects/${id}`, 200);
    await ask('PUT', `${v1}/projects/${id}`, 200, {
      body: { owner: null, retention_days: null },
      headers: { 'if-match': '"1"' },
    });
    await ask('PUT', `${v1}/projects/${id}`, 412, { body: { owner: 'x' }, headers: { 'if-match': '"1"' } });
    for (const word of ['stats', 'statistics']) await ask('GET', `${v1}/projects/${id}/${word}`, 200);
    const copy = await ask('POST', `${v1}/projects/${id}/duplicate`, 201);
    await ask('DELETE', `${v1}/projects/${copy.id}`, 200);
    await ask('GET', `${v1}/projects/${copy.id}`, 404);
  });

  it('about notifications', async () => {
    const notifications = {
      on_success: true,
      on_failure: false,
      sla_seconds: 3600,
      // There is no mail server, so this one is given up at once.
      email: ['nobody@example.com'],
      webhook: [{ url: 'http://127.0.0.1:9/nobody' }, { url: 'https://hooks.example.com/x?token=1' }],
    };
    const body = { name: User.uniqueName('contract'), notifications };
    const { id: project } = await ask('POST', `${v1}/projects`, 201, { body });
    await ask('GET', `${v1}/projects/${project}`, 200);
    const one = { ...notifications, webhook: notifications.webhook[0], email: 'nobody@example.com' };
    await ask('PUT', `${v1}/projects/${project}`, 200, { body: { notifications: one } });
    const secret = [{ url: 'https://hooks.example.com', secret: 'never kept here' }];
    const refused = { notifications: { webhook: secret, email: 'nobody', sla_seconds: -1 } };
    await ask('PUT', `${v1}/projects/${project}`, 422, { body: refused });
    const { id: pipeline_id } = await user.pipeline(project, [noop('fine')], {
      config: { notifications: one },
    });
    await ask('GET', `${v1}/pipelines/${pipeline_id}`, 200);
    await user.ended(await user.start(project, pipeline_id));
    const dead = await waitFor(
      async () =>
        (await ask('GET', `${v1}/notifications?project_id=${project}&channel=email&state=DEAD`, 200))[0],
    );
    await ask('GET', `${v1}/notifications?limit=1&sort=created_at`, 200);
    await ask('GET', `${v1}/notifications/${dead.id}`, 200);
    await ask('GET', `${v1}/notifications/ntf_nobody`, 404);
    await ask('POST', `${v1}/notifications/${dead.id}/retry`, 202);
    await ask('POST', `${v1}/notifications/ntf_nobody/retry`, 404);
    const [waiting] = await ask('GET', `${v1}/notifications?project_id=${project}&channel=webhook`, 200);
    await ask('POST', `${v1}/notifications/${waiting.id}/retry`, 409);
    await ask('PUT', `${v1}/projects/${project}`, 200, { body: { notifications: null } });
  });

  it('about marks', async () => {
    const incremental = { by: 'key' };
    const config = { source_type: 'file', path: 'marked/*.csv', incremental };
    const project = await user.project();
    const { id } = await user.pipeline(project, [{ id: 'rows', type: 'source', config }]);
    const marks = `${v1}/pipelines/${id}/marks`;
    await ask('GET', marks, 200);
    await ask('GET', `${v1}/pipelines/nobody/marks`, 404);
    await ask('GET', `${marks}/rows`, 404);
    await ask('DELETE', `${marks}/rows`, 404);
    await ask('PUT', `${marks}/rows`, 422, { body: { value: 1 } });
    await ask('PUT', `${marks}/rows`, 200, { body: { value: 'marked/1.csv' } });
    await ask('PUT', `${marks}/rows`, 412, { body: { value: 'x' }, headers: { 'If-Match': '"7"' } });
    await ask('GET', `${marks}/rows`, 200);
    await ask('GET', `${marks}?sort=-updated_at`, 200);
    await ask('DELETE', `${marks}/rows`, 200);
  });

  it('about quality', async () => {
    const rows = {
      id: 'rows',
      type: 'source',
      config: { source_type: 'inline', rows: [{ a: 1 }, { a: null }] },
    };
    const checks = [
      { type: 'not_null', columns: ['a'], severity: 'quarantine' },
      { type: 'row_count', min: 1 },
    ];
    const clean = { id: 'clean', type: 'processor', depends_on: ['rows'], config: { checks } };
    const project = await user.project();
    const { id, name } = await user.pipeline(project, [rows, clean]);
    const run = await user.start(project, id);
    await user.ended(run);
    await ask('GET', `${v1}/runs/${run}/quality`, 200);
    await ask('GET', `${v1}/runs/${run}/artifacts/clean?part=quarantine`, 200);
    await ask('GET', `${v1}/runs/${run}/quality?passed=no`, 422);
    await ask('GET', `${v1}/runs/run_nobody/quality`, 404);
    await ask('GET', `${v1}/pipelines/${id}/quality?passed=false&limit=1`, 200);
    await ask('GET', `${v1}/pipelines/nobody/quality`, 404);
    await user.pipeline(await user.project(), [rows, clean], { name });
    await ask('GET', `${v1}/pipelines/${name}/quality`, 409);
  });

  it('about pools', async () => {
    const pool = { name: 'contract', slots: 2, rate_limit: { tasks: 5, per_seconds: 1 } };
    const { id } = await ask('POST', `${v1}/pools`, 201, { body: pool });
    await ask('PUT', `${v1}/pools/${id}`, 200, { body: { rate_limit: null } });
    await ask('GET', `${v1}/pools`, 200);
    await ask('GET', `${v1}/pools/contract`, 200);
    await ask('DELETE', `${v1}/pools/contract`, 200);
  });

  it('about keys, roles and who asks', async () => {
    await ask('GET', `${v1}/auth/me`, 200);
    const key = await ask('POST', `${v1}/keys`, 201, { body: { name: 'contract', roles: ['viewer'] } });
    await ask('POST', `${v1}/keys`, 404, { body: { name: 'contract', roles: ['nobody'] } });
    await ask('POST', `${v1}/keys`, 422, { body: { name: 'contract', permissions: ['everything'] } });
    await ask('GET', `${v1}/keys`, 200);
    await ask('GET', `${v1}/keys/${key.id}`, 200);
    await ask('GET', `${v1}/keys/key_nobody`, 404);
    const expires_at = '2099-01-01T00:00:00Z';
    await ask('PUT', `${v1}/keys/${key.id}`, 200, { body: { expires_at, project_ids: null } });
    const { secret } = await ask('POST', `${v1}/keys/${key.id}/rotate`, 200, {
      body: { overlap_seconds: 1 },
    });
    await ask('POST', `${v1}/auth/token`, 200, { headers: { 'x-api-key': secret } });
    await ask('POST', `${v1}/auth/token`, 401);
    await ask('POST', `${v1}/keys/${key.id}/revoke`, 200);
    await ask('POST', `${v1}/keys/${key.id}/rotate`, 409);
    await ask('DELETE', `${v1}/keys/${key.id}`, 200);

    const role = { name: 'contract', permissions: ['runs:read'] };
    await ask('POST', `${v1}/roles`, 201, { body: role });
    await ask('POST', `${v1}/roles`, 409, { body: role });
    await ask('GET', `${v1}/roles`, 200);
    await ask('GET', `${v1}/roles/contract`, 200);
    await ask('PUT', `${v1}/roles/contract`, 200, { body: { permissions: [] } });
    await ask('PUT', `${v1}/roles/viewer`, 409, { body: { permissions: [] } });
    await ask('DELETE', `${v1}/roles/contract`, 200);
  });

  it('about who did what', async () => {
    const { id } = await ask('POST', `${v1}/projects`, 201, { body: { name: User.uniqueName('seen') } });
    const [entry] = await ask('GET', `${v1}/audit?project_id=${id}`, 200);
    await ask('GET', `${v1}/audit/${entry.id}`, 200);
    await ask('GET', `${v1}/audit/aud_nobody`, 404);
    await ask('GET', `${v1}/audit?outcome=LOST`, 422);
    await open(`${v1}/audit/export?project_id=${id}`);
  });

  it('about variables', async () => {
    const project_id = await user.project();
    const body = { project_id, name: 'contract', value: { any: ['json', null] } };
    const { id } = await ask('POST', `${v1}/variables`, 201, { body });
    await ask('POST', `${v1}/variables`, 409, { body });
    await ask('POST', `${v1}/variables`, 422, { body: { ...body, value: undefined } });
    await ask('GET', `${v1}/variables?project_id=${project_id}`, 200);
    await ask('GET', `${v1}/variables/${id}`, 200);
    await ask('PUT', `${v1}/variables/${id}`, 200, { body: { value: null } });
    await ask('PUT', `${v1}/variables/${id}`, 412, { body: {}, headers: { 'if-match': '"1"' } });
    await ask('DELETE', `${v1}/variables/${id}`, 200);
    await ask('GET', `${v1}/variables/${id}`, 404);
  });

  it('about connections', async () => {
    const project_id = await user.project();
    const config = { host: '127.0.0.1', port: 1, database: 'd', user: 'u' };
    const body = { project_id, name: 'contract', kind: 'postgresql', config };
    const { id } = await ask('POST', `${v1}/connections`, 201, { body });
    await ask('POST', `${v1}/connections`, 409, { body });
    await ask('POST', `${v1}/connections`, 422, { body: { ...body, config: {} } });
    await ask('GET', `${v1}/connections?project_id=${project_id}&kind=postgresql`, 200);
    await ask('GET', `${v1}/connections/${id}`, 200);
    await ask('PUT', `${v1}/connections/${id}`, 200, { body: { description: 'other' } });
    await ask('PUT', `${v1}/connections/${id}`, 412, { body: {}, headers: { 'if-match': '"1"' } });
    await ask('POST', `${v1}/connections/${id}/test`, 200, { body: {} });
    await ask('DELETE', `${v1}/connections/${id}`, 200);
    await ask('GET', `${v1}/connections/${id}`, 404);
  });

  it('about secrets', async () => {
    const project_id = await user.project();
    const body = { project_id, name: 'contract', value: 'never shown' };
    const { id } = await ask('POST', `${v1}/secrets`, 201, { body });
    await ask('POST', `${v1}/secrets`, 409, { body });
    await ask('POST', `${v1}/secrets`, 422, { body: { ...body, value: 'no' } });
    await ask('GET', `${v1}/secrets?project_id=${project_id}`, 200);
    await ask('GET', `${v1}/secrets/${id}`, 200);
    await ask('PUT', `${v1}/secrets/${id}`, 200, { body: { value: 'the next one' } });
    await ask('PUT', `${v1}/secrets/${id}`, 412, { body: {}, headers: { 'if-match': '"1"' } });
    await ask('DELETE', `${v1}/secrets/${id}`, 200);
    await ask('GET', `${v1}/secrets/${id}`, 404);
  });

  it('about pipelines', async () => {
    const project_id = await user.project();
    const definition = {
      name: 'everything',
      nodes: [
        { id: 'list', type: 'source', config: { source_type: 'inline', rows: [{ a: 1 }] } },
        task(
          'each',
          'echo',
          { it: '{{ item }}' },
          {
            for_each: { items: [1, 'two', null], max_parallelism: 2 },
            retry_policy: { max_attempts: 2, backoff_seconds: 0 },
            requires: ['none'],
            pool: 'contract',
          },
        ),
      ],
      edges: chain('list', 'each'),
      params_schema: { type: 'object', properties: { day: { type: 'string' } } },
      outputs: { all: '{{ nodes.each.output }}' },
    };
    const { id } = await ask('POST', `${v1}/pipelines`, 201, { body: { ...definition, project_id } });
    await ask('POST', `${v1}/pipelines`, 422, { body: { ...definition, edges: chain('list', 'nobody') } });
    await ask('POST', `${v1}/pipelines/validate`, 200, { body: definition });
    await ask('POST', `${v1}/pipelines/validate`, 200, { body: { name: 'empty', nodes: [] } });
    const nodes = [...definition.nodes, noop('last', { depends_on: ['each'] })];
    await ask('PUT', `${v1}/pipelines/${id}`, 200, { body: { nodes }, headers: { 'if-match': '"1"' } });
    await ask('PUT', `${v1}/pipelines/${id}`, 412, { body: { nodes }, headers: { 'if-match': '"1"' } });
    await ask('GET', `${v1}/pipelines?limit=100`, 200);
    await ask('GET', `${v1}/pipelines/${id}`, 200);
    await ask('GET', `${v1}/pipelines/daily_etl`, 200);
    await ask('GET', `${v1}/pipelines/${id}/dag`, 200);
    await ask('GET', `${v1}/pipelines/${id}/stats?since=7 days`, 200);
    await ask('GET', `${v1}/pipelines/nobody/stats`, 404);
    await ask('GET', `${v1}/pipelines/${id}/dag?format=mermaid`, 200);
    await ask('GET', `${v1}/pipelines/${id}/versions`, 200);
    await ask('GET', `${v1}/pipelines/${id}/versions/1`, 200);
    await ask('GET', `${v1}/pipelines/${id}/versions/9`, 404);
    await ask('GET', `${v1}/pipelines/${id}/versions/1/diff/2`, 200);
    await ask('GET', `${v1}/pipelines/${id}/versions/diff?from=1&to=2`, 200);
    await ask('DELETE', `${v1}/pipelines/${id}`, 200);
  });

  it('about a run, from its creation until it is deleted', async () => {
    const project_id = await user.project();
    const { id: pipeline_id } = await user.pipeline(
      project_id,
      [
        { id: 'ask', type: 'approval', config: { message: 'Go on?' } },
        { id: 'other', type: 'approval' },
        task(
          'each',
          'give',
          { value: '{{ item }}' },
          { for_each: { items: [1, 'two', true, null, [4], { five: 5 }] } },
        ),
        task('number', 'fibonacci', { n: 5 }),
        noop('nothing'),
        task('bad', 'fail', { message: 'on purpose' }, ONCE),
        noop('below', { depends_on: ['bad'] }),
        noop('not_now', { when: 'false' }),
        { id: 'rows', type: 'source', config: { source_type: 'inline', rows: [{ a: 1 }] } },
        { id: 'called', type: 'http', config: { url: `${tauro.url}/health/live` } },
      ],
      { outputs: { five: '{{ nodes.number.output }}' } },
    );
    const body = { project_id, pipeline_id, params: { any: [1, null] }, tags: { team: 'a' } };
    const run = `${v1}/runs/${(await ask('POST', `${v1}/runs`, 201, { body })).id}`;
    await ask('POST', `${v1}/runs`, 404, { body: { ...body, pipeline_id: 'nobody' } });
    await ask('GET', run, 200);
    await ask('GET', `${run}/tasks`, 200);
    await ask('POST', `${run}/pause`, 409);
    await ask('POST', `${run}/start`, 202);
    await ask('POST', `${run}/pause`, 202);
    await ask('GET', run, 200);
    await ask('POST', `${run}/resume`, 202);
    const waiting = (one: any): boolean => String(one.waiting_reason).includes('waits for approval');
    await user.runWhen(run.split('/').pop()!, waiting);
    await ask('GET', run, 200);
    await ask('GET', `${run}/tasks/ask`, 200);
    await ask('POST', `${run}/tasks/ask/approve`, 200, { body: { by: 'ana' } });
    await ask('POST', `${run}/tasks/other/reject`, 200);
    await ask('POST', `${run}/tasks/ask/reject`, 409);
    await user.ended(run.split('/').pop()!);

    await ask('GET', run, 200);
    const tasks = await ask('GET', `${run}/tasks?limit=100`, 200);
    for (const { id } of tasks) await ask('GET', `${run}/tasks/${id}`, 200);
    const kinds = (tasks as any[]).map(({ output }) => (output === null ? 'null' : typeof output));
    expect(new Set(kinds)).toEqual(new Set(['null', 'object', 'number', 'string', 'boolean']));
    await ask('GET', `${run}/tasks/nobody`, 404);
    await ask('GET', `${run}/logs`, 200, { headers: { accept: 'application/json' } });
    await ask('GET', `${run}/logs`, 200, { headers: { 'last-event-id': '3' } });
    await open(`${run}/events`);
    const { inputs } = await ask('GET', `${run}/lineage`, 200);
    const [dataset] = await waitFor(async () => {
      const all = await ask('GET', `${v1}/datasets?project_id=${project_id}`, 200);
      return all.length > 0 && all;
    });
    expect(inputs).toMatchObject([{ id: dataset.id }]);
    await ask('GET', `${v1}/datasets/${dataset.id}`, 200);
    await ask('GET', `${v1}/datasets/ds_nobody`, 404);
    await ask('GET', `${run}/artifacts`, 200);
    await ask('GET', `${run}/artifacts/rows`, 200);
    await ask('GET', `${run}/artifacts/number`, 404);
    await ask('GET', `${run}/artifacts/rows?limit=101`, 422);
    await ask('GET', `${run}/artifacts/number/download`, 404);
    for (const format of ['parquet', 'csv', 'ndjson']) {
      await open(`${run}/artifacts/rows/download?format=${format}`);
    }
    await open(`${v1}/events`);
    await ask('GET', `${v1}/runs?tags.team=a&sort=-started_at`, 200);

    const again = await ask('POST', `${run}/rerun`, 201, { body: { from: 'failed' } });
    await ask('DELETE', `${v1}/runs/${again.id}`, 409);
    await ask('POST', `${v1}/runs/${again.id}/cancel`, 202);
    await user.ended(again.id);
    await ask('POST', `${v1}/runs/${again.id}/start`, 409);
    await ask('DELETE', `${v1}/runs/${again.id}`, 200);
    await ask('GET', `${v1}/runs/${again.id}`, 404);
  });

  it('about a schedule, from its preview until it is deleted', async () => {
    const project_id = await user.project();
    const { id: pipeline_id } = await user.pipeline(project_id, [noop('only')]);
    const timing = { kind: 'CRON', expression: '* * * * * *' };
    await ask('POST', `${v1}/schedules/preview`, 200, { body: timing });
    const body = {
      ...timing,
      project_id,
      pipeline_id,
      max_concurrency: 5,
      params: { any: [1, null] },
      tags: { team: 'a' },
      config: { timeout_seconds: 60, retry_on_failure: false, notifications: { email: 'a@example.com' } },
    };
    const { id } = await ask('POST', `${v1}/schedules`, 201, { body });
    await ask('POST', `${v1}/schedules`, 404, { body: { ...body, pipeline_id: 'nobody' } });
    await ask('POST', `${v1}/schedules`, 422, { body: { ...body, expression: '61 * * * *' } });
    const schedule = `${v1}/schedules/${id}`;
    await waitFor(async () => (await ask('GET', `${schedule}/slots`, 200)).length > 0, { what: 'a slot' });
    await ask('GET', schedule, 200);
    await ask('GET', `${v1}/schedules?enabled=true&sort=next_run_at`, 200);
    await ask('GET', `${schedule}/next?count=2`, 200);
    await ask('GET', `${schedule}/stats?since=24h`, 200);
    await ask('GET', `${schedule}/stats?since=soon`, 422);
    await ask('POST', `${schedule}/trigger`, 202, { body: { params: { b: 1 } } });
    await ask('PUT', schedule, 200, {
      body: { start_at: '2030-01-01T00:00:00Z', on_enable: { misfire: 'last' } },
    });
    await ask('PUT', schedule, 412, { body: { overlap: 'queue' }, headers: { 'if-match': '"1"' } });
    await ask('POST', `${schedule}/backfill`, 422, { body: { count: 1 } });
    await ask('PUT', schedule, 200, { body: { start_at: null } });
    await ask('POST', `${schedule}/backfill`, 200, { body: { count: 3, dry_run: true } });
    const backfill = await ask('POST', `${schedule}/backfill`, 202, { body: { count: 2, rerun: true } });
    await ask('GET', `${v1}/backfills?schedule_id=${id}`, 200);
    await waitFor(async () => (await ask('GET', `${v1}/backfills/${backfill.id}`, 200)).state !== 'RUNNING', {
      what: 'the backfill to end',
    });
    await ask('POST', `${v1}/backfills/${backfill.id}/cancel`, 409);
    const long = await ask('POST', `${schedule}/backfill`, 202, { body: { count: 500 } });
    await ask('POST', `${v1}/backfills/${long.id}/cancel`, 202);
    await ask('POST', `${schedule}/disable`, 200);
    await ask('POST', `${schedule}/enable`, 200);
    await ask('GET', `${schedule}/slots?state=SUCCESS,STARTED&kind=SCHEDULED`, 200);
    await ask('DELETE', schedule, 200);
    await ask('GET', schedule, 404);
  });

  it('about triggers, and the calls that they take', async () => {
    const project_id = await user.project();
    const { id: pipeline_id } = await user.pipeline(project_id, [noop('only')]);
    const { id: after } = await user.pipeline(project_id, [noop('only')]);
    const body = { project_id, pipeline_id, kind: 'PIPELINE', after, params: { from: '{{ run.id }}' } };
    const { id } = await ask('POST', `${v1}/triggers`, 201, { body });
    await ask('POST', `${v1}/triggers`, 404, { body: { ...body, after: 'nobody' } });
    await ask('POST', `${v1}/triggers`, 422, { body: { ...body, after: pipeline_id } });
    const trigger = `${v1}/triggers/${id}`;
    const run = await user.start(project_id, after);
    await waitFor(async () => (await ask('GET', `${trigger}/events?state=STARTED`, 200)).length > 0);
    const [made] = await ask('GET', `${v1}/runs?triggered_by_run_id=${run}&trigger_id=${id}`, 200);
    await ask('GET', `${v1}/runs/${made.id}`, 200);
    await ask('GET', `${v1}/triggers?kind=PIPELINE&enabled=true&project_id=${project_id}`, 200);
    await ask('GET', trigger, 200);
    await ask('PUT', trigger, 200, { body: { on: 'done' }, headers: { 'if-match': '"1"' } });
    await ask('PUT', trigger, 412, { body: { on: 'failure' }, headers: { 'if-match': '"1"' } });
    await ask('POST', `${trigger}/rotate`, 409);
    await ask('DELETE', trigger, 200);
    await ask('GET', trigger, 404);

    const hook = {
      ...{ project_id, pipeline_id, kind: 'WEBHOOK' },
      params_mapping: { a: '{{ body.a }}' },
      rate_limit: { calls: 3, per_seconds: 3600 },
    };
    const called = await ask('POST', `${v1}/triggers`, 201, { body: hook });
    const { path } = await ask('POST', `${v1}/triggers/${called.id}/rotate`, 200);
    await ask('POST', called.path, 404, { body: {} });
    await ask('POST', path, 202, { body: { a: 1 }, headers: { 'idempotency-key': 'x' } });
    await ask('POST', path, 409, { body: { a: 2 }, headers: { 'idempotency-key': 'x' } });
    await ask('POST', path, 422, { body: {} });
    await ask('POST', path, 429, { body: {} });
    await ask('PUT', `${v1}/triggers/${called.id}`, 200, { body: { rate_limit: null } });
    await ask('GET', `${v1}/triggers/${called.id}`, 200);
  });

  it('about schedules in batches', async () => {
    const project_id = await user.project();
    const { id: pipeline_id } = await user.pipeline(project_id, [noop('only')]);
    const good = { project_id, pipeline_id, kind: 'CRON', expression: '@daily' };
    const bad = { ...good, expression: '61 * * * *' };
    const batch = `${v1}/schedules/batch`;
    const made = await ask('POST', batch, 201, { body: { schedules: [good, good] } });
    await ask('POST', batch, 200, { body: { schedules: [good, bad], partial: true } });
    await ask('POST', batch, 422, { body: { schedules: [good, bad] } });
    await ask('POST', batch, 404, { body: { schedules: [{ ...good, pipeline_id: 'nobody' }] } });
    await ask('POST', batch, 413, { body: { schedules: [{ ...good, description: 'x'.repeat(2 ** 23) }] } });
    const ids = made.map(({ id }: { id: string }) => id);
    const some = { ids: [ids[0], 'sched_nobody'] };
    for (const word of ['disable', 'enable']) {
      await ask('POST', `${batch}/${word}`, 200, { body: { ids } });
      await ask('POST', `${batch}/${word}`, 200, { body: { ...some, partial: true } });
      await ask('POST', `${batch}/${word}`, 404, { body: some });
    }
    await ask('DELETE', batch, 404, { body: some });
    await ask('DELETE', batch, 200, { body: { ...some, partial: true } });
    await ask('DELETE', batch, 200, { body: { ids: ids.slice(1) } });
  });

  it('about projects in batches', async () => {
    const batch = `${v1}/projects/batch`;
    const named = (...stems: string[]) => stems.map((stem) => ({ name: User.uniqueName(stem) }));
    const made = await ask('POST', batch, 201, { body: { projects: named('one', 'two') } });
    const known = { name: made[0].name };
    await ask('POST', batch, 200, { body: { projects: [...named('three'), known], partial: true } });
    await ask('POST', batch, 409, { body: { projects: [...named('four'), known] } });
    await ask('POST', batch, 422, { body: { projects: [{}] } });
    const [a, b] = made.map(({ id }: { id: string }) => id);
    const absent = { id: 'proj_nobody', owner: 'x' };
    await ask('PUT', batch, 200, { body: { projects: [{ id: a, owner: 'x', revision: 1 }, { id: b }] } });
    await ask('PUT', batch, 200, { body: { projects: [{ id: b, owner: 'y' }, absent], partial: true } });
    await ask('PUT', batch, 404, { body: { projects: [absent] } });
    await ask('PUT', batch, 409, { body: { projects: [{ id: b, ...known }] } });
    await ask('PUT', batch, 412, { body: { projects: [{ id: a, revision: 1 }] } });
    await ask('DELETE', batch, 404, { body: { ids: [a, 'proj_nobody'] } });
    await ask('DELETE', batch, 200, { body: { ids: [a, 'proj_nobody'], partial: true } });
    await ask('DELETE', batch, 200, { body: { ids: [b], force: true } });
  });

  it('about configs', async () => {
    const project_id = await user.project();
    const body = { project_id, environment: 'dev', name: 'contract', data: { a: { b: [1, null] } } };
    const first = await ask('POST', `${v1}/configs`, 201, { body });
    await ask('POST', `${v1}/configs`, 409, { body });
    await ask('POST', `${v1}/configs`, 422, { body: { ...body, data: { password: 'x' } } });
    const config = `${v1}/configs/${first.id}`;
    await ask('GET', `${v1}/configs?project_id=${project_id}&environment=dev,prod&sort=name`, 200);
    await ask('GET', config, 200);
    const match = { 'if-match': '"1"' };
    const second = await ask('PUT', config, 200, { body: { data: { a: null } }, headers: match });
    await ask('PUT', config, 412, { body: { data: {} }, headers: match });
    const [from, to] = [first.version_id, second.version_id];
    await ask('GET', `${v1}/config-versions?project_id=${project_id}`, 200);
    await ask('GET', `${v1}/config-versions/${from}`, 200);
    await ask('GET', `${v1}/config-versions/compare?from=${from}&to=${to}`, 200);
    await ask('GET', `${v1}/config-versions/compare?from=${from}`, 422);
    await ask('POST', `${v1}/config-versions/${to}/rollback`, 409);
    await ask('POST', `${v1}/config-versions/${from}/rollback`, 201, { body: { reason: 'why not' } });
    await ask('POST', `${v1}/config-versions/${from}/promote`, 201);
    const promote = { body: { environment: 'prod' } };
    for (const word of ['reject', 'approve']) {
      const { id } = await ask('POST', `${v1}/config-versions/${from}/promote`, 202, promote);
      await ask('POST', `${v1}/config-versions/${from}/promote`, 409, promote);
      await ask('GET', `${v1}/config-promotions/${id}`, 200);
      await ask('POST', `${v1}/config-promotions/${id}/${word}`, 200, { body: { comment: 'said' } });
      await ask('POST', `${v1}/config-promotions/${id}/${word}`, 409);
    }
    await ask('GET', `${v1}/config-promotions?state=PROMOTED,REJECTED&project_id=${project_id}`, 200);
    await ask('DELETE', config, 200);
    await ask('GET', config, 404);
  });

  it('about runs in batches', async () => {
    const project_id = await user.project();
    const { id: pipeline_id } = await user.pipeline(project_id, [noop('only')]);
    const good = { project_id, pipeline_id };
    const bad = { ...good, pipeline_id: 'nobody' };
    const batch = `${v1}/runs/batch`;
    const made = await ask('POST', batch, 201, { body: { runs: [good, { ...good, start: true }] } });
    await ask('POST', batch, 200, { body: { runs: [good, bad], partial: true } });
    await ask('POST', batch, 404, { body: { runs: [good, bad] } });
    await ask('POST', batch, 422, { body: { runs: [good, { ...good, priority: 101 }] } });
    const ids = made.map(({ id }: { id: string }) => id);
    await user.ended(ids[1]);
    for (const word of ['start', 'cancel']) {
      const [{ id }] = await ask('POST', batch, 201, { body: { runs: [good] } });
      const some = { ids: [id, 'run_nobody'] };
      await ask('POST', `${batch}/${word}`, 404, { body: some });
      await ask('POST', `${batch}/${word}`, 409, { body: { ids: [ids[1]] } });
      await ask('POST', `${batch}/${word}`, 202, { body: { ids: [id] } });
      await ask('POST', `${batch}/${word}`, 200, { body: { ...some, partial: true } });
      await user.ended(id);
    }
    await ask('POST', `${batch}/cancel`, 202, { body: { ids: [ids[0]] } });
    await user.ended(ids[0]);
    const some = { ids: [ids[0], 'run_nobody'] };
    await ask('DELETE', batch, 404, { body: some });
    await ask('DELETE', batch, 200, { body: { ...some, partial: true } });
    await ask('DELETE', batch, 200, { body: { ids: ids.slice(1) } });
  });

  it('and nothing of it was left out', () => {
    const left = document.operations.map(({ name }) => name).filter((name) => !asked.has(name));
    expect(left).toEqual(LEFT_OUT);
  });
});
