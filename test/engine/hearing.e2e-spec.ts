import { loadEnv } from '@tauro/platform';
import { TASK_QUEUE, WAKE_QUEUE } from '@tauro/queue';
import { Queue } from 'bullmq';
import { randomBytes } from 'node:crypto';
import { Consumers } from '../../apps/worker/src/consumers.js';
import { Hearing } from '../../apps/worker/src/hearing.js';
import { type TaskProcessor } from '../../apps/worker/src/processors/task.processor.js';
import { type ScheduleProcessor } from '../../apps/worker/src/processors/schedule.processor.js';
import { type WakeProcessor } from '../../apps/worker/src/processors/wake.processor.js';
import { Cable } from '../support/cable.js';
import { waitFor } from '../support/wait-for.js';

/** Seconds until a worker is taken for deaf; far less than its connection needs to notice by itself. */
const DEAF = 0.9;
/** Enough for two verdicts. */
const LOOKS = 15;

describe('a worker that listens to its queues', () => {
  let line: Cable;
  let tasks: Queue;
  let wakes: Queue;
  let consumers: Consumers;
  let hearing: Hearing;
  let asked: jest.SpyInstance;
  let verdict: string | undefined;
  let done: number;
  let work: () => Promise<void>;

  beforeEach(async () => {
    line = await Cable.to(process.env.TEST_REDIS_URL!);
    const prefix = `tauro_test_${randomBytes(6).toString('hex')}`;
    const env = {
      ...loadEnv([], {
        REDIS_URL: line.url,
        QUEUE_PREFIX: prefix,
        WORKER_CONCURRENCY: '2',
        SCHEDULER_ENABLED: 'false',
        LOG_FILE: 'none',
      }),
      DEAF_SECONDS: DEAF,
    };
    // The look at the queue goes over a connection of its own, as in the worker.
    const connection = { url: process.env.TEST_REDIS_URL! };
    tasks = new Queue(TASK_QUEUE, { connection, prefix });
    wakes = new Queue(WAKE_QUEUE, { connection, prefix });
    asked = jest.spyOn(wakes, 'getJobCountByTypes');
    done = 0;
    verdict = undefined;
    work = () => Promise.resolve();
    const task = { queue: TASK_QUEUE, process: () => work().then(() => void done++) };
    const wake = { queue: WAKE_QUEUE, process: () => Promise.resolve() };
    consumers = new Consumers(
      env,
      task as unknown as TaskProcessor,
      wake as unknown as WakeProcessor,
      undefined as unknown as ScheduleProcessor,
      tasks,
      wakes,
      wakes,
    );
    await consumers.start();
    hearing = new Hearing(env, consumers);
    hearing.start((why) => (verdict = why));
    await add(1);
    await waitFor(() => done === 1, { what: 'the first job' });
  });
  afterEach(async () => {
    hearing.stop();
    line.pull();
    line.plug();
    // Whoever is deaf cannot leave before it hears again.
    await consumers.close();
    await Promise.all([tasks.obliterate({ force: true }), wakes.obliterate({ force: true })]);
    await Promise.all([tasks.close(), wakes.close()]);
    await line.close();
  });

  const add = (jobs: number): Promise<unknown> =>
    tasks.addBulk(Array.from({ length: jobs }, () => ({ name: 'run', data: {}, opts: { priority: 1000 } })));
  const looks = async (): Promise<void> => {
    const from = asked.mock.calls.length;
    await waitFor(() => asked.mock.calls.length >= from + LOOKS, { what: `${LOOKS} looks` });
  };

  it('is deaf when jobs wait, slots are free and its connection went silent', async () => {
    line.stall();
    await add(3);
    await waitFor(() => !hearing.well, { what: 'the doubt' });
    expect(verdict).toBeUndefined();
    await waitFor(() => verdict, { what: 'the verdict' });
    expect(done).toBe(1);
  });

  it('is not deaf while nothing waits', async () => {
    await looks();
    expect([verdict, hearing.well]).toEqual([undefined, true]);
  });

  it('is not deaf while all its slots are taken', async () => {
    let finish: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (finish = resolve));
    work = () => held;
    await add(5);
    await looks();
    expect([verdict, hearing.well, await tasks.getJobCountByTypes('prioritized')]).toEqual([
      undefined,
      true,
      3,
    ]);
    finish();
    await waitFor(() => done === 6, { what: 'the rest' });
  });

  it('is not deaf while it drains, and hears again afterwards', async () => {
    await consumers.takeTasks(false);
    await add(2);
    await looks();
    expect([verdict, hearing.well]).toEqual([undefined, true]);
    await consumers.takeTasks(true);
    await waitFor(() => done === 3, { what: 'what waited' });
  });

  it('is not deaf while it takes one job after the other and others wait all the time', async () => {
    work = async () => void (await add(1));
    await add(20);
    await looks();
    work = () => Promise.resolve();
    expect([verdict, hearing.well]).toEqual([undefined, true]);
    expect(done).toBeGreaterThan(LOOKS);
  });

  it('is not deaf while nobody can say whether jobs wait', async () => {
    jest.spyOn(tasks, 'getJobCountByTypes').mockRejectedValue(new Error('Redis is away'));
    line.stall();
    await add(1);
    await looks();
    expect([verdict, hearing.well]).toEqual([undefined, true]);
  });
});
