import { noop, task } from '../support/nodes.js';
import { Tauro } from '../support/tauro.js';
import { User } from '../support/user.js';
import { waitFor } from '../support/wait-for.js';

/* eslint-disable @typescript-eslint/no-explicit-any -- JSON as the server answers it */

describe('backfills', () => {
  let tauro: Tauro;
  let user: User;
  let project: string;
  let pipeline: string;
  beforeAll(async () => {
    tauro = await Tauro.start({
      workers: 2,
      env: { RECONCILE_SECONDS: '1', LEASE_SECONDS: '3', HEARTBEAT_SECONDS: '1' },
    });
    user = new User(tauro.api);
    project = await user.project();
    pipeline = (await user.pipeline(project, [noop('only')])).id;
  });
  afterAll(() => tauro?.stop());

  const post = (path: string, body?: object) => tauro.api.post(`/api/v1${path}`, body);
  const get = async (path: string): Promise<any> => (await tauro.api.get(`/api/v1${path}`)).body;
  const daily = async (fields: object = {}): Promise<string> => {
    const timing = { kind: 'CRON', expression: '0 2 * * *', enabled: false };
    const body = { project_id: project, pipeline_id: pipeline, ...timing, ...fields };
    return (await post('/schedules', body)).body.data.id;
  };
  const backfill = async (schedule: string, body: object): Promise<any> => {
    const answer = await post(`/schedules/${schedule}/backfill`, body);
    expect(answer.status).toBe(202);
    return answer.body.data;
  };
  const ended = (id: string): Promise<any> =>
    waitFor(
      async () => {
        const { data } = await get(`/backfills/${id}`);
        if (data.state === 'RUNNING') throw new Error(JSON.stringify(data.progress));
        return data;
      },
      { what: `${id} to end`, timeout: 100_000 },
    );
  const runsOf = async (schedule: string, query = ''): Promise<any> =>
    get(`/runs?schedule_id=${schedule}&limit=100${query}`);

  it('make a run for each of the last slots, and none a second time', async () => {
    const schedule = await daily();
    const first = await backfill(schedule, { count: 30 });
    expect(first).toMatchObject({
      id: expect.stringMatching(/^bf_/),
      state: 'RUNNING',
      max_concurrency: 1,
      progress: { total_slots: 30 },
    });
    expect(await ended(first.id)).toMatchObject({
      state: 'COMPLETED',
      error: null,
      progress: { created_runs: 30, successful_runs: 30, skipped_slots: 0, percent_complete: 100 },
    });
    const runs = await runsOf(schedule);
    expect(runs.meta.total).toBe(30);
    expect(new Set(runs.data.map((run: any) => run.scheduled_for)).size).toBe(30);
    for (const run of runs.data) {
      expect(run).toMatchObject({ state: 'SUCCESS', tags: { triggered_by: 'backfill' } });
      expect(run.data_interval_end).toBe(run.scheduled_for);
      expect(Date.parse(run.scheduled_for) - Date.parse(run.data_interval_start)).toBe(86_400_000);
    }
    const again = await ended((await backfill(schedule, { count: 31 })).id);
    expect(again).toMatchObject({ state: 'COMPLETED', progress: { created_runs: 1, skipped_slots: 30 } });
    const latest = runs.data
      .map((run: any) => run.scheduled_for)
      .sort()
      .at(-1);
    expect((await get(`/schedules/${schedule}`)).data).toMatchObject({
      last_run_at: latest,
      statistics: { total_runs: 31, successful_runs: 31 },
    });
  });

  it('say what they would do', async () => {
    const schedule = await daily();
    const range = { start: '2026-03-01T00:00:00Z', end: '2026-03-05T00:00:00Z' };
    await ended(
      (await backfill(schedule, { start: '2026-03-02T00:00:00Z', end: '2026-03-02T23:00:00Z' })).id,
    );
    const answer = await post(`/schedules/${schedule}/backfill`, { ...range, dry_run: true });
    expect(answer.status).toBe(200);
    const { data } = answer.body;
    expect(data).toMatchObject({ dry_run: true, total_slots: 4 });
    expect(data.slots.map((slot: any) => [slot.scheduled_for.slice(0, 10), slot.action])).toEqual([
      ['2026-03-01', 'run'],
      ['2026-03-02', 'skip'],
      ['2026-03-03', 'run'],
      ['2026-03-04', 'run'],
    ]);
    expect((await runsOf(schedule)).meta.total).toBe(1);
  });

  it('go backwards when asked to, and run again what has run', async () => {
    const schedule = await daily();
    await ended((await backfill(schedule, { count: 3, reverse: true })).id);
    const { data: runs } = await runsOf(schedule, '&sort=created_at');
    const slots = runs.map((run: any) => run.scheduled_for);
    expect(slots).toEqual([...slots].sort().reverse());
    const again = await ended((await backfill(schedule, { count: 3, rerun: true })).id);
    expect(again.progress).toMatchObject({ created_runs: 3, skipped_slots: 0, successful_runs: 3 });
    expect((await runsOf(schedule)).meta.total).toBe(6);
  });

  it('keep to their own concurrency, and leave nothing behind when they are cancelled', async () => {
    const long = (await user.pipeline(project, [task('nap', 'sleep', { seconds: 600 })])).id;
    const schedule = await daily({ pipeline_id: long });
    const { id } = await backfill(schedule, { count: 250, max_concurrency: 2 });
    await waitFor(async () => (await runsOf(schedule, '&state=RUNNING')).meta.total === 2, {
      what: '2 runs',
    });
    const waiting = (await runsOf(schedule, '&state=QUEUED')).data[0];
    expect(waiting.waiting_reason).toMatch(`max_concurrency of 2 of backfill '${id}' is reached`);
    const answer = await post(`/backfills/${id}/cancel`);
    expect(answer.status).toBe(202);
    expect(answer.body.data.state).toBe('CANCELLED');
    expect((await post(`/backfills/${id}/cancel`)).status).toBe(202);
    await waitFor(
      async () => {
        const left = (await runsOf(schedule, '&state=RUNNING,QUEUED,PENDING')).meta.total;
        const started = (await get(`/schedules/${schedule}/slots?state=STARTED`)).meta.total;
        return left === 0 && started === 0;
      },
      { what: 'nothing to be left', timeout: 60_000 },
    );
    const { progress } = (await get(`/backfills/${id}`)).data;
    expect(progress.cancelled_runs).toBe(progress.created_runs);
  });

  it('go on when their worker dies', async () => {
    const schedule = await daily({ expression: '*/10 * * * *', max_concurrency: 20 });
    const { id } = await backfill(schedule, { count: 300 });
    await waitFor(async () => (await get(`/backfills/${id}`)).data.progress.created_runs > 0, {
      what: 'runs',
    });
    await tauro.workers[0]!.kill();
    const done = await ended(id);
    expect(done).toMatchObject({ state: 'COMPLETED', progress: { successful_runs: 300 } });
    expect((await get(`/schedules/${schedule}`)).data.statistics.successful_runs).toBe(300);
    await tauro.addWorker();
  });

  it('are FAILED when a run of theirs is, or cannot be made', async () => {
    const failing = (await user.pipeline(project, [task('bad', 'fail')])).id;
    const schedule = await daily({ pipeline_id: failing, config: { retry_on_failure: false } });
    const done = await ended((await backfill(schedule, { count: 2 })).id);
    expect(done).toMatchObject({ state: 'FAILED', error: '2 of 2 slots failed; see its runs and slots' });
    expect((await post(`/backfills/${done.id}/cancel`)).status).toBe(409);
    const { data } = await runsOf(schedule);
    const [only] = (await get(`/runs/${data[0].id}/tasks`)).data;
    expect(only.attempts).toHaveLength(1);
    await tauro.api.delete(`/api/v1/pipelines/${failing}`);
    const none = await ended((await backfill(schedule, { count: 4 })).id);
    expect(none).toMatchObject({ state: 'FAILED', progress: { failed_slots: 2, skipped_slots: 2 } });
    const slots = (await get(`/schedules/${schedule}/slots?state=FAILED`)).data;
    expect(slots.at(-1)).toMatchObject({ run_id: null, reason: expect.stringMatching(/was not found/) });
  });

  it('are refused with what is wrong', async () => {
    const schedule = await daily();
    const refused = async (body: object): Promise<any> => {
      const answer = await post(`/schedules/${schedule}/backfill`, body);
      expect(answer.status).toBe(422);
      return answer.body.error.details[0];
    };
    expect(await refused({})).toMatchObject({ field: 'count' });
    expect(await refused({ count: 0 })).toMatchObject({ field: 'count' });
    expect(await refused({ count: 3, start: '2026-01-01T00:00:00Z' })).toMatchObject({ field: 'count' });
    expect(await refused({ start: '2026-01-02T00:00:00Z', end: '2026-01-01T00:00:00Z' })).toMatchObject({
      field: 'end',
    });
    expect(await refused({ start: '2999-01-01T00:00:00Z' })).toMatchObject({ field: 'start' });
    expect(await refused({ start: '2026-01-01T03:00:00Z', end: '2026-01-01T04:00:00Z' })).toMatchObject({
      field: 'start',
      message: expect.stringMatching(/no slot/),
    });
    expect((await post('/schedules/sched_absent/backfill', { count: 1 })).status).toBe(404);
    expect((await tauro.api.get('/api/v1/backfills/bf_absent')).status).toBe(404);
  });
});
