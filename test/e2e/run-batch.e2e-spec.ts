import { noop } from '../support/nodes.js';
import { Tauro } from '../support/tauro.js';
import { User } from '../support/user.js';
import { waitFor } from '../support/wait-for.js';

/* eslint-disable @typescript-eslint/no-explicit-any -- JSON as the server answers it */

const BATCH = '/api/v1/runs/batch';

describe('runs in batches', () => {
  let tauro: Tauro;
  let user: User;
  let project: string;
  let pipeline: string;
  beforeAll(async () => {
    tauro = await Tauro.start();
    user = new User(tauro.api);
    project = await user.project();
    pipeline = (await user.pipeline(project, [noop('only')])).name;
  });
  afterAll(() => tauro?.stop());

  const item = (fields: object = {}): object => ({ project_id: project, pipeline_id: pipeline, ...fields });
  const items = (count: number, fields: object = {}): object[] =>
    Array.from({ length: count }, () => item(fields));
  const create = (runs: unknown, more: object = {}) => tauro.api.post(BATCH, { runs, ...more });
  const created = async (count: number, fields: object = {}): Promise<string[]> => {
    const { status, body } = await create(items(count, fields));
    expect([status, body.error]).toEqual([201, undefined]);
    return body.data.map(({ id }: any) => id);
  };
  const to = (word: string, body: object) => tauro.api.post(`${BATCH}/${word}`, body);
  const remove = (body: object) => tauro.api.send('DELETE', BATCH, body);
  const stored = async (): Promise<number> =>
    (await tauro.api.get(`/api/v1/runs?project_id=${project}&limit=1`)).body.meta.total;
  /** All with this tag, once they have ended so. */
  const allEnded = (group: string, count: number, state = 'SUCCESS') =>
    waitFor(
      async () => {
        const path = `/api/v1/runs?tags.group=${group}&state=${state}&limit=1`;
        const { total } = (await tauro.api.get(path)).body.meta;
        if (total !== count) throw new Error(`${total} of ${count}`);
        return { total };
      },
      { what: `runs of ${group} to end`, timeout: 100_000 },
    );
  const fieldsOf = (body: any): string[] => body.error.details.map(({ field }: any) => field);

  it('are created in their order, as single ones are, and end', async () => {
    const { status, body } = await create([
      item({ params: { n: 1 }, tags: { team: 'a' } }),
      item({ params: { n: 2 }, start: true, priority: 3 }),
    ]);
    expect(status).toBe(201);
    const [first, second] = body.data;
    expect(first).toMatchObject({
      state: 'PENDING',
      params: { n: 1 },
      tags: { team: 'a' },
      pipeline_version: 1,
    });
    expect(second).toMatchObject({ state: 'QUEUED', params: { n: 2 }, priority: 3, waiting_reason: null });
    expect((await user.ended(second.id)).state).toBe('SUCCESS');
    expect((await user.run(first.id)).state).toBe('PENDING');
    expect(Object.keys(await user.tasks(first.id))).toEqual(['only']);
    expect((await user.logs(second.id))[0].message).toMatch(/^run started/);
  });

  it('are all refused for one that is bad, and every fault is named', async () => {
    const before = await stored();
    const { status, body } = await create([
      item(),
      item({ nonsense: 1 }),
      item({ pipeline_id: 'no_such' }),
      'no object',
      item({ tags: { team: 1 } }),
      item({ params: [] }),
    ]);
    expect(status).toBe(422);
    expect(fieldsOf(body)).toEqual([
      'runs.1.nonsense',
      'runs.2',
      'runs.3',
      'runs.4.tags.team',
      'runs.5.params',
    ]);
    const absent = await create([item(), item({ project_id: 'proj_absent' })]);
    expect([absent.status, fieldsOf(absent.body)]).toEqual([404, ['runs.1']]);
    expect(await stored()).toBe(before);
  });

  it('are created as far as they are good, with `partial`', async () => {
    const before = await stored();
    const { status, body } = await create([item(), item({ pipeline_id: 'no_such' }), 7], { partial: true });
    expect(status).toBe(200);
    expect(body.data).toMatchObject([
      { index: 0, status: 201, data: { state: 'PENDING' } },
      { index: 1, status: 404, error: { code: 'NOT_FOUND' } },
      { index: 2, status: 422, error: { code: 'VALIDATION_ERROR' } },
    ]);
    expect(await stored()).toBe(before + 1);
  });

  it('may be a thousand, within seconds: created, some started, the others cancelled, and all removed', async () => {
    const before = await stored();
    const began = performance.now();
    const ids = await created(1000, { params: { text: 'x'.repeat(1000) }, tags: { group: 'later' } });
    expect(performance.now() - began).toBeLessThan(10_000);
    expect(new Set(ids).size).toBe(1000);
    expect(await stored()).toBe(before + 1000);
    const some = ids.slice(0, 300);
    const started = await to('start', { ids: some });
    expect(started.status).toBe(202);
    expect(started.body.data.map(({ id }: any) => id)).toEqual(some);
    expect(started.body.data.filter(({ state }: any) => state === 'PENDING')).toEqual([]);
    await allEnded('later', 300);
    expect((await to('cancel', { ids: ids.slice(300) })).status).toBe(202);
    await allEnded('later', 700, 'CANCELLED');
    expect((await remove({ ids })).status).toBe(200);
    expect(await stored()).toBe(before);
    for (const name of ['tasks', 'run_logs']) {
      expect(await tauro.database.collection(name).countDocuments({ run_id: { $in: ids } })).toBe(0);
    }
    const many = await create(items(1001));
    expect([many.status, fieldsOf(many.body)]).toEqual([422, ['runs']]);
  });

  it('may start at once, many together', async () => {
    await created(100, { start: true, tags: { group: 'at_once' } });
    await allEnded('at_once', 100);
  });

  it('are refused when they would have more tasks than are made at once', async () => {
    const nodes = Array.from({ length: 2000 }, (_, i) => noop(`n${i}`));
    const large = (await user.pipeline(project, nodes)).id;
    const { status, body } = await create(items(51, { pipeline_id: large }));
    expect([status, body.error.details[0]]).toEqual([
      422,
      expect.objectContaining({ field: 'runs', message: expect.stringContaining('102000 tasks') }),
    ]);
    const ids = (await create(items(3, { pipeline_id: large }))).body.data.map(({ id }: any) => id);
    const tasks = await tauro.database.collection('tasks').countDocuments({ run_id: { $in: ids } });
    expect(tasks).toBe(6000);
  });

  it('are started and cancelled together, or not at all', async () => {
    const hold = (await user.pipeline(project, [{ id: 'hold', type: 'approval' }])).id;
    const ids = await created(3, { pipeline_id: hold });
    for (const word of ['start', 'cancel']) {
      const refused = await to(word, { ids: [ids[0], 'run_absent', ids[1], 'run_gone'] });
      expect([refused.status, fieldsOf(refused.body)]).toEqual([404, ['ids.1', 'ids.3']]);
    }
    expect((await user.run(ids[0]!)).state).toBe('PENDING');

    expect((await to('start', { ids: [ids[0]] })).status).toBe(202);
    // One that is started already stays as it is.
    const all = await to('start', { ids });
    expect([all.status, all.body.data.map(({ id }: any) => id)]).toEqual([202, ids]);
    const busy = await remove({ ids });
    expect([busy.status, fieldsOf(busy.body)]).toEqual([409, ['ids.0', 'ids.1', 'ids.2']]);

    const first = await to('cancel', { ids: [ids[2]] });
    expect(first.body.data[0].cancel_requested_at).not.toBeNull();
    expect((await user.ended(ids[2]!)).state).toBe('CANCELLED');
    const late = await to('cancel', { ids });
    expect([late.status, fieldsOf(late.body)]).toEqual([409, ['ids.2']]);
    expect((await user.run(ids[0]!)).cancel_requested_at).toBeNull();
    const some = await to('cancel', { ids, partial: true });
    expect([some.status, some.body.data.map(({ status }: any) => status)]).toEqual([200, [202, 202, 409]]);
    for (const id of ids) expect((await user.ended(id)).state).toBe('CANCELLED');

    const ended = await to('start', { ids, partial: true });
    expect(ended.body.data.map(({ status }: any) => status)).toEqual([409, 409, 409]);
    const gone = await remove({ ids: [ids[0], 'run_absent'], partial: true });
    expect(gone.body.data).toMatchObject([
      { index: 0, status: 200, data: { id: ids[0], deleted: true } },
      { index: 1, status: 404 },
    ]);
    const rest = ids.slice(1);
    expect((await remove({ ids: rest })).body.data).toEqual(rest.map((id) => ({ id, deleted: true })));
  });

  it('of which two ask at once are started once, and cancelled once', async () => {
    const ids = await created(50);
    const answers = await Promise.all([0, 1, 2].map(() => to('start', { ids })));
    expect(answers.map(({ status }) => status)).toEqual([202, 202, 202]);
    for (const id of ids) {
      expect((await user.ended(id)).state).toBe('SUCCESS');
      const lines = await user.logs(id);
      expect(lines.filter(({ message }) => /^run started/.test(message))).toHaveLength(1);
    }
    const removals = await Promise.all([remove({ ids }), remove({ ids })]);
    expect(removals.map(({ status }) => status).sort()).toEqual([200, 404]);
  });

  it('wait at the limit of their pipeline, and all get their turn', async () => {
    const narrow = await user.pipeline(project, [noop('only')], { config: { max_active_runs: 2 } });
    const ids = await created(40, { pipeline_id: narrow.id, start: true });
    for (const id of ids) expect((await user.ended(id)).state).toBe('SUCCESS');
  });

  it.each([
    [{ ids: [] }, 'ids'],
    [{}, 'ids'],
    [{ ids: ['run_a', 'run_b', 'run_a'] }, 'ids.2'],
    [{ ids: ['run_a', 'sched_a'] }, 'ids.1'],
    [{ ids: ['run_a'], partial: 'yes' }, 'partial'],
    [{ ids: [{ $gt: '' }] }, 'ids.0'],
  ])('refuse %j, and name %s', async (body, field) => {
    for (const answer of [await to('start', body), await to('cancel', body), await remove(body)]) {
      expect([answer.status, answer.body.error?.details?.[0]?.field]).toEqual([422, field]);
    }
  });

  it('refuse nothing at all, and what is no list', async () => {
    for (const runs of [[], {}, undefined, null]) {
      const { status, body } = await create(runs);
      expect([status, body.error.details[0].field]).toEqual([422, 'runs']);
    }
  });

  it('either exist as a whole or not at all when the API dies while it makes them', async () => {
    for (const after of [20, 80, 200]) {
      const tags = { group: `died_${after}` };
      const answer = create(items(150, { tags, start: true })).catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, after));
      await tauro.apiProcess().kill();
      await answer;
      tauro.startApi();
      await tauro.ready();
      const runs = await tauro.database.collection('pipeline_runs').find({ tags }).toArray();
      expect([0, 150]).toContain(runs.length);
      await allEnded(tags.group, runs.length);
    }
    // Whatever is left of those that never came to be is known to whoever tidies up.
    const tasks = await tauro.database.collection('tasks').distinct('run_id');
    const ids = await tauro.database.collection<{ _id: string }>('pipeline_runs').distinct('_id');
    const notes = await tauro.database.collection<{ _id: string }>('run_removals').distinct('_id');
    const known = new Set([...ids, ...notes]);
    expect(tasks.filter((id) => !known.has(id))).toEqual([]);
  });
});
