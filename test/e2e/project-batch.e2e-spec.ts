import { noop } from '../support/nodes.js';
import { Tauro } from '../support/tauro.js';
import { User } from '../support/user.js';

/* eslint-disable @typescript-eslint/no-explicit-any -- JSON as the server answers it */

const BATCH = '/api/v1/projects/batch';

describe('projects in batches', () => {
  let tauro: Tauro;
  let user: User;
  beforeAll(async () => {
    tauro = await Tauro.start({ workers: 0 });
    user = new User(tauro.api);
  });
  afterAll(() => tauro?.stop());

  const names = (count: number): string[] => Array.from({ length: count }, () => User.uniqueName('batch'));
  const create = (projects: unknown, more: object = {}) => tauro.api.post(BATCH, { projects, ...more });
  const created = async (count: number): Promise<string[]> => {
    const { status, body } = await create(names(count).map((name) => ({ name })));
    expect([status, body.error]).toEqual([201, undefined]);
    return body.data.map(({ id }: any) => id);
  };
  const change = (projects: unknown, more: object = {}) => tauro.api.put(BATCH, { projects, ...more });
  const remove = (body: object) => tauro.api.send('DELETE', BATCH, body);
  const one = async (id: string): Promise<any> => (await tauro.api.get(`/api/v1/projects/${id}`)).body.data;
  const stored = async (): Promise<number> =>
    (await tauro.api.get('/api/v1/projects?limit=1')).body.meta.total;
  const fieldsOf = ({ body }: { body: any }): string[] => body.error.details.map(({ field }: any) => field);

  it('are created in their order, by the thousand', async () => {
    const wanted = names(1000);
    const { status, body } = await create(wanted.map((name) => ({ name, owner: 'ana' })));
    expect([status, body.data.map(({ name }: any) => name)]).toEqual([201, wanted]);
    expect(await one(body.data[999].id)).toMatchObject({ name: wanted[999], owner: 'ana', revision: 1 });
    const ids = body.data.map(({ id }: any) => id);
    expect((await remove({ ids })).body.data).toEqual(ids.map((id: string) => ({ id, deleted: true })));
    expect(await stored()).toBe(0);
  });

  it('are all refused for one that is bad or whose name is taken, and every place is named', async () => {
    const [known, fresh, other] = names(3) as [string, string, string];
    await user.project({ name: known });
    const before = await stored();
    const bad = await create([{ name: fresh }, { name: 'not a name' }, { owner: 'ana' }, 7]);
    expect([bad.status, fieldsOf(bad)]).toEqual([422, ['projects.1.name', 'projects.2.name', 'projects.3']]);
    const taken = await create(
      [fresh, known.toUpperCase(), other, fresh.toUpperCase()].map((name) => ({ name })),
    );
    expect([taken.status, fieldsOf(taken)]).toEqual([409, ['projects.1.name', 'projects.3.name']]);
    expect(await stored()).toBe(before);
    const some = await create(
      [fresh, known].map((name) => ({ name })),
      { partial: true },
    );
    expect([some.status, some.body.data.map(({ status }: any) => status)]).toEqual([200, [201, 409]]);
  });

  it('of which two ask at once exist once', async () => {
    const wanted = names(50).map((name) => ({ name }));
    const answers = await Promise.all([create(wanted), create(wanted), create([...wanted].reverse())]);
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409]);
    const refused = answers.filter(({ status }) => status === 409);
    for (const answer of refused) expect(fieldsOf(answer)[0]).toMatch(/^projects\.\d+\.name$/);
    for (const { name } of wanted) {
      expect((await tauro.api.get(`/api/v1/projects?name=${name}`)).body.meta.total).toBe(1);
    }
  });

  it('are changed together, or not at all', async () => {
    const [a, b, c] = (await created(3)) as [string, string, string];
    const changed = await change([
      { id: b, owner: 'bo' },
      { id: a, description: 'first', revision: 1, notifications: { email: 'a@example.com' } },
    ]);
    expect([changed.status, changed.body.data.map(({ id, revision }: any) => [id, revision])]).toEqual([
      200,
      [
        [b, 2],
        [a, 2],
      ],
    ]);
    expect(await one(a)).toMatchObject({ description: 'first', notifications: { email: 'a@example.com' } });

    const stale = await change([
      { id: c, owner: 'x' },
      { id: a, owner: 'x', revision: 1 },
    ]);
    expect([stale.status, fieldsOf(stale)]).toEqual([412, ['projects.1']]);
    const absent = await change([
      { id: c, owner: 'x' },
      { id: 'proj_absent', owner: 'x' },
    ]);
    expect([absent.status, fieldsOf(absent)]).toEqual([404, ['projects.1']]);
    const { name } = await one(a);
    const taken = await change([
      { id: b, name: 'fine_name' },
      { id: c, name: name.toUpperCase() },
    ]);
    expect([taken.status, fieldsOf(taken)]).toEqual([409, ['projects.1.name']]);
    const twice = await change([{ id: a, owner: 'x' }, { id: b }, { id: a, owner: 'y' }]);
    expect([twice.status, fieldsOf(twice)]).toEqual([422, ['projects.2.id']]);
    expect([(await one(b)).owner, (await one(c)).revision]).toEqual(['bo', 1]);

    const some = await change([{ id: c, owner: 'cy' }, { id: a, revision: 1 }, { id: 'bad' }], {
      partial: true,
    });
    expect(some.body.data.map(({ status }: any) => status)).toEqual([200, 412, 422]);
    expect((await one(c)).owner).toBe('cy');
  });

  it('are deleted together, or not at all', async () => {
    const ids = await created(3);
    const pipeline = await user.pipeline(ids[1]!, [noop('only')]);
    const run = await user.start(ids[1]!, pipeline.id);
    const body = { project_id: ids[2], pipeline_id: 'daily_etl', kind: 'CRON', expression: '@daily' };
    const schedule = (await tauro.api.post('/api/v1/schedules', body)).body.data.id;
    const refused = await remove({ ids: [...ids, 'proj_absent'] });
    expect([refused.status, fieldsOf(refused)]).toEqual([409, ['ids.1', 'ids.2', 'ids.3']]);
    expect(refused.body.error.details.map(({ type }: any) => type)).toEqual([
      'conflict',
      'conflict',
      'not_found',
    ]);
    expect((await one(ids[0]!)).id).toBe(ids[0]);
    const some = await remove({ ids, partial: true });
    expect(some.body.data.map(({ status }: any) => status)).toEqual([200, 409, 409]);
    expect((await remove({ ids: ids.slice(1), force: true })).status).toBe(200);
    for (const path of [`projects/${ids[1]}`, `pipelines/${pipeline.id}`, `schedules/${schedule}`]) {
      expect([path, (await tauro.api.get(`/api/v1/${path}`)).status]).toEqual([path, 404]);
    }
    expect((await user.run(run)).state).toBe('CANCELLED');
    expect(await tauro.database.collection('project_removals').countDocuments()).toBe(0);
  });
});
