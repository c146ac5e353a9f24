import { createHash } from 'node:crypto';
import { CommonTauro } from '../support/common-tauro.js';
import { expectStatus, User } from '../support/user.js';

/* eslint-disable @typescript-eslint/no-explicit-any -- JSON as the server answers it */

const V1 = '/api/v1';

describe('configs', () => {
  let tauro: CommonTauro;
  let user: User;
  let project: string;
  beforeAll(async () => {
    tauro = await CommonTauro.join();
    user = new User(tauro.api);
    project = await user.project();
  });
  afterAll(() => tauro?.leave());

  const post = (path: string, body: object = {}) => tauro.api.post(`${V1}/${path}`, body);
  const get = async (path: string): Promise<any> => expectStatus(await tauro.api.get(`${V1}/${path}`), 200);
  const create = async (data: object, fields: object = {}): Promise<any> => {
    const name = User.uniqueName('config');
    const body = { project_id: project, environment: 'dev', name, data, ...fields };
    return expectStatus(await post('configs', body), 201);
  };
  const change = async (id: string, body: object): Promise<any> =>
    expectStatus(await tauro.api.put(`${V1}/configs/${id}`, body), 200);
  const versions = (config: string): Promise<any[]> => get(`config-versions?config_id=${config}&limit=100`);
  const at = async (name: string, environment: string): Promise<any> =>
    (await get(`configs?project_id=${project}&name=${name}&environment=${environment}`))[0];

  it('make an immutable version with every change, and one only when something changed', async () => {
    const config = await create({ db: { host: 'a' }, size: 1 }, { reason: 'first' });
    expect(config).toMatchObject({ environment: 'dev', version: 1, revision: 1, data: { size: 1 } });
    expect(config.hash).toBe(createHash('sha256').update('{"db":{"host":"a"},"size":1}').digest('hex'));
    const second = await change(config.id, { data: { size: 2, db: { host: 'a' } }, reason: 'larger' });
    expect(second).toMatchObject({ version: 2, revision: 2, data: { size: 2 } });
    const same = await change(config.id, { data: { db: { host: 'a' }, size: 2 }, description: 'told' });
    expect(same).toMatchObject({ version: 2, revision: 3, description: 'told' });
    const history = await versions(config.id);
    expect(history.map(({ version, change: made, reason }: any) => [version, made, reason])).toEqual([
      [2, 'UPDATED', 'larger'],
      [1, 'CREATED', 'first'],
    ]);
    expect(await get(`config-versions/${history[1].id}`)).toMatchObject({
      data: config.data,
      hash: config.hash,
    });
    expect((await get(`config-versions?project_id=${project}&change=CREATED`)).length).toBeGreaterThan(0);

    const compared = await get(`config-versions/compare?from=${history[1].id}&to=${history[0].id}`);
    expect(compared).toEqual({
      from: history[1].id,
      to: history[0].id,
      equal: false,
      changes: [{ field_path: 'size', old: 1, new: 2, change_type: 'changed' }],
    });
    const stale = await tauro.api.put(`${V1}/configs/${config.id}`, { data: {} }, { 'if-match': '"1"' });
    expect(stale.status).toBe(412);
  });

  it('go back to an earlier version by a new one', async () => {
    const config = await create({ a: 1 });
    await change(config.id, { data: { a: 2 } });
    const [newest, first] = await versions(config.id);
    const made = expectStatus(await post(`config-versions/${first.id}/rollback`, { reason: 'bad' }), 201);
    expect(made).toMatchObject({
      version: 3,
      change: 'ROLLED_BACK',
      source_version_id: first.id,
      data: { a: 1 },
      hash: first.hash,
      reason: 'bad',
    });
    expect(await get(`configs/${config.id}`)).toMatchObject({
      version: 3,
      data: { a: 1 },
      version_id: made.id,
    });
    expect((await get(`config-versions/${newest.id}`)).data).toEqual({ a: 2 });
    expect((await post(`config-versions/${made.id}/rollback`)).status).toBe(409);
    expect((await tauro.api.delete(`${V1}/configs/${config.id}`)).status).toBe(200);
    expect((await versions(config.id)).length).toBe(3);
    expect((await post(`config-versions/${first.id}/rollback`)).status).toBe(404);
  });

  it('are numbered without gaps or doubles, whoever changes them at the same time', async () => {
    const config = await create({ n: -1 });
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, n) => tauro.api.put(`${V1}/configs/${config.id}`, { data: { n } })),
    );
    const done = answers.filter(({ status }) => status === 200);
    expect(answers.filter(({ status }) => status !== 200 && status !== 409)).toEqual([]);
    expect(done.length).toBeGreaterThan(0);
    const history = await versions(config.id);
    expect(history.map(({ version }: any) => version).sort((a: number, b: number) => a - b)).toEqual(
      Array.from({ length: done.length + 1 }, (_, i) => i + 1),
    );
    expect(await get(`configs/${config.id}`)).toMatchObject({ version: done.length + 1 });
    const name = User.uniqueName('once');
    const body = { project_id: project, environment: 'dev', name, data: {} };
    const made = await Promise.all(Array.from({ length: 5 }, () => post('configs', body)));
    expect(made.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409, 409]);
  });

  it('are promoted to the next environment at once, and to prod by an approval', async () => {
    const config = await create({ a: 1 });
    const { name } = config;
    const first = expectStatus(await post(`config-versions/${config.version_id}/promote`), 201);
    expect(first).toMatchObject({ state: 'PROMOTED', from_environment: 'dev', to_environment: 'staging' });
    const staging = await at(name, 'staging');
    expect(staging).toMatchObject({ version: 1, data: { a: 1 }, version_id: first.result_version_id });
    expect(await get(`config-versions/${staging.version_id}`)).toMatchObject({
      change: 'PROMOTED',
      source_version_id: config.version_id,
    });

    const wish = expectStatus(
      await post(`config-versions/${staging.version_id}/promote`, { reason: 'good' }),
      202,
    );
    expect(wish).toMatchObject({ state: 'PENDING', to_environment: 'prod', reason: 'good', comment: null });
    expect(await at(name, 'prod')).toBeUndefined();
    expect((await post(`config-versions/${config.version_id}/promote`, { environment: 'prod' })).status).toBe(
      409,
    );
    const waiting = await get(`config-promotions?project_id=${project}&state=PENDING`);
    expect(waiting.map(({ id }: any) => id)).toContain(wish.id);
    const approved = expectStatus(
      await post(`config-promotions/${wish.id}/approve`, { comment: 'checked' }),
      200,
    );
    expect(approved).toMatchObject({ state: 'PROMOTED', comment: 'checked', decided_by: 'anonymous' });
    expect(await at(name, 'prod')).toMatchObject({ version: 1, data: { a: 1 } });
    for (const word of ['approve', 'reject']) {
      expect((await post(`config-promotions/${wish.id}/${word}`)).status).toBe(409);
    }
    expect((await post(`config-versions/${approved.result_version_id}/promote`)).status).toBe(422);
  });

  it('are not promoted when that was rejected, or when prod has changed since', async () => {
    const config = await create({ a: 1 });
    const wish = async (): Promise<any> =>
      expectStatus(await post(`config-versions/${config.version_id}/promote`, { environment: 'prod' }), 202);
    const refused = await wish();
    expect((await post(`config-promotions/${refused.id}/reject`, { comment: 'no' })).body.data).toMatchObject(
      {
        state: 'REJECTED',
        comment: 'no',
        result_version_id: null,
      },
    );
    const overtaken = await wish();
    const body = { project_id: project, environment: 'prod', name: config.name, data: { a: 9 } };
    expectStatus(await post('configs', body), 201);
    expect((await post(`config-promotions/${overtaken.id}/approve`)).status).toBe(409);
    expect((await at(config.name, 'prod')).data).toEqual({ a: 9 });
    await post(`config-promotions/${overtaken.id}/reject`);
    const last = await wish();
    const both = await Promise.all([1, 2].map(() => post(`config-promotions/${last.id}/approve`)));
    expect(both.map(({ status }) => status).sort()).toEqual([200, 409]);
    expect(await at(config.name, 'prod')).toMatchObject({ version: 2, data: { a: 1 } });
  });

  it('that were changed behind the API are not used', async () => {
    const config = await create({ a: 1 });
    await change(config.id, { data: { a: 2 } });
    const [, first] = await versions(config.id);
    await tauro.database
      .collection<any>('config_versions')
      .updateOne({ _id: first.id }, { $set: { 'data.a': 666 } });
    for (const answer of [
      await tauro.api.get(`${V1}/config-versions/${first.id}`),
      await post(`config-versions/${first.id}/promote`),
      await post(`config-versions/${first.id}/rollback`),
    ]) {
      expect([answer.status, answer.body.error.message]).toEqual([409, expect.stringContaining('hash')]);
    }
    expect(await at(config.name, 'staging')).toBeUndefined();
  });

  it.each([
    [{ data: { db: { password: 'hunter2' } } }, 'data.db.password'],
    [{ data: { dsn: 'postgresql://a:b@c/d' } }, 'data.dsn'],
    [{ data: { $where: 1 } }, 'data.$where'],
    [{ data: [] }, 'data'],
    [{ data: undefined }, 'data'],
    [{ environment: 'production' }, 'environment'],
    [{ name: 'no name' }, 'name'],
    [{ project_id: 'x' }, 'project_id'],
    [{ nonsense: 1 }, 'nonsense'],
  ])('refuse %j, and name %s', async (fields, field) => {
    const body = { project_id: project, environment: 'dev', name: 'refused', data: {}, ...fields };
    const { status, body: answer } = await post('configs', body);
    expect([status, answer.error.details[0].field]).toEqual([422, field]);
  });

  it('are read by the templates of a run, which is pinned to the version that it was created with', async () => {
    const config = await create({ db: { host: 'first', key: '{{ secrets.k }}' }, list: [1, 2] });
    const echo = (id: string, input: object): object => ({
      id,
      type: 'task',
      config: { handler: 'echo', input },
    });
    const { id: pipeline } = await user.pipeline(project, [
      echo('all', {
        host: '{{ config.db.host }}',
        list: '{{ config.list }}',
        none: "{{ config.x | default('-') }}",
      }),
    ]);
    const body = { project_id: project, pipeline_id: pipeline };
    const made = expectStatus(await post('runs', { ...body, config_id: config.id }), 201);
    expect(made.config_version_id).toBe(config.version_id);
    const second = await change(config.id, { data: { db: { host: 'second' }, list: [] } });
    expectStatus(await post(`runs/${made.id}/start`), 202);
    expect((await user.ended(made.id)).state).toBe('SUCCESS');
    const outputOf = async (run: string) => (await user.tasks(run)).all.output.input;
    expect(await outputOf(made.id)).toMatchObject({ host: 'first', list: [1, 2], none: '-' });

    const [newest, again] = [
      await user.start(project, pipeline, { config_id: config.id }),
      expectStatus(await post(`runs/${made.id}/rerun`, { from: 'start' }), 201).id,
    ];
    const batch = { runs: [{ ...body, config_version_id: config.version_id, start: true }] };
    const older = expectStatus(await post('runs/batch', batch), 201)[0].id;
    for (const id of [newest, again, older]) expect((await user.ended(id)).state).toBe('SUCCESS');
    expect((await user.run(newest)).config_version_id).toBe(second.version_id);
    expect(await outputOf(newest)).toMatchObject({ host: 'second', list: [] });
    for (const id of [again, older]) expect(await outputOf(id)).toMatchObject({ host: 'first' });

    // The reference itself never stands in for the secret.
    const once = { retry_policy: { max_attempts: 1 } };
    const { id: asking } = await user.pipeline(project, [
      { ...echo('all', { key: '{{ config.db.key }}' }), ...once },
    ]);
    const refused = await user.start(project, asking, { config_version_id: config.version_id });
    expect((await user.ended(refused)).state).toBe('FAILED');
    expect((await user.tasks(refused)).all.error.message).toContain('secret');
    // Without a config there is nothing to read.
    expect((await user.ended(await user.start(project, asking))).state).toBe('FAILED');
  });

  it('of other projects are not there for a run', async () => {
    const other = await create({}, { project_id: await user.project() });
    const { id: pipeline_id } = await user.pipeline(project, [
      { id: 'a', type: 'wait', config: { seconds: 0 } },
    ]);
    const body = { project_id: project, pipeline_id };
    for (const config of [{ config_id: other.id }, { config_version_id: other.version_id }]) {
      expect((await post('runs', { ...body, ...config })).status).toBe(404);
    }
    const both = await post('runs', { ...body, config_id: other.id, config_version_id: other.version_id });
    expect([both.status, both.body.error.details[0].field]).toEqual([422, 'config_version_id']);
  });

  it('belong to a project: they need it, and go with it', async () => {
    const absent = { project_id: 'proj_absent', environment: 'dev', name: 'x', data: {} };
    expect((await post('configs', absent)).status).toBe(404);
    const other = await user.project();
    const config = await create({}, { project_id: other });
    await tauro.api.delete(`${V1}/projects/${other}`);
    expect((await tauro.api.get(`${V1}/configs/${config.id}`)).status).toBe(404);
    expect((await tauro.api.get(`${V1}/config-versions/${config.version_id}`)).status).toBe(200);
  });
});
