import { Queue, QueueEvents } from 'bullmq';
import { randomUUID } from 'node:crypto';
import { reexecutions } from '../history/measures.js';
import { Load } from '../load.js';
import { QUICK, type Scenario, seconds, unless, unproven } from '../scenario.js';
import { type Setting, type Stage } from '../stage.js';

interface Params extends Setting {
  runs: number;
  overMs: number;
  taskSeconds: number;
}

const QUEUES = ['tasks', 'wakes'];

/** Whoever listens here puts a copy of every job beside it: everything is delivered at least twice. */
class Duplicator {
  copies = 0;
  private readonly copied = new Set<string>();
  private readonly closing: { close(): Promise<void> }[] = [];

  static async on(stage: Stage): Promise<Duplicator> {
    const duplicator = new Duplicator();
    const { REDIS_URL, QUEUE_PREFIX: prefix } = stage.tauro.env;
    const connection = { url: REDIS_URL!, maxRetriesPerRequest: null };
    for (const name of QUEUES) {
      const queue = new Queue(name, { connection, prefix });
      const events = new QueueEvents(name, { connection, prefix });
      // The id of a job begins with its task's; what a job carries can be told from that alone.
      events.on('added', ({ jobId, name: job }) => duplicator.copy(queue, job, jobId));
      await events.waitUntilReady();
      duplicator.closing.push(queue, events);
    }
    return duplicator;
  }

  async close(): Promise<void> {
    await Promise.all(this.closing.map((one) => one.close()));
  }

  private copy(queue: Queue, name: string, jobId: string): void {
    const taskId = jobId.split('-', 1)[0]!;
    if (this.copied.has(jobId)) return;
    const copyId = `${taskId}-${randomUUID()}`;
    this.copied.add(copyId);
    this.copies++;
    const data = { run_id: `run_${taskId.slice(5, -4)}`, task_id: taskId };
    void queue.add(name, data, { jobId: copyId, removeOnComplete: true, removeOnFail: true });
  }
}

/** Every job is delivered twice: once by the engine, once by a stranger who copies what he sees. */
export const doubleDelivery: Scenario<Params> = {
  name: 'double-delivery',
  full: { workers: 2, runs: 200, overMs: 60_000, taskSeconds: 0.1, timed: true },
  short: { workers: 2, runs: 6, overMs: 2000, taskSeconds: 0.1, env: QUICK },

  async perform(stage, { runs, overMs, taskSeconds, timed }) {
    const load = await Load.prepare(stage, taskSeconds);
    const duplicator = await Duplicator.on(stage);
    await load.submit(runs, overMs);
    const drain = await stage.drained(180_000);
    await duplicator.close();
    const again = reexecutions(await stage.history());
    const jobs = duplicator.copies;
    return {
      did: 'every job delivered twice',
      measured: { 'jobs doubled': jobs, 're-executions': again, drain: seconds(drain) },
      broken: [
        ...unproven(jobs >= runs, `only ${jobs} jobs were doubled`),
        ...unless(!timed || again === 0, `${again} tasks were executed twice`),
      ],
    };
  },
};
