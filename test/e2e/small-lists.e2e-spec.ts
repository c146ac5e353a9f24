/* eslint-disable @typescript-eslint/no-explicit-any -- answers of the server */
import { Tauro } from '../support/tauro.js';
import { expectStatus, User } from '../support/user.js';
import { waitFor } from '../support/wait-for.js';

const JSON_ONLY = { accept: 'application/json' };

describe('lists page alike', () => {
  let tauro: Tauro;
  let user: User;
  let runId: string;

  beforeAll(async () => {
    tauro = await Tauro.start({ workers: 1 });
    user = new User(tauro.api);
    runId = await user.startNew([{ id: 'rest', type: 'wait', config: { seconds: 0 } }]);
    await user.ended(runId);
    // The last line comes after the end.
    const whole = async (): Promise<boolean> => /^run ended/.test((await user.logs(runId)).at(-1).message);
    await waitFor(whole, { what: 'the last line' });
  });
  afterAll(() => tauro?.stop());

  /** Every item of a list, two at a time by its cursors. */
  async function walk(path: string): Promise<any[]> {
    const items: any[] = [];
    for (let cursor = ''; ;) {
      const { status, body } = await tauro.api.get(`${path}&limit=2${cursor}`, JSON_ONLY);
      expect(status).toBe(200);
      items.push(...body.data);
      if (!body.meta.has_more) return items;
      expect(body.meta.next_cursor).toEqual(expect.any(String));
      cursor = `&cursor=${body.meta.next_cursor}`;
    }
  }

  it('the log of a run, from either end and with the fields asked for', async () => {
    const all = (await user.logs(runId)).map((line) => line.seq);
    expect(all.length).toBeGreaterThan(3);
    expect((await walk(`/api/v1/runs/${runId}/logs?sort=seq`)).map((line) => line.seq)).toEqual(all);
    const back = await walk(`/api/v1/runs/${runId}/logs?sort=-seq&fields=message`);
    expect(back.map((line) => Number(line.id))).toEqual([...all].reverse());
    expect(Object.keys(back[0]).sort()).toEqual(['id', 'message']);
    const refused = await tauro.api.get(
      `/api/v1/runs/${runId}/logs?sort=message&cursor=x&offset=1`,
      JSON_ONLY,
    );
    expect(refused.body.error.details.map((detail: any) => detail.field).sort()).toEqual(['cursor', 'sort']);
  });

  it('the workers', async () => {
    await tauro.addWorker();
    await tauro.addWorker();
    const workers = await walk('/api/v1/workers?state=ACTIVE&sort=started_at&fields=pid,started_at,state');
    const pids = tauro.workers.map((worker) => worker.pid);
    expect(workers.map((worker) => worker.pid).sort()).toEqual(pids.sort());
    const started = workers.map((worker) => worker.started_at);
    expect(started).toEqual([...started].sort());
    expect(Object.keys(workers[0]).sort()).toEqual(['id', 'pid', 'started_at', 'state']);
    expect((await tauro.api.get('/api/v1/workers?sort=pid')).status).toBe(422);
  });

  it('the runs of a name, also those whose pipeline was deleted and made again', async () => {
    const projectId = await user.project();
    const name = User.uniqueName('again');
    const nodes = [{ id: 'rest', type: 'wait', config: { seconds: 0 } }];
    const runs: string[] = [];
    for (let i = 0; i < 2; i++) {
      const { id } = await user.pipeline(projectId, nodes, { name });
      runs.push(await user.start(projectId, id));
      await user.ended(runs[i]!);
      if (i === 0) expectStatus(await tauro.api.delete(`/api/v1/pipelines/${id}`), 200);
    }
    const found = expectStatus(await tauro.api.get(`/api/v1/runs?pipeline_id=${name}&sort=created_at`), 200);
    expect(found.map((run: any) => run.id)).toEqual(runs);

    const filter = { $or: [{ pipeline_id: { $in: ['pipe_x'] } }, { pipeline_name: name }] };
    const plan = await tauro.database
      .collection('pipeline_runs')
      .find(filter)
      .sort({ created_at: -1, _id: -1 })
      .explain('queryPlanner');
    const stages = JSON.stringify(plan.queryPlanner.winningPlan);
    expect(stages).not.toContain('COLLSCAN');
    expect(stages).toContain('pipeline_name_1');
  });
});
