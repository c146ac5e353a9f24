import { Queue } from 'bullmq';
import { join } from 'node:path';
import { SentryReceiver, type SentryEvent } from '../support/sentry-receiver.js';
import { ROOT } from '../support/server-process.js';
import { Tauro } from '../support/tauro.js';
import { User } from '../support/user.js';
import { waitFor } from '../support/wait-for.js';

describe('an error that nobody foresaw', () => {
  let tauro: Tauro;
  let user: User;
  let sentry: SentryReceiver;

  beforeAll(async () => {
    sentry = await SentryReceiver.start();
    const preload = join(ROOT, 'test/support/crash-on-signal.cjs');
    tauro = await Tauro.start({ env: { SENTRY_DSN: sentry.dsn, NODE_OPTIONS: `--require ${preload}` } });
    user = new User(tauro.api);
  });
  afterAll(async () => {
    await tauro?.stop();
    await sentry?.stop();
  });

  const reported = (test: (event: SentryEvent) => boolean): Promise<SentryEvent> =>
    waitFor(() => sentry.events.find(test), { what: 'the report' });

  it('of a request is reported once, with its id and without what was sent', async () => {
    const project = await user.project();
    const pipeline = await user.pipeline(project, [{ id: 'n', type: 'wait', config: { seconds: 0 } }]);
    // As if something had written past the application.
    const _id = pipeline.id as never;
    await tauro.database.collection('pipelines').updateOne({ _id }, { $unset: { definition: 1 } });
    await tauro.database.collection('pipeline_versions').updateMany({}, { $unset: { definition: 1 } });
    const path = `/api/v1/pipelines/${pipeline.id}/dag`;
    const headers = { 'x-request-id': 'req_of_this_test', authorization: 'Bearer abcdefgh12345678' };
    for (let i = 0; i < 3; i++) expect((await tauro.api.get(path, headers)).status).toBe(500);

    const event = await reported(({ tags }) => tags.process === 'api');
    expect(event.tags).toMatchObject({
      request_id: 'req_of_this_test',
      route: expect.stringMatching(/dag$/),
    });
    expect(event.release).toMatch(/^tauro@/);
    expect(event.exception.values[0]).toMatchObject({ type: 'TypeError' });
    expect(event.exception.values[0]!.stacktrace.frames.at(-1)!.filename).toMatch(/\.(js|ts)$/);
    expect([event.request, event.user]).toEqual([undefined, undefined]);
    expect(sentry.events).toHaveLength(1);
    expect(sentry.text).not.toContain('abcdefgh12345678');
  });

  it('of a worker is reported, and what a node fails with is not', async () => {
    const runId = await user.startNew([
      { id: 'n', type: 'task', config: { handler: 'no_such_thing' }, timeout_seconds: 1 },
      {
        id: 'm',
        type: 'http',
        config: { url: 'http://127.0.0.1:9/refused' },
        retry_policy: { max_attempts: 1 },
      },
    ]);
    await user.runWhen(runId, ({ progress }) => progress.failed_tasks > 0);
    const { QUEUE_PREFIX: prefix, REDIS_URL: url } = tauro.env;
    const queue = new Queue('tasks', { prefix, connection: { url } });
    await queue.add('task', null);
    const event = await reported(({ tags }) => tags.process === 'worker');
    await queue.close();
    expect(event.tags).toMatchObject({ queue: 'tasks' });
    expect(sentry.events.filter(({ tags }) => tags.process === 'worker')).toHaveLength(1);
  });

  it('that ends a process is reported before it is gone, without secrets', async () => {
    const [worker] = tauro.workers;
    process.kill(worker!.pid!, 'SIGUSR2');
    const event = await reported(({ tags }) => tags.crash === 'true');
    expect(event.exception.values[0]!.value).toContain('nobody foresaw');
    await waitFor(() => !worker!.running, { what: 'the worker to end' });
    expect(worker!.ending).toContain('1');
    expect(worker!.logs()).toContain('nobody foresaw');
  });
});
