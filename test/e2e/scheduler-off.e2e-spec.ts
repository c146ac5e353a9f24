import { noop } from '../support/nodes.js';
import { Tauro } from '../support/tauro.js';
import { expectStatus, User } from '../support/user.js';
import { waitFor } from '../support/wait-for.js';

describe('a deployment whose scheduler is switched off', () => {
  let tauro: Tauro;
  beforeAll(async () => {
    tauro = await Tauro.start({ env: { SCHEDULER_ENABLED: 'false', RECONCILE_SECONDS: '0.5' } });
  });
  afterAll(() => tauro?.stop());

  it('starts runs by hand alone, until one worker has its scheduler on', async () => {
    const user = new User(tauro.api);
    const project_id = await user.project();
    const { id: pipeline_id } = await user.pipeline(project_id, [noop('only')]);
    const body = { project_id, pipeline_id, kind: 'INTERVAL', expression: '1s', max_concurrency: 100 };
    const { id, next_run_at } = expectStatus(await tauro.api.post('/api/v1/schedules', body), 201);
    const stored = async (): Promise<number> =>
      (await tauro.api.get(`/api/v1/schedules/${id}/slots?kind=SCHEDULED`)).body.meta.total;
    expect((await tauro.api.get('/health')).body.checks.scheduler).toBe('disabled');

    const run = expectStatus(await tauro.api.post(`/api/v1/schedules/${id}/trigger`), 202);
    expect((await user.ended(run.id)).state).toBe('SUCCESS');
    await waitFor(() => Date.now() > Date.parse(next_run_at) + 2000, { what: 'slots to pass' });
    expect(await stored()).toBe(0);

    await tauro.addWorker({ SCHEDULER_ENABLED: 'true' });
    await waitFor(async () => (await stored()) >= 4, { what: 'the slots to be made up for' });
    await tauro.api.post(`/api/v1/schedules/${id}/disable`);
    const { data } = (await tauro.api.get(`/api/v1/schedules/${id}/slots?kind=SCHEDULED&limit=100`)).body;
    expect(data.at(-1).scheduled_for).toBe(next_run_at);
    expect(data.every(({ run_id }: { run_id: string | null }) => run_id !== null)).toBe(true);
  });
});
