import { noop, task } from '../support/nodes.js';
import { Tauro } from '../support/tauro.js';
import { User } from '../support/user.js';
import { waitFor } from '../support/wait-for.js';

/* eslint-disable @typescript-eslint/no-explicit-any -- JSON as the server answers it */

describe('schedules', () => {
  let tauro: Tauro;
  let user: User;
  let project: string;
  let pipeline: string;
  beforeAll(async () => {
    tauro = await Tauro.start({ exampleData: true, env: { RECONCILE_SECONDS: '1' } });
    user = new User(tauro.api);
    project = await user.project();
    pipeline = (await user.pipeline(project, [noop('only')])).name;
  });
  afterAll(() => tauro?.stop());

  const post = (path: string, body?: object) => tauro.api.post(`/api/v1/schedules${path}`, body);
  const get = async (path: string): Promise<any> => (await tauro.api.get(`/api/v1/schedules${path}`)).body;
  const create = async (fields: object = {}): Promise<any> => {
    const body = {
      project_id: project,
      pipeline_id: pipeline,
      kind: 'INTERVAL',
      expression: '1s',
      ...fields,
    };
    const answer = await post('', body);
    if (answer.status !== 201) throw new Error(JSON.stringify(answer.body));
    return answer.body.data;
  };
  const slotsOf = async (id: string, query = ''): Promise<any[]> =>
    (await get(`/${id}/slots?limit=100${query}`)).data;
  const seconds = (a: string, b: string): number => (Date.parse(b) - Date.parse(a)) / 1000;

  it('run their pipeline at each of their slots, once, and count it', async () => {
    const { id } = await create({ params: { mode: 'x' }, max_concurrency: 50, tags: { team: 'a' } });
    await waitFor(async () => (await get(`/${id}`)).data.statistics.successful_runs >= 4, { what: '4 runs' });
    expect((await post(`/${id}/disable`)).body.data).toMatchObject({ enabled: false, next_run_at: null });
    await waitFor(
      async () => {
        const { statistics } = (await get(`/${id}`)).data;
        return statistics.total_runs === statistics.successful_runs;
      },
      { what: 'the last run to end' },
    );
    const slots = (await slotsOf(id)).reverse();
    for (const [i, slot] of slots.entries()) {
      expect(slot).toMatchObject({ state: 'SUCCESS', reason: null, kind: 'SCHEDULED' });
      if (i > 0) expect(seconds(slots[i - 1].scheduled_for, slot.scheduled_for)).toBe(1);
    }
    const runs = (await tauro.api.get(`/api/v1/runs?schedule_id=${id}&limit=100`)).body;
    const schedule = (await get(`/${id}`)).data;
    expect(runs.meta.total).toBe(slots.length);
    expect(schedule.statistics).toEqual({
      total_runs: slots.length,
      successful_runs: slots.length,
      failed_runs: 0,
      cancelled_runs: 0,
    });
    expect(schedule.last_run_at).toBe(slots.at(-1).scheduled_for);
    const run = runs.data.find((one: any) => one.id === slots[1].run_id);
    expect(run).toMatchObject({
      state: 'SUCCESS',
      params: { mode: 'x' },
      tags: { team: 'a', triggered_by: 'scheduler' },
      scheduled_for: slots[1].scheduled_for,
      data_interval_start: slots[0].scheduled_for,
      data_interval_end: slots[1].scheduled_for,
    });
  });

  it('are made by the seed’s example, and can be backfilled, disabled and enabled', async () => {
    const body = {
      project_id: project,
      pipeline_id: 'daily_etl',
      kind: 'CRON',
      expression: '0 2 * * *',
      enabled: true,
      timezone: 'UTC',
      params: { mode: 'incremental' },
      config: {
        max_concurrency: 1,
        timeout_seconds: 7200,
        retry_on_failure: true,
        notifications: { on_success: false, on_failure: true, email: 'alerts@company.com' },
      },
    };
    const made = await create(body);
    expect(made).toMatchObject({ ...body, pipeline_id: expect.stringMatching(/^pipe_/), max_concurrency: 1 });
    expect(made.next_run_at).toMatch(/T02:00:00\.000Z$/);
    expect(made.statistics).toMatchObject({ total_runs: 0, successful_runs: 0, failed_runs: 0 });
    expect((await post(`/${made.id}/disable`)).body.data.next_run_at).toBeNull();
    const next = (await get(`/${made.id}/next?count=3&from=2026-02-27T02:00:00Z`)).data;
    expect(next.map((one: any) => one.scheduled_for)).toEqual([
      '2026-02-28T02:00:00.000Z',
      '2026-03-01T02:00:00.000Z',
      '2026-03-02T02:00:00.000Z',
    ]);
    expect((await post(`/${made.id}/enable`)).body.data).toMatchObject({
      enabled: true,
      next_run_at: made.next_run_at,
    });
  });

  it('start a run by hand, also when they are disabled', async () => {
    const { id } = await create({ enabled: false, expression: '1h', params: { a: 1, b: 1 } });
    const answer = await post(`/${id}/trigger`, { params: { b: 2 } });
    expect(answer.status).toBe(202);
    const run = answer.body.data;
    expect(run).toMatchObject({ schedule_id: id, params: { a: 1, b: 2 }, tags: { triggered_by: 'manual' } });
    expect((await user.ended(run.id)).state).toBe('SUCCESS');
    await waitFor(async () => (await get(`/${id}`)).data.statistics.successful_runs === 1, {
      what: 'the count',
    });
    const { data } = await get(`/${id}`);
    expect(data).toMatchObject({ enabled: false, next_run_at: null, last_run_at: run.scheduled_for });
  });

  it('start as many runs by hand as are asked for at once, none in the place of a slot', async () => {
    const { id } = await create({ kind: 'CRON', expression: '* * * * * *', max_concurrency: 100 });
    const answers = await Promise.all(Array.from({ length: 30 }, () => post(`/${id}/trigger`)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
    const runs = answers.map(({ body }) => body.data);
    expect(new Set(runs.map((run) => run.scheduled_for)).size).toBe(30);
    expect(runs.filter((run) => run.scheduled_for.endsWith('.000Z'))).toEqual([]);
    await post(`/${id}/disable`);
  });

  it('do not say that a run was made for a slot where none could be', async () => {
    const { id: asking } = await user.pipeline(project, [noop('only')]);
    const { id } = await create({
      pipeline_id: asking,
      kind: 'CRON',
      expression: '* * * * * *',
      start_at: new Date(Date.now() + 5000).toISOString(),
    });
    const params_schema = { type: 'object', required: ['n'], properties: { n: { type: 'integer' } } };
    expect((await tauro.api.put(`/api/v1/pipelines/${asking}`, { params_schema })).status).toBe(200);
    await waitFor(async () => (await slotsOf(id)).some(({ state }: any) => state === 'FAILED'), {
      what: 'a slot without a run',
    });
    await post(`/${id}/disable`);
    expect((await get(`/${id}`)).data).toMatchObject({ last_run_at: null, statistics: { total_runs: 0 } });
  });

  it('are not enabled while their pipeline would refuse every run', async () => {
    const { id: asking } = await user.pipeline(project, [noop('only')]);
    const { id } = await create({ pipeline_id: asking, enabled: false, expression: '1h' });
    const params_schema = { type: 'object', required: ['n'], properties: { n: { type: 'integer' } } };
    expect((await tauro.api.put(`/api/v1/pipelines/${asking}`, { params_schema })).status).toBe(200);
    const enabling = [
      () => post(`/${id}/enable`),
      () => tauro.api.put(`/api/v1/schedules/${id}`, { enabled: true }),
      () => post('/batch/enable', { ids: [id] }),
    ];
    const fields = async (enable: () => Promise<any>): Promise<any> => {
      const { status, body } = await enable();
      return [status, body.error.details.map(({ field }: any) => field)];
    };
    expect(await fields(enabling[0]!)).toEqual([422, ['params.n']]);
    expect(await fields(enabling[1]!)).toEqual([422, ['params.n']]);
    expect(await fields(enabling[2]!)).toEqual([422, ['ids.0.params.n']]);
    const repaired = await tauro.api.put(`/api/v1/schedules/${id}`, { enabled: true, params: { n: 1 } });
    expect([repaired.status, repaired.body.data.enabled]).toEqual([200, true]);
    await post(`/${id}/disable`);
    expect((await tauro.api.delete(`/api/v1/pipelines/${asking}`)).status).toBe(200);
    for (const enable of enabling) expect((await enable()).status).toBe(409);
  });

  it('say why no run can be started by hand, and make none', async () => {
    const { id: asking } = await user.pipeline(project, [noop('only')], {
      params_schema: { type: 'object', properties: { n: { type: 'integer' } } },
    });
    const { id } = await create({ pipeline_id: asking, enabled: false, expression: '1h' });
    const trigger = async (): Promise<any> => {
      const { status, body } = await post(`/${id}/trigger`, { params: { n: 'many' } });
      return [status, body.error.details.map(({ field }: any) => field)];
    };
    expect(await trigger()).toEqual([422, ['params.n']]);
    expect((await tauro.api.delete(`/api/v1/pipelines/${asking}`)).status).toBe(200);
    expect(await trigger()).toEqual([404, []]);
    expect((await get(`/${id}`)).data).toMatchObject({ last_run_at: null, statistics: { total_runs: 0 } });
    expect(await slotsOf(id)).toEqual([]);
  });

  it('tell the nodes of their runs what these are about', async () => {
    const about = {
      slot: '{{ run.scheduled_for }}',
      from: '{{ run.data_interval_start }}',
      to: '{{ run.data_interval_end }}',
      or: "{{ run.scheduled_for | default('by hand') }}",
    };
    const { id: told } = await user.pipeline(project, [
      task('tell', 'echo', about),
      task('mind', 'echo', { or: about.or }),
    ]);
    const { id } = await create({ pipeline_id: told, kind: 'CRON', expression: '@daily', enabled: false });
    const asked = { start: '2026-03-01T00:00:00Z', end: '2026-03-01T00:00:00Z' };
    expect((await post(`/${id}/backfill`, asked)).status).toBe(202);
    const slot = await waitFor(async () => (await slotsOf(id, '&state=SUCCESS'))[0], { what: 'its run' });
    const input = async (run: string, node: string): Promise<any> =>
      (await tauro.api.get(`/api/v1/runs/${run}/tasks/${node}`)).body.data.output.input;
    const time = '2026-03-01T00:00:00.000Z';
    expect(await input(slot.run_id, 'tell')).toEqual({
      slot: time,
      from: '2026-02-28T00:00:00.000Z',
      to: time,
      or: time,
    });
    const byHand = await user.start(project, told);
    expect((await user.ended(byHand)).state).toBe('FAILED');
    expect(await input(byHand, 'mind')).toEqual({ or: 'by hand' });
  });

  it('skip a slot while a run is under way, and say so', async () => {
    const long = (await user.pipeline(project, [task('nap', 'sleep', { seconds: 600 })])).id;
    const { id } = await create({ pipeline_id: long });
    await waitFor(async () => (await slotsOf(id, '&state=SKIPPED')).length >= 2, { what: 'skipped slots' });
    await post(`/${id}/disable`);
    const slots = await slotsOf(id);
    expect(slots.filter(({ state }) => state === 'STARTED')).toHaveLength(1);
    expect(slots[0].reason).toBe('overlap: max_concurrency of 1 is reached');
    await tauro.api.post(`/api/v1/runs/${slots.at(-1).run_id}/cancel`);
    await waitFor(async () => (await slotsOf(id, '&state=CANCELLED')).length === 1, {
      what: 'the slot to end',
    });
  });

  it('let runs wait their turn, or replace the one that is under way', async () => {
    const long = (await user.pipeline(project, [task('nap', 'sleep', { seconds: 600 })])).id;
    const queueing = await create({ pipeline_id: long, overlap: 'queue' });
    const replacing = await create({ pipeline_id: long, overlap: 'cancel_running' });
    const waiting = await waitFor(
      async () => {
        const { data } = (await tauro.api.get(`/api/v1/runs?schedule_id=${queueing.id}&state=QUEUED`)).body;
        return data.find((run: any) => run.waiting_reason?.includes('max_concurrency'));
      },
      { what: 'a run that waits' },
    );
    expect(waiting.waiting_reason).toMatch(`max_concurrency of 1 of schedule '${queueing.id}' is reached`);
    await waitFor(async () => (await slotsOf(replacing.id, '&state=CANCELLED')).length >= 2, {
      what: 'two replaced',
    });
    for (const { id } of [queueing, replacing]) {
      await post(`/${id}/disable`);
      const { data } = (await tauro.api.get(`/api/v1/runs?schedule_id=${id}&state=RUNNING`)).body;
      expect(data.length).toBeLessThanOrEqual(1);
      await cancelAll(id);
    }
  });

  const cancelAll = async (id: string): Promise<void> => {
    const of = `/api/v1/runs?schedule_id=${id}&state=RUNNING,QUEUED,PENDING&limit=100`;
    await waitFor(
      async () => {
        const { data } = (await tauro.api.get(of)).body;
        for (const run of data) await tauro.api.post(`/api/v1/runs/${run.id}/cancel`);
        return data.length === 0;
      },
      { what: 'all runs to end' },
    );
  };

  it('record what passed while they were disabled, and make up for it when asked to', async () => {
    const quiet = await create({ enabled: true });
    const eager = await create({ on_enable: { misfire: 'all', coalesce: false }, overlap: 'queue' });
    for (const { id } of [quiet, eager]) await post(`/${id}/disable`);
    const disabled = Date.now();
    await waitFor(() => Date.now() - disabled > 3000, { what: 'slots to pass' });
    for (const { id } of [quiet, eager]) await post(`/${id}/enable`);
    await waitFor(
      async () =>
        (await slotsOf(quiet.id, '&state=SKIPPED')).some(({ reason }) => /was disabled/.test(reason)),
      { what: 'skipped slots' },
    );
    await waitFor(async () => (await get(`/${eager.id}`)).data.statistics.successful_runs >= 5, {
      what: '5 runs',
    });
    await post(`/${quiet.id}/disable`);
    await post(`/${eager.id}/disable`);
    const slots = (await slotsOf(eager.id)).reverse();
    slots.forEach((slot, i) => {
      if (i > 0) expect(seconds(slots[i - 1].scheduled_for, slot.scheduled_for)).toBe(1);
      expect(slot.state).not.toBe('SKIPPED');
    });
  });

  it('follow a change at once', async () => {
    const made = await create({ expression: '1h' });
    const changed = await tauro.api.put(`/api/v1/schedules/${made.id}`, {
      kind: 'CRON',
      expression: '@daily',
      timezone: 'Europe/Berlin',
      config: { timeout_seconds: 5 },
      overlap: 'queue',
    });
    expect(changed.status).toBe(200);
    expect(changed.body.data).toMatchObject({
      kind: 'CRON',
      timezone: 'Europe/Berlin',
      overlap: 'queue',
      config: { timeout_seconds: 5 },
      revision: 2,
    });
    expect(changed.body.data.next_run_at).toMatch(/T2[23]:00:00\.000Z$/);
    const stale = await tauro.api.put(
      `/api/v1/schedules/${made.id}`,
      { overlap: 'skip' },
      { 'If-Match': '"1"' },
    );
    expect(stale.status).toBe(412);
    expect((await tauro.api.delete(`/api/v1/schedules/${made.id}`)).body.data.deleted).toBe(true);
    expect((await tauro.api.get(`/api/v1/schedules/${made.id}`)).status).toBe(404);
  });

  it('never contradict themselves when what may stand in two places is changed in one', async () => {
    const { id } = await create({ expression: '1h', config: { max_concurrency: 3, timeout_seconds: 5 } });
    const put = async (body: object): Promise<any> => {
      const { status, body: answer } = await tauro.api.put(`/api/v1/schedules/${id}`, body);
      return [status, answer.data?.max_concurrency, answer.data?.config];
    };
    const now = (max: number): unknown[] => [200, max, { max_concurrency: max, timeout_seconds: 5 }];
    expect(await put({ max_concurrency: 5 })).toEqual(now(5));
    expect(await put({ config: { max_concurrency: 4 } })).toEqual(now(4));
    const { data } = await get(`/${id}`);
    expect(await put({ max_concurrency: data.max_concurrency, config: data.config })).toEqual(now(4));
    expect((await put({ max_concurrency: 9, config: data.config }))[0]).toBe(422);
  });

  it('take changes of many at the same time, each over what it found', async () => {
    const { id } = await create({ expression: '1h' });
    const statuses: number[] = [];
    const change = async (): Promise<void> => {
      for (let i = 1; i <= 5; i++) {
        const body = { config: { timeout_seconds: i } };
        statuses.push((await tauro.api.put(`/api/v1/schedules/${id}`, body)).status);
      }
    };
    await Promise.all(Array.from({ length: 16 }, change));
    const done = statuses.filter((status) => status === 200);
    // Nobody named a revision, so nobody is told that it does not match.
    expect(statuses.filter((status) => status !== 200 && status !== 409)).toEqual([]);
    expect(done.length).toBeGreaterThan(70);
    expect((await get(`/${id}`)).data.revision).toBe(1 + done.length);
  });

  it('are refused with the part that is wrong', async () => {
    const refused = async (fields: object): Promise<any> => {
      const body = {
        project_id: project,
        pipeline_id: pipeline,
        kind: 'CRON',
        expression: '0 2 * * *',
        ...fields,
      };
      const answer = await post('', body);
      expect(answer.status).toBe(422);
      expect(answer.body.error.code).toBe('VALIDATION_ERROR');
      return answer.body.error.details;
    };
    expect((await refused({ expression: '61 * * * *' }))[0]).toMatchObject({ field: 'expression' });
    expect((await refused({ expression: '0 0 30 2 *' }))[0].message).toMatch(/never fires/);
    expect((await refused({ timezone: 'Mars/Olympus' }))[0]).toMatchObject({ field: 'timezone' });
    expect((await refused({ kind: 'INTERVAL' }))[0]).toMatchObject({ field: 'expression' });
    expect((await refused({ kind: 'HOURLY' }))[0]).toMatchObject({ field: 'kind' });
    expect((await refused({ end_at: '2001-01-01T00:00:00Z' }))[0]).toMatchObject({ field: 'end_at' });
    expect((await refused({ config: { max_concurrency: 0 } }))[0]).toMatchObject({
      field: 'config.max_concurrency',
    });
    expect((await refused({ max_concurrency: 2, config: { max_concurrency: 3 } }))[0]).toMatchObject({
      field: 'config.max_concurrency',
    });
    expect((await refused({ misfire: 'sometimes' }))[0]).toMatchObject({ field: 'misfire' });
    expect((await refused({ nonsense: 1 }))[0]).toMatchObject({ field: 'nonsense', type: 'extra_forbidden' });
    for (const value of [[], [{}], null, 'x'])
      for (const field of ['config', 'on_enable'])
        expect(await refused({ [field]: value })).toEqual([
          { field, message: 'must be an object', type: 'type_error' },
        ]);
    // One entry per field, whoever finds what is wrong with it.
    const wrong = {
      expression: '61 * * * *',
      timezone: 'Mars/Olympus',
      enabled: 'q',
      start_at: '1492-10-12T00:00:00Z',
      config: { overlap: 'x', jitter_seconds: -1, misfire_window_seconds: 'x' },
    };
    const named = (details: any[]): string[] => details.map(({ field, type }) => `${field} ${type}`).sort();
    const faults = [
      'config.jitter_seconds value_error',
      'config.misfire_window_seconds type_error',
      'config.overlap enum',
      'enabled type_error',
      'expression value_error',
      'start_at value_error',
      'timezone value_error',
    ];
    expect(named(await refused(wrong))).toEqual(faults);
    const { id } = await create({ expression: '1h' });
    const put = await tauro.api.put(`/api/v1/schedules/${id}`, { kind: 'CRON', ...wrong });
    expect([put.status, named(put.body.error.details)]).toEqual([422, faults]);
    const preview = await post('/preview', { ...wrong, kind: 'CRON', count: 0 });
    expect(named(preview.body.error.details)).toEqual(
      expect.arrayContaining(['count value_error', 'expression value_error', 'timezone value_error']),
    );
    expect((await post('', { kind: 'CRON' })).body.error.details.map((one: any) => one.field)).toEqual(
      expect.arrayContaining(['project_id', 'pipeline_id', 'expression']),
    );
    const absent = { project_id: 'proj_absent', pipeline_id: pipeline, kind: 'CRON', expression: '@daily' };
    expect((await post('', absent)).status).toBe(404);
    expect((await post('', { ...absent, project_id: project, pipeline_id: 'no_such' })).status).toBe(404);
  });

  it('keep their project and their pipeline from being deleted by mistake', async () => {
    const own = await user.project();
    const { id: pipe } = await user.pipeline(own, [noop('only')]);
    const { id } = await create({ project_id: own, pipeline_id: pipe, expression: '1d' });
    expect((await tauro.api.delete(`/api/v1/projects/${own}`)).status).toBe(409);
    expect((await tauro.api.delete(`/api/v1/pipelines/${pipe}`)).status).toBe(409);
    expect((await tauro.api.delete(`/api/v1/projects/${own}?force=true`)).status).toBe(200);
    expect((await tauro.api.get(`/api/v1/schedules/${id}`)).status).toBe(404);
  });

  it('can be looked at before they are made', async () => {
    const body = { kind: 'CRON', expression: '30 2 * * *', timezone: 'Europe/Berlin', count: 3 };
    const answer = await post('/preview', { ...body, from: '2026-03-28T00:00:00Z' });
    expect(answer.status).toBe(200);
    expect(answer.body.meta).toMatchObject({ total: 4, total_is_lower_bound: true, has_more: true });
    // On the 29th half past two does not exist.
    expect(answer.body.data.map((one: any) => one.scheduled_for)).toEqual([
      '2026-03-28T01:30:00.000Z',
      '2026-03-29T01:30:00.000Z',
      '2026-03-30T00:30:00.000Z',
    ]);
    const ending = await create({ expression: '1h', end_at: new Date(Date.now() + 9_000_000).toISOString() });
    const { data, meta } = await get(`/${ending.id}/next?count=10`);
    expect(meta).toMatchObject({ total: data.length, has_more: false });
    expect(meta).not.toHaveProperty('total_is_lower_bound');
    expect(data).toHaveLength(2);
  });
});
