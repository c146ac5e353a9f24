import { type ApiClient } from '../support/api-client.js';
import { noop, wait } from '../support/nodes.js';
import { CommonTauro } from '../support/common-tauro.js';
import { User } from '../support/user.js';

describe('lists of runs', () => {
  let tauro: CommonTauro;
  let api: ApiClient;
  let user: User;
  let projectId: string;
  let quick: { id: string };
  let slow: { id: string };
  /** Seven runs in the order they were made: five ended, one pending, one that waits. */
  const made: string[] = [];

  beforeAll(async () => {
    tauro = await CommonTauro.join();
    api = tauro.api;
    user = new User(api);
    projectId = await user.project();
    quick = await user.pipeline(projectId, [noop('only')]);
    slow = await user.pipeline(projectId, [wait('nap', 600)]);
    for (let i = 0; i < 5; i++) {
      const tags = { batch: i < 2 ? 'early' : 'late' };
      made.push(await user.start(projectId, quick.id, { tags }));
    }
    await Promise.all(made.map((id) => user.ended(id)));
    const pending = await api.post('/api/v1/runs', { project_id: projectId, pipeline_id: quick.id });
    made.push(pending.body.data.id, await user.start(projectId, slow.id));
    await user.runWhen(made[6]!, (run) => run.state === 'RUNNING');
  });
  afterAll(() => tauro?.leave());

  const list = async (query: string) => {
    const answer = await api.get(`/api/v1/runs?project_id=${projectId}&${query}`);
    expect(answer.status).toBe(200);
    const runs = answer.body.data as { id: string; state: string }[];
    return { ids: runs.map((run) => run.id), runs, meta: answer.body.meta };
  };
  const newestFirst = (): string[] => [...made].reverse();

  it('start with the newest and say how many there are', async () => {
    const { ids, meta } = await list('');
    expect(ids).toEqual(newestFirst());
    expect(meta).toMatchObject({ total: 7, limit: 50, offset: 0, has_more: false });
  });

  it('are cut into pages by limit and offset', async () => {
    const { ids, meta } = await list('limit=3&offset=2');
    expect(ids).toEqual(newestFirst().slice(2, 5));
    expect(meta).toMatchObject({ total: 7, limit: 3, offset: 2, has_more: true });
    const last = await list('limit=3&offset=6');
    expect(last.ids).toEqual(newestFirst().slice(6));
    expect(last.meta.has_more).toBe(false);
  });

  it('are walked by a cursor without a gap or a repetition, whatever arrives meanwhile', async () => {
    const seen: string[] = [];
    let query = 'limit=3';
    for (;;) {
      const { ids, meta } = await list(query);
      seen.push(...ids);
      if (!meta.has_more) break;
      expect(meta.next_cursor).toMatch(/\S/);
      if (seen.length === 3) {
        const late = await api.post('/api/v1/runs', { project_id: projectId, pipeline_id: quick.id });
        await api.post(`/api/v1/runs/${late.body.data.id}/cancel`);
        await user.ended(late.body.data.id);
        await api.delete(`/api/v1/runs/${late.body.data.id}`);
      }
      query = `limit=3&cursor=${encodeURIComponent(meta.next_cursor)}`;
    }
    expect(seen).toEqual(newestFirst());
  });

  it('take the last id they showed as a cursor, and leave the total out unless asked', async () => {
    const { ids, meta } = await list(`limit=2&cursor=${newestFirst()[1]}`);
    expect(ids).toEqual(newestFirst().slice(2, 4));
    expect(meta).not.toHaveProperty('total');
    const counted = await list(`limit=2&cursor=${newestFirst()[1]}&include_total=true`);
    expect(counted.meta.total).toBe(7);
  });

  it('are sorted the other way on demand, also under a cursor', async () => {
    const first = await list('sort=created_at&limit=4');
    expect(first.ids).toEqual(made.slice(0, 4));
    const next = await list(`sort=created_at&limit=4&cursor=${encodeURIComponent(first.meta.next_cursor)}`);
    expect(next.ids).toEqual(made.slice(4));
  });

  it('show only the fields that were asked for, and the id', async () => {
    const { runs } = await list('fields=state,progress&limit=1');
    expect(Object.keys(runs[0]!).sort()).toEqual(['id', 'progress', 'state']);
    expect((await api.get('/api/v1/runs?fields=colour')).status).toBe(422);
  });

  it.each([
    ['one state', () => 'state=SUCCESS', (i: number) => i < 5],
    ['several states', () => 'state=PENDING,RUNNING', (i: number) => i >= 5],
    ['a pipeline', () => `pipeline_id=${slow.id}`, (i: number) => i === 6],
    ['a tag', () => 'tags.batch=late', (i: number) => i >= 2 && i < 5],
    ['two conditions at once', () => 'tags.batch=early&state=FAILED', () => false],
  ])('are filtered by %s', async (_what, query, fits) => {
    const { ids, meta } = await list(query());
    expect(ids).toEqual(newestFirst().filter((id) => fits(made.indexOf(id))));
    expect(meta.total).toBe(ids.length);
  });

  it('are filtered by time', async () => {
    const third = (await user.run(made[3]!)).created_at as string;
    const after = await list(`created_after=${third}`);
    expect(after.ids.filter((id) => made.indexOf(id) < 3)).toEqual([]);
    expect(after.ids).toEqual(expect.arrayContaining(made.slice(4)));
    const before = await list(`created_before=${third}`);
    expect(before.ids.filter((id) => made.indexOf(id) > 3)).toEqual([]);
    expect(before.ids).toEqual(expect.arrayContaining(made.slice(0, 3)));
    const started = await list(`started_after=2020-01-01T00:00:00Z`);
    expect(started.ids).not.toContain(made[5]);
    expect(started.ids).toHaveLength(6);
  });

  it('of tasks are lists too', async () => {
    const answer = await api.get(`/api/v1/runs/${made[0]}/tasks?state=SUCCESS&limit=1`);
    expect(answer.status).toBe(200);
    expect(answer.body.meta).toMatchObject({ total: 1, limit: 1, has_more: false });
  });
});
