import { noop } from '../support/nodes.js';
import { CommonTauro } from '../support/common-tauro.js';
import { User } from '../support/user.js';
import { waitFor } from '../support/wait-for.js';

/* eslint-disable @typescript-eslint/no-explicit-any -- JSON as the server answers it */

const BATCH = '/api/v1/schedules/batch';

describe('schedules in batches', () => {
  let tauro: CommonTauro;
  let user: User;
  let project: string;
  let pipeline: string;
  beforeAll(async () => {
    tauro = await CommonTauro.join();
    user = new User(tauro.api);
    project = await user.project();
    pipeline = (await user.pipeline(project, [noop('only')])).name;
  });
  afterAll(() => tauro?.leave());

  const item = (fields: object = {}): object => ({
    project_id: project,
    pipeline_id: pipeline,
    kind: 'CRON',
    expression: '@daily',
    ...fields,
  });
  const create = (schedules: unknown, more: object = {}) => tauro.api.post(BATCH, { schedules, ...more });
  const created = async (count: number, fields: object = {}): Promise<string[]> => {
    const { status, body } = await create(Array.from({ length: count }, () => item(fields)));
    expect([status, body.error]).toEqual([201, undefined]);
    return body.data.map(({ id }: any) => id);
  };
  const remove = (body: object) => tauro.api.send('DELETE', BATCH, body);
  const stored = async (): Promise<number> =>
    (await tauro.api.get(`/api/v1/schedules?project_id=${project}&limit=1`)).body.meta.total;
  const one = async (id: string): Promise<any> => (await tauro.api.get(`/api/v1/schedules/${id}`)).body.data;

  it('are created in their order, and fire', async () => {
    const { status, body } = await create([
      item({ description: 'first' }),
      item({ kind: 'INTERVAL', expression: '1s', description: 'second' }),
    ]);
    expect(status).toBe(201);
    expect(body.data.map((made: any) => made.description)).toEqual(['first', 'second']);
    const { id } = body.data[1];
    expect(await one(id)).toMatchObject({ kind: 'INTERVAL', enabled: true, revision: 1 });
    await waitFor(async () => (await one(id)).statistics.successful_runs > 0, { what: 'a run' });
    expect((await remove({ ids: body.data.map((made: any) => made.id) })).status).toBe(200);
  });

  it('are all refused for one that is bad, and every fault is named', async () => {
    const before = await stored();
    const { status, body } = await create([
      item(),
      item({ nonsense: 1 }),
      item({ expression: '61 * * * *' }),
      item({ pipeline_id: 'no_such' }),
      'no object',
      item({ config: { max_concurrency: 0 } }),
    ]);
    expect(status).toBe(422);
    expect(body.error.details.map(({ field, type }: any) => [field, type])).toEqual([
      ['schedules.1.nonsense', 'extra_forbidden'],
      ['schedules.2.expression', 'value_error'],
      ['schedules.3', 'not_found'],
      ['schedules.4', 'type_error'],
      ['schedules.5.config.max_concurrency', 'value_error'],
    ]);
    expect(body.error.message).toBe(
      'schedules.1: nonsense: is not a field of this request (and 4 more; see details)',
    );
    const absent = await create([item(), item({ project_id: 'proj_absent' })]);
    expect([absent.status, absent.body.error.details[0].field]).toEqual([404, 'schedules.1']);
    expect(await stored()).toBe(before);
  });

  it('are created as far as they are good, with `partial`', async () => {
    const before = await stored();
    const list = [item(), item({ expression: '61 * * * *' }), item({ pipeline_id: 'no_such' }), 7];
    const { status, body } = await create(list, { partial: true });
    expect(status).toBe(200);
    expect(body.data.map(({ index, status: own }: any) => [index, own])).toEqual([
      [0, 201],
      [1, 422],
      [2, 404],
      [3, 422],
    ]);
    expect(body.data[0].data).toMatchObject({ pipeline_name: pipeline });
    expect(body.data[1].error).toMatchObject({
      code: 'VALIDATION_ERROR',
      details: [{ field: 'expression' }],
    });
    expect(await stored()).toBe(before + 1);
  });

  it('may be a thousand, however they are written', async () => {
    const before = await stored();
    const ids = await created(1000, { description: 'x'.repeat(2000) });
    expect(await stored()).toBe(before + 1000);
    const disabled = await tauro.api.post(`${BATCH}/disable`, { ids });
    expect(disabled.status).toBe(200);
    expect(disabled.body.data.map(({ id }: any) => id)).toEqual(ids);
    expect((await remove({ ids })).status).toBe(200);
    expect(await stored()).toBe(before);
    const many = await create(Array.from({ length: 1001 }, () => item()));
    expect([many.status, many.body.error.details[0].field]).toEqual([422, 'schedules']);
  });

  it('are enabled, disabled and removed together, or not at all', async () => {
    const ids = await created(3);
    const absent = [ids[0], 'sched_absent', ids[1], 'sched_gone'];
    for (const ask of [
      (body: object) => tauro.api.post(`${BATCH}/disable`, body),
      (body: object) => remove(body),
    ]) {
      const { status, body } = await ask({ ids: absent });
      expect([status, body.error.details.map(({ field }: any) => field)]).toEqual([404, ['ids.1', 'ids.3']]);
      expect(await one(ids[0]!)).toMatchObject({ enabled: true, revision: 1 });
    }
    const off = await tauro.api.post(`${BATCH}/disable`, { ids });
    for (const shown of off.body.data) expect(shown).toMatchObject({ enabled: false, next_run_at: null });
    const some = await tauro.api.post(`${BATCH}/enable`, { ids: [ids[2], 'sched_absent'], partial: true });
    expect(some.body.data).toMatchObject([
      { index: 0, status: 200, data: { id: ids[2], enabled: true } },
      { index: 1, status: 404, error: { code: 'NOT_FOUND' } },
    ]);
    const on = await tauro.api.post(`${BATCH}/enable`, { ids });
    expect(on.body.data.map(({ revision }: any) => revision)).toEqual([3, 3, 3]);
    for (const shown of on.body.data) expect(shown.next_run_at).toMatch(/T00:00:00\.000Z$/);
    const gone = await remove({ ids: [ids[0], 'sched_absent'], partial: true });
    expect(gone.body.data).toMatchObject([
      { index: 0, status: 200, data: { id: ids[0], deleted: true } },
      { index: 1, status: 404 },
    ]);
    const rest = ids.slice(1);
    expect((await remove({ ids: rest })).body.data).toEqual(rest.map((id) => ({ id, deleted: true })));
    for (const id of ids) expect((await tauro.api.get(`/api/v1/schedules/${id}`)).status).toBe(404);
  });

  it.each([
    [{ ids: [] }, 'ids'],
    [{}, 'ids'],
    [{ ids: 'all' }, 'ids'],
    [{ ids: ['sched_a', 'sched_b', 'sched_a'] }, 'ids.2'],
    [{ ids: ['sched_a', 'run_a'] }, 'ids.1'],
    [{ ids: [1] }, 'ids.0'],
    [{ ids: Array.from({ length: 1001 }, (_, i) => `sched_${i}`) }, 'ids'],
    [{ ids: ['sched_a'], partial: 'yes' }, 'partial'],
  ])('refuse %j, and name %s', async (body, field) => {
    const answers = [
      await tauro.api.post(`${BATCH}/enable`, body),
      await tauro.api.post(`${BATCH}/disable`, body),
      await remove(body),
    ];
    for (const answer of answers) {
      expect([answer.status, answer.body.error?.details?.[0]?.field]).toEqual([422, field]);
    }
  });

  it('refuse nothing at all, and what is no list', async () => {
    for (const schedules of [[], {}, undefined, null]) {
      const { status, body } = await create(schedules);
      expect([status, body.error.details[0].field]).toEqual([422, 'schedules']);
    }
  });
});
