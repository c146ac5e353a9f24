import { createHmac, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { chain, ONCE, task } from '../support/nodes.js';
import { WebhookReceiver } from '../support/receivers.js';
import { placesWith } from '../support/sweep.js';
import { Tauro } from '../support/tauro.js';
import { expectStatus, User } from '../support/user.js';

/* eslint-disable @typescript-eslint/no-explicit-any -- JSON as the server answers it */

const V1 = '/api/v1';
const KEY = randomBytes(32).toString('base64');

/** A value with everything that encodings change, around a part by which it is found again. */
function newValue(): { value: string; needles: string[] } {
  const core = randomBytes(9).toString('hex');
  const value = `p/"${core}+&%\\`;
  const encoded = [0, 1, 2].map((before) =>
    Buffer.from(' '.repeat(before) + core)
      .toString('base64')
      .slice(4, -4),
  );
  return { value, needles: [core, Buffer.from(core).toString('hex'), ...encoded] };
}

describe('secrets', () => {
  let tauro: Tauro;
  let user: User;
  let project: string;
  let receiver: WebhookReceiver;
  beforeAll(async () => {
    receiver = await WebhookReceiver.start();
    tauro = await Tauro.start({ env: { SECRET_KEY: KEY, LOG_LEVEL: 'DEBUG' } });
    user = new User(tauro.api);
    project = await user.project();
  });
  afterAll(async () => {
    await tauro?.stop();
    await receiver?.stop();
  });

  const create = async (
    name: string,
    value: string,
    fields: object = { project_id: project },
  ): Promise<any> => expectStatus(await tauro.api.post(`${V1}/secrets`, { name, value, ...fields }), 201);
  const run = async (nodes: object[], fields: object = {}): Promise<any> =>
    user.ended(await user.start(project, (await user.pipeline(project, nodes)).id, fields));
  /** A request with the secret in its address, a header and its body. */
  const call = (id: string, secret: string, rest: object = {}): object => ({
    id,
    type: 'http',
    config: {
      url: `${receiver.url}/call?k=${secret}`,
      method: 'POST',
      headers: { 'x-token': `Bearer ${secret}` },
      body: { nested: [secret] },
    },
    ...rest,
  });

  it('are given and described, and never shown', async () => {
    const { value, needles } = newValue();
    const answers: unknown[] = [];
    const seen = async (answering: Promise<any>): Promise<any> => {
      const answer = await answering;
      answers.push(answer.body, [...answer.headers]);
      return answer;
    };
    const name = User.uniqueName('shown');
    const body = { name, value, project_id: project, description: 'of the CRM' };
    const headers = { 'idempotency-key': name };
    const made = await seen(tauro.api.post(`${V1}/secrets`, body, headers));
    expect(made.status).toBe(201);
    const { id } = made.body.data;
    expect(made.body.data).toMatchObject({ name, version: 1, revision: 1, created_by: 'anonymous' });
    expect(Object.keys(made.body.data)).not.toEqual(expect.arrayContaining(['value']));
    expect((await seen(tauro.api.post(`${V1}/secrets`, body, headers))).body.data.id).toBe(id);
    expect((await seen(tauro.api.post(`${V1}/secrets`, body))).status).toBe(409);

    const path = `${V1}/secrets/${id}`;
    const got = await seen(tauro.api.get(path));
    expect(got.headers.get('etag')).toBe('"1"');
    const second = newValue();
    const changed = await seen(tauro.api.put(path, { value: second.value }, { 'if-match': '"1"' }));
    expect(changed.body.data).toMatchObject({ version: 2, revision: 2, description: 'of the CRM' });
    expect((await seen(tauro.api.put(path, { value }, { 'if-match': '"1"' }))).status).toBe(412);
    expect((await seen(tauro.api.put(path, { description: null }))).body.data).toMatchObject({
      version: 2,
      revision: 3,
      description: '',
    });
    const listed = await seen(tauro.api.get(`${V1}/secrets?project_id=${project}&name=${name}`));
    expect(listed.body.data.map((one: any) => one.id)).toEqual([id]);
    await seen(tauro.api.get(`${V1}/secrets?fields=engine`));
    await seen(tauro.api.post(`${V1}/secrets`, { ...body, name: `not ${value}`, extra: value }));
    await seen(tauro.api.post(`${V1}/secrets`, { ...body, value: [value] }));
    await seen(tauro.api.post(`${V1}/secrets`, JSON.stringify(body).slice(0, -1)));
    expect((await seen(tauro.api.delete(path))).body.data).toEqual({ id, deleted: true });
    expect((await seen(tauro.api.get(path))).status).toBe(404);

    for (const needle of [...needles, ...second.needles])
      expect(JSON.stringify(answers)).not.toContain(needle);
    // What may be seen is found, so the rest would be.
    expect(await placesWith(tauro, [id])).not.toEqual([]);
    expect(await placesWith(tauro, [...needles, ...second.needles])).toEqual([]);
  });

  it.each([
    ['a name that is none', { name: 'a b', value: 'long enough' }, 'name'],
    ['no value', { name: 'ok' }, 'value'],
    ['a value that is too short', { name: 'ok', value: 'abc' }, 'value'],
    ['a value of space', { name: 'ok', value: '  a   ' }, 'value'],
    ['a value that is too long', { name: 'ok', value: 'é'.repeat(20_000) }, 'value'],
    ['a project that is none', { name: 'ok', value: 'long enough', project_id: 'nobody' }, 'project_id'],
  ])('are refused with %s', async (_, body, field) => {
    const { status, body: answer } = await tauro.api.post(`${V1}/secrets`, body);
    expect([status, answer.error.details.map((detail: any) => detail.field)]).toEqual([422, [field]]);
  });

  it('go with the project they belong to, and belong to none that is not there', async () => {
    const gone = await user.project();
    const { id } = await create('token', 'of a project', { project_id: gone });
    expectStatus(await tauro.api.delete(`${V1}/projects/${gone}`), 200);
    expect((await tauro.api.get(`${V1}/secrets/${id}`)).status).toBe(404);
    const late = { name: 'late', value: 'too late', project_id: gone };
    expect((await tauro.api.post(`${V1}/secrets`, late)).status).toBe(404);
  });

  it('reach whom they are for, and are found nowhere else', async () => {
    const { value, needles } = newValue();
    const name = User.uniqueName('token');
    await create(name, newValue().value, { project_id: null });
    const { id } = await create(name, value);
    const reference = `{{ secrets.${name} }}`;
    receiver.answer = ({ path }) => (path.includes('refuse') ? 418 : 200);
    const refused = { id: 'refused', type: 'http', config: { url: `${receiver.url}/refuse/${reference}` } };
    const ended = await run([
      call('asks', reference),
      { ...refused, ...ONCE, allow_failure: true },
      task('fails', 'blab', { secret: reference, fail: true }, { ...ONCE, allow_failure: true }),
      task('tells', 'blab', { secret: reference }, { cache: { ttl_seconds: 60, key: 'same' } }),
    ]);
    expect(ended.state).toBe('SUCCESS');
    const [got] = receiver.calls.filter(({ path }) => path.startsWith('/call'));
    expect(got!.headers['x-token']).toBe(`Bearer ${value}`);
    expect(JSON.parse(got!.body)).toEqual({ nested: [value] });

    const tasks = await user.tasks(ended.id);
    expect(tasks.tells.output).toEqual({ it: '***', 'key ***': ['bWU6***'], length: value.length });
    expect(tasks.fails.error).toMatchObject({ type: '***', message: 'failed with *** and bWU6***' });
    expect(tasks.refused.error.message).toContain('***');
    const lines = (await user.logs(ended.id)).map(({ message }) => message);
    expect(lines).toEqual(
      expect.arrayContaining(['it is ***', 'out: *** bWU6***', 'err: *** {"secret":"***"}']),
    );
    expect(JSON.stringify([tasks, lines, await user.run(ended.id)])).not.toMatch(
      new RegExp(needles.join('|')),
    );

    // The cache is asked by the version of the secret, not by its value.
    const again = async (): Promise<string[]> => {
      const second = await run([
        task('tells', 'blab', { secret: reference }, { cache: { ttl_seconds: 60, key: 'same' } }),
      ]);
      return (await user.logs(second.id)).map(({ message }) => message);
    };
    expect(await again()).not.toContain('it is ***');
    const rotated = newValue();
    expectStatus(await tauro.api.put(`${V1}/secrets/${id}`, { value: rotated.value }), 200);
    expect(await again()).toContain('it is ***');
    await run([call('asks', reference)]);
    expect(receiver.calls.at(-1)!.headers['x-token']).toBe(`Bearer ${rotated.value}`);

    expect(await placesWith(tauro, [...needles, ...rotated.needles])).toEqual([]);
    // Without its own, the project has the one for all.
    expectStatus(await tauro.api.delete(`${V1}/secrets/${id}`), 200);
    expect((await run([call('asks', reference)])).state).toBe('SUCCESS');
    expect(receiver.calls.at(-1)!.headers['x-token']).toMatch(/^Bearer p\//);
  });

  it('are read through a config that refers to them', async () => {
    const { value, needles } = newValue();
    await create('db_password', value);
    const data = {
      db: { url: 'pg://ana:{{ secrets.db_password }}@db', lost: '{{ secrets.nowhere }}', list: [1, 2] },
    };
    const body = { project_id: project, environment: 'dev', name: User.uniqueName('config'), data };
    const config = expectStatus(await tauro.api.post(`${V1}/configs`, body), 201);
    const pinned = { config_version_id: config.version_id };
    const tells = task('tells', 'blab', { secret: '{{ config.db.url }}' });
    const ended = await run([tells], pinned);
    expect(ended.state).toBe('SUCCESS');
    expect((await user.tasks(ended.id)).tells.output.length).toBe(`pg://ana:${value}@db`.length);
    const lost = await run([task('tells', 'blab', { secret: '{{ config.db.lost }}' }, ONCE)], pinned);
    expect(lost.error.message).toContain("it refers to the secret 'nowhere', which is not there");
    const each = (items: string): object => task('each', 'echo', {}, { ...ONCE, for_each: { items } });
    expect((await run([each('{{ config.db.list }}')], pinned)).state).toBe('SUCCESS');
    expect((await run([each('{{ config.db }}')], pinned)).error.message).toContain('refers to a secret');
    for (const node of [
      { id: 'rests', type: 'approval', config: { message: '{{ config.db.url }}' } },
      { id: 'rows', type: 'source', config: { source_type: 'inline', rows: [{ a: '{{ config.db.url }}' }] } },
    ]) {
      const refused = await run([{ ...node, ...ONCE }], pinned);
      expect(refused.error.message).toContain(
        `a node of type '${node.type}' keeps or shows what it is given`,
      );
    }
    expect(await placesWith(tauro, needles)).toEqual([]);
  });

  it('key the hashes of a processor, and are in nothing that it leaves', async () => {
    const { value, needles } = newValue();
    await create('pseudonyms', value);
    const rows = { id: 'rows', type: 'source', config: { source_type: 'inline', rows: [{ mail: 'a@b.c' }] } };
    const hash = { type: 'hash', columns: ['mail'], key: '{{ secrets.pseudonyms }}' };
    const hashed = {
      id: 'hashed',
      type: 'processor',
      config: { transformations: [hash] },
      cache: { ttl_seconds: 60 },
    };
    const out = { id: 'out', type: 'sink', config: { destination: 'file', path: 'hashed.json' } };
    const nodes = [rows, { ...hashed, ...ONCE }, out];
    const pipeline = await user.pipeline(project, nodes, { edges: chain('rows', 'hashed', 'out') });
    const ended = await user.ended(await user.start(project, pipeline.id));
    expect(ended).toMatchObject({ state: 'SUCCESS' });
    const mail = createHmac('sha256', value).update('a@b.c').digest('hex');
    expect(JSON.parse(readFileSync(join(tauro.files, 'hashed.json'), 'utf8'))).toEqual([{ mail }]);
    const derive = { type: 'derive', columns: { key: "'{{ secrets.pseudonyms }}'" } };
    const leaky = { ...hashed, config: { transformations: [hash, derive] } };
    const body = { project_id: project, name: 'leaky', nodes: [rows, leaky], edges: chain('rows', 'hashed') };
    const refused = await tauro.api.post(`${V1}/pipelines`, body);
    expect(refused.body.error.details).toMatchObject([
      { field: 'nodes.1.config.transformations.1.columns.key', type: 'template_error' },
    ]);
    expect(await placesWith(tauro, needles)).toEqual([]);
  });

  it('that are not there are warned of, and fail the task that names them', async () => {
    const nodes = [call('asks', '{{ secrets.no_such }}', ONCE)];
    const pipeline = await user.pipeline(project, nodes);
    expect(pipeline.warnings).toContainEqual({
      field: 'nodes.0.config.url',
      message: "node 'asks': there is no secret 'no_such'; its task fails unless there is one by then",
      type: 'unknown_secret',
    });
    const ended = await user.ended(await user.start(project, pipeline.id));
    expect(ended.error).toMatchObject({ type: 'TemplateError', node_id: 'asks' });
    expect(ended.error.message).toContain("there is no secret 'no_such'");
    const other = await user.project();
    await create('no_such', 'of another project', { project_id: other });
    expect((await user.ended(await user.start(project, pipeline.id))).state).toBe('FAILED');
  });

  it.each([
    ['when', task('a', 'echo', {}, { when: "secrets.x == 'a'" })],
    ['for_each.items.0', task('a', 'echo', {}, { for_each: { items: ['{{ secrets.x }}'] } })],
    ['cache.key', task('a', 'echo', {}, { cache: { ttl_seconds: 9, key: '{{ secrets.x }}' } })],
    ['config.message', { id: 'a', type: 'approval', config: { message: '{{ secrets.x }}' } }],
    [
      'config.params.p',
      { id: 'a', type: 'pipeline', config: { pipeline_id: 'x', params: { p: '{{ secrets.x }}' } } },
    ],
    [
      'config.rows.0.a',
      { id: 'a', type: 'source', config: { source_type: 'inline', rows: [{ a: '{{ secrets.x }}' }] } },
    ],
    ['config.input.a', task('a', 'echo', { a: '{{ secrets }}' })],
  ])('are refused in %s', async (field, node) => {
    const body = { project_id: project, name: User.uniqueName('refused'), nodes: [node] };
    const { status, body: answer } = await tauro.api.post(`${V1}/pipelines`, body);
    expect([status, answer.error?.details]).toEqual([
      422,
      [expect.objectContaining({ field: `nodes.0.${field}`, message: expect.stringContaining('secret') })],
    ]);
  });

  it('survive a new SECRET_KEY, which seals them anew', async () => {
    const { value, needles } = newValue();
    const { id } = await create('kept', value);
    const stored = tauro.database.collection<{ _id: string; engine: { sealed: string } }>('secrets');
    const sealed = async () => (await stored.findOne({ _id: id }))!.engine.sealed;
    const before = await sealed();
    const { name } = await user.pipeline(project, [task('only', 'noop')]);
    const webhook = { url: `${receiver.url}/told`, secret: 'signs what the project tells' };
    expectStatus(await tauro.api.put(`${V1}/projects/${project}`, { notifications: { webhook } }), 200);
    const hook = { project_id: project, pipeline_id: name, kind: 'WEBHOOK', secret: 'signs what is called' };
    const trigger = expectStatus(await tauro.api.post(`${V1}/triggers`, hook), 201);
    const others = async (): Promise<string[]> => {
      const of = async (collection: string, _id: string): Promise<any> =>
        (await tauro.database.collection<{ _id: string; engine: any }>(collection).findOne({ _id }))!.engine;
      return [
        (await of('projects', project)).webhook_secrets[0].sealed,
        (await of('triggers', trigger.id)).secret,
      ];
    };
    const old = before.split('.')[1];
    expect((await others()).map((text) => text.split('.')[1])).toEqual([old, old]);
    const restart = async (env: Record<string, string>): Promise<void> => {
      await Promise.all([tauro.apiProcess(), ...tauro.workers].map((one) => one.stop()));
      Object.assign(tauro.env, env);
      tauro.startApi();
      await tauro.ready();
      await tauro.addWorker();
    };
    const SECRET_KEY = randomBytes(32).toString('base64');
    await restart({ SECRET_KEY, SECRET_KEY_PREVIOUS: KEY });
    const anew = (await sealed()).split('.')[1];
    expect(anew).not.toBe(old);
    expect((await others()).map((text) => text.split('.')[1])).toEqual([anew, anew]);
    expect(tauro.apiProcess().logs()).toContain('no secret needs SECRET_KEY_PREVIOUS any more');
    await restart({ SECRET_KEY_PREVIOUS: '' });
    expect((await run([call('asks', '{{ secrets.kept }}')])).state).toBe('SUCCESS');
    expect(receiver.calls.at(-1)!.headers['x-token']).toBe(`Bearer ${value}`);

    await stored.updateOne({ _id: id }, { $set: { 'engine.sealed': before } });
    const unreadable = await run([call('asks', '{{ secrets.kept }}', ONCE)]);
    expect(unreadable.error).toMatchObject({ type: 'SecretUnreadable' });
    expect(unreadable.error.message).toContain("secret 'kept'");
    expect(await placesWith(tauro, needles)).toEqual([]);
  });
});

describe('secrets under the published SECRET_KEY', () => {
  it('are refused', async () => {
    const tauro = await Tauro.start({ workers: 0 });
    try {
      const { status, body } = await tauro.api.post(`${V1}/secrets`, { name: 'a', value: 'long enough' });
      expect([status, body.error.details[0].field]).toEqual([422, 'value']);
      expect(body.error.message).toContain('SECRET_KEY');
    } finally {
      await tauro.stop();
    }
  });
});
