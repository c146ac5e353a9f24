import { randomBytes } from 'node:crypto';
import { type LivyBatch, LivyServer } from '../support/livy.js';
import { ONCE } from '../support/nodes.js';
import { Tauro } from '../support/tauro.js';
import { expectStatus, User } from '../support/user.js';
import { waitFor } from '../support/wait-for.js';

/* eslint-disable @typescript-eslint/no-explicit-any -- JSON as the server answers it */

const V1 = '/api/v1';

describe('Spark by Livy', () => {
  let livy: LivyServer;
  let tauro: Tauro;
  let user: User;
  let project: string;
  let connection: string;
  beforeAll(async () => {
    livy = await LivyServer.start();
    tauro = await Tauro.start({
      env: { SECRET_KEY: randomBytes(32).toString('base64'), LEASE_SECONDS: '3', HEARTBEAT_SECONDS: '0.75' },
    });
    user = new User(tauro.api);
    project = await user.project();
    connection = (await connect('livy', livy.connection)).id;
  });
  afterAll(async () => {
    await tauro?.stop();
    livy?.stop();
  });
  beforeEach(() => (livy.refuses = undefined));
  afterEach(() => {
    expect(tauro.logs()).not.toContain(livy.password);
  });

  const connect = async (name: string, how: object): Promise<any> =>
    expectStatus(
      await tauro.api.post(`${V1}/connections`, { name, kind: 'livy', project_id: project, ...how }),
      201,
    );
  const test = async (id: string): Promise<any> =>
    expectStatus(await tauro.api.post(`${V1}/connections/${id}/test`), 200);
  const start = async (config: object = {}, rest: object = ONCE): Promise<string> => {
    const node = { id: 'job', type: 'spark', config: { file: 's3a://jobs/rollup.py', ...config }, ...rest };
    return user.start(project, (await user.pipeline(project, [node])).id);
  };
  /** The batch after those there were, once it is submitted. */
  const next = async (known: number): Promise<LivyBatch> => {
    await waitFor(() => livy.submitted.length > known, { what: 'a batch', timeout: 20_000 });
    return livy.submitted[known]!;
  };
  const submitted = async (config: object = {}, rest: object = ONCE): Promise<[string, LivyBatch]> => {
    const known = livy.submitted.length;
    return [await start(config, rest), await next(known)];
  };
  const succeed = (batch: LivyBatch): void => {
    batch.run();
    batch.state = 'success';
  };

  it('is a connection that says whether it works', async () => {
    expect(await test(connection)).toMatchObject({
      ok: true,
      server: expect.stringMatching(/^Livy 0\.8\.0-incubating, \d+ batch\(es\)$/),
    });
    const wrong = await connect('wrong', { ...livy.connection, secret: { password: 'other' } });
    expect(await test(wrong.id)).toMatchObject({
      ok: false,
      error: { type: 'AuthenticationFailed', message: "connection 'wrong': Livy does not accept the user" },
    });
    const nowhere = await connect('nowhere', { config: { url: 'http://127.0.0.1:1' } });
    expect((await test(nowhere.id)).error).toMatchObject({ type: 'ConnectionFailed' });
  });

  it('gets the application in its own words, prints to the log, and tells where it ran', async () => {
    const [runId, batch] = await submitted({
      class_name: 'com.example.Rollup',
      args: ['{{ run.id }}', 5],
      py_files: ['s3a://jobs/lib.zip'],
      driver_memory: '2g',
      num_executors: 4,
      conf: { 'spark.sql.shuffle.partitions': 200 },
    });
    const [task] = Object.values(await user.tasks(runId));
    expect(batch.request).toEqual({
      name: `tauro-${task.id}-1`,
      file: 's3a://jobs/rollup.py',
      className: 'com.example.Rollup',
      args: [runId, '5'],
      pyFiles: ['s3a://jobs/lib.zip'],
      driverMemory: '2g',
      numExecutors: 4,
      conf: { 'spark.sql.shuffle.partitions': '200' },
    });
    batch.run();
    batch.stderr.push('24/01/31 10:00:00 WARN Utils: a warning');
    await waitFor(async () => (await user.logs(runId)).some(({ message }) => message.includes('a warning')));
    batch.stdout.push('42 rows');
    batch.state = 'success';
    expect((await user.ended(runId)).state).toBe('SUCCESS');
    expect((await user.tasks(runId)).job.output).toEqual({
      batch_id: batch.id,
      state: 'success',
      app_id: batch.appId,
      spark_ui_url: `http://yarn.example.com:8088/proxy/${batch.appId}/`,
      driver_log_url: null,
    });
    const lines = (await user.logs(runId)).map(({ level, message }) => `${level} ${message}`);
    expect(lines.filter((line) => line.includes('a warning'))).toEqual([
      'WARNING 24/01/31 10:00:00 WARN Utils: a warning',
    ]);
    expect(lines).toContain('INFO 42 rows');
  });

  it('is tried again under another name when it has failed, and not when it was killed or refused', async () => {
    const twice = { retry_policy: { max_attempts: 2, backoff_seconds: 0 } };
    const [runId, first] = await submitted({}, twice);
    first.state = 'dead';
    const second = await next(first.id + 1);
    expect(second.request.name).toBe(first.request.name!.replace(/-1$/, '-2'));
    succeed(second);
    expect((await user.ended(runId)).state).toBe('SUCCESS');

    const [killedRun, killed] = await submitted({}, twice);
    killed.run();
    killed.state = 'killed';
    expect((await user.ended(killedRun)).error).toMatchObject({
      type: 'SparkFailed',
      message: expect.stringContaining(`batch ${killed.id} (${killed.appId}) ended killed`),
    });
    livy.refuses = [400, 'requirement failed: Local path /etc/passwd cannot be added to user sessions.'];
    expect((await user.ended(await start({}, twice))).error).toMatchObject({
      type: 'SparkFailed',
      message: expect.stringContaining('cannot be added to user sessions'),
    });
  });

  it('is killed when the run is cancelled, and when it takes too long', async () => {
    const [runId, batch] = await submitted();
    batch.run();
    expectStatus(await tauro.api.post(`${V1}/runs/${runId}/cancel`), 202);
    expect((await user.ended(runId)).state).toBe('CANCELLED');
    await waitFor(() => livy.removed.includes(batch.id));
    const [lateRun, late] = await submitted({}, { ...ONCE, timeout_seconds: 1 });
    expect((await user.ended(lateRun)).error.type).toBe('Timeout');
    await waitFor(() => livy.removed.includes(late.id));
  });

  it('is submitted once although the answer was lost, and although Livy was away meanwhile', async () => {
    livy.dropsNext = true;
    const [runId, batch] = await submitted();
    await waitFor(async () =>
      (await user.logs(runId)).some(({ message }) => message.includes('goes on with')),
    );
    await livy.away();
    await waitFor(async () =>
      (await user.logs(runId)).some(({ message }) => message.includes('asking again')),
    );
    await livy.listen();
    succeed(batch);
    expect((await user.ended(runId)).state).toBe('SUCCESS');
    expect(livy.last).toBe(batch);
  });

  it('goes on elsewhere when its worker is killed, and is not submitted again', async () => {
    const [runId, batch] = await submitted();
    batch.run();
    batch.stdout.push('begun');
    await waitFor(async () => (await user.logs(runId)).some(({ message }) => message === 'begun'));
    await tauro.workers.at(-1)!.kill();
    await tauro.addWorker();
    await waitFor(async () =>
      (await user.logs(runId)).some(({ message }) => message.includes('goes on with')),
    );
    succeed(batch);
    expect((await user.ended(runId)).state).toBe('SUCCESS');
    expect((await user.tasks(runId)).job.output.batch_id).toBe(batch.id);
    expect(livy.last).toBe(batch);
    expect(livy.removed).not.toContain(batch.id);
  });

  it('fails when Livy has forgotten it, and leaves the rest to a person', async () => {
    const [runId, batch] = await submitted({}, { retry_policy: { max_attempts: 3 } });
    livy.batches.delete(batch.id);
    const { error } = await user.ended(runId);
    expect(error).toMatchObject({
      type: 'SparkFailed',
      message: expect.stringContaining(`Livy does not know batch ${batch.id} any more`),
    });
    expect(livy.last).toBe(batch);
  });
});
