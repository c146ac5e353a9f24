import { type ApiClient } from '../support/api-client.js';
import { Cable } from '../support/cable.js';
import { noop } from '../support/nodes.js';
import { freePort, Tauro } from '../support/tauro.js';
import { User } from '../support/user.js';
import { waitFor } from '../support/wait-for.js';

describe('health and metrics', () => {
  let tauro: Tauro;
  let api: ApiClient;
  let user: User;
  let workerMetrics: string;
  const cables = {} as Record<'mongodb' | 'redis', Cable>;

  beforeAll(async () => {
    cables.mongodb = await Cable.to(process.env.TEST_MONGODB_URL!);
    cables.redis = await Cable.to(process.env.TEST_REDIS_URL!);
    const port = String(await freePort());
    workerMetrics = `http://127.0.0.1:${port}/metrics`;
    tauro = await Tauro.start({
      env: {
        MONGODB_URL: cables.mongodb.url,
        REDIS_URL: cables.redis.url,
        MONGODB_TIMEOUT: '2',
        PROMETHEUS_PORT: port,
        LEASE_SECONDS: '3',
        HEARTBEAT_SECONDS: '1',
        RECONCILE_SECONDS: '0.5',
      },
    });
    api = tauro.api;
    user = new User(api);
  });
  afterAll(async () => {
    await tauro?.stop();
    await Promise.all([cables.mongodb?.close(), cables.redis?.close()]);
  });

  it('/health tells of every part', async () => {
    const { status, body } = await api.get('/health');
    expect(status).toBe(200);
    expect(body).toMatchObject({
      status: 'healthy',
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
      timestamp: expect.stringMatching(/Z$/),
      checks: { database: 'ok', redis: 'ok', scheduler: expect.any(String), workers: 'ok' },
    });
    expect((await api.get('/health/live')).status).toBe(200);
    expect((await api.get('/health/ready')).status).toBe(200);
  });

  const metrics = async (url = `${tauro.url}/metrics`): Promise<string> => {
    const response = await fetch(url);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toMatch(/text\/plain|openmetrics/);
    return response.text();
  };

  it('/metrics counts the runs of the whole deployment', async () => {
    const runId = await user.startNew([noop('only')]);
    await user.ended(runId);
    const text = await waitFor(
      async () => {
        const found = await metrics();
        return /^tauro_runs_total\{[^}]*state="SUCCESS"[^}]*\} [1-9]/m.test(found) && found;
      },
      { what: 'the run to be counted' },
    );
    for (const [name, type] of [
      ['tauro_runs_total', 'counter'],
      ['tauro_run_duration_seconds', 'histogram'],
      ['tauro_active_runs', 'gauge'],
    ]) {
      expect(text).toContain(`# TYPE ${name} ${type}`);
    }
    for (const le of ['60', '300', '3600']) {
      expect(text).toMatch(
        new RegExp(`^tauro_run_duration_seconds_bucket\\{[^}]*le="${le}"[^}]*\\} [1-9]`, 'm'),
      );
    }
    expect(text).toMatch(/^tauro_active_runs 0$/m);
    expect(text).toMatch(/^# TYPE tauro_queue_depth gauge$/m);
    expect(text).toMatch(/^tauro_waiting_runs\{[^}]*waits_for="limit"[^}]*\} 0$/m);
    expect(text).toMatch(/^# TYPE tauro_waiting_tasks gauge$/m);
    expect(text).toMatch(/^tauro_worker_slots\{[^}]*\} \d+$/m);
    expect(text).toMatch(/^# TYPE \w*http\w* histogram$/m);
  });

  it("the worker's metrics tell of its tasks", async () => {
    const own = await metrics(workerMetrics);
    expect(own).toMatch(/^tauro_task_duration_seconds_count\{[^}]*\} [1-9]/m);
    // Of the deployment, as the API tells them.
    for (const name of ['tauro_runs_total', 'tauro_run_duration_seconds', 'tauro_active_runs'])
      expect(own).toContain(`# TYPE ${name} `);
    expect(own).toMatch(/^tauro_runs_total\{state="SUCCESS"\} [1-9]/m);
  });

  it('finds its way back from connections to Redis that went silent', async () => {
    const worker = tauro.workers[0]!;
    const { pid } = worker;
    cables.redis.stall();
    const runId = await user.startNew([noop('first'), noop('second')], {
      edges: [{ from: 'first', to: 'second' }],
    });
    expect((await user.ended(runId)).state).toBe('SUCCESS');
    await tauro.ready();
    expect([worker.running, worker.pid]).toEqual([true, pid]);
  });

  it('a worker that stays deaf says that it is not ready, and ends so that it is started again', async () => {
    const line = await Cable.to(process.env.TEST_REDIS_URL!);
    const port = String(await freePort());
    // Only the deaf one could take the job.
    await tauro.workers[0]!.stop();
    const deaf = await tauro.addWorker({ REDIS_URL: line.url, DEAF_SECONDS: '2', PROMETHEUS_PORT: port });
    try {
      const ready = (): Promise<Response> => fetch(`http://127.0.0.1:${port}/health/ready`);
      expect(await (await ready()).json()).toEqual({ checks: { database: 'ok', redis: 'ok', queue: 'ok' } });
      line.stall();
      const runId = await user.startNew([noop('only')]);
      const said = await waitFor(
        async () => {
          const answer = await ready();
          const { checks } = (await answer.json()) as { checks: { queue: string } };
          return checks.queue === 'error' && answer.status;
        },
        { what: 'the deaf worker to say so' },
      );
      expect(said).toBe(503);
      await waitFor(() => !deaf.running, { what: 'the deaf worker to end' });
      expect(deaf.ending).toContain('1');
      expect(deaf.logs()).toContain('no job was taken for 2 s, though jobs wait and slots are free');
      await tauro.addWorker();
      expect((await user.ended(runId)).state).toBe('SUCCESS');
    } finally {
      await deaf.stop();
      await line.close();
    }
  });

  it.each([
    ['mongodb', 'database'],
    ['redis', 'redis'],
  ] as const)('is not ready while %s is away, says so, and comes back by itself', async (store, check) => {
    cables[store].pull();
    try {
      await waitFor(async () => (await api.get('/health/ready')).status === 503, {
        what: 'readiness to be lost',
      });
      const { body } = await api.get('/health');
      expect(body.status).not.toBe('healthy');
      expect(body.checks[check]).not.toBe('ok');
      // Alive all the same: restarting the process would not bring the store back.
      expect((await api.get('/health/live')).status).toBe(200);
      if (store === 'mongodb') {
        const answer = await api.get('/api/v1/projects');
        expect([answer.status, answer.body.error.code]).toEqual([503, 'SERVICE_UNAVAILABLE']);
        expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
      }
    } finally {
      cables[store].plug();
    }
    await tauro.ready();
    expect(tauro.apiProcess().running && tauro.workers.at(-1)!.running).toBe(true);
    // Workers too found their way back: new work gets done.
    const runId = await user.startNew([noop('only')]);
    expect((await user.ended(runId)).state).toBe('SUCCESS');
  });
});
