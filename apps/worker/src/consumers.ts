import { InjectQueue } from '@nestjs/bullmq';
import { Injectable, Logger } from '@nestjs/common';
import { Env, reportError } from '@tauro/platform';
import { consumerConnection, SCHEDULE_QUEUE, scheduleRepeat, TASK_QUEUE, WAKE_QUEUE } from '@tauro/queue';
import { type Job, type Queue, Worker } from 'bullmq';
import { TaskProcessor } from './processors/task.processor.js';
import { ScheduleProcessor } from './processors/schedule.processor.js';
import { WakeProcessor } from './processors/wake.processor.js';

/** Wake-ups are short and must not wait behind long tasks, so they have slots of their own. */
const WAKE_CONCURRENCY = 20;
/** Ticks share round trips: many schedules are due at the full hour. */
const SCHEDULE_CONCURRENCY = 100;

/** A job that was lost so often is dropped; the reconciler then hands its task over anew. */
const MAX_STALLS = 10;

/** How well jobs of one queue get through to this worker. */
export interface Ear {
  readonly queue: string;
  /** Whether it would take a job that waits. */
  readonly free: boolean;
  /** Jobs it has taken so far. */
  readonly taken: number;
  /** Jobs that anybody may take now. @throws when Redis is away. */
  waiting(): Promise<number>;
}

/**
 * Takes jobs off the queues. BullMQ's own repetition of stalled jobs decides nothing here: a job that comes
 * twice finds nothing to claim. It only cleans up after a worker that died.
 */
@Injectable()
export class Consumers {
  private readonly logger = new Logger(Consumers.name);
  private workers: Worker[] = [];
  private heard: Ear[] = [];

  constructor(
    private readonly env: Env,
    private readonly tasks: TaskProcessor,
    private readonly wakes: WakeProcessor,
    private readonly schedules: ScheduleProcessor,
    @InjectQueue(TASK_QUEUE) private readonly taskQueue: Queue,
    @InjectQueue(WAKE_QUEUE) private readonly wakeQueue: Queue,
    @InjectQueue(SCHEDULE_QUEUE) private readonly scheduleQueue: Queue,
  ) {}

  /** Resolves once every queue is being listened to. */
  async start(): Promise<void> {
    this.workers = [
      this.consume(this.tasks, this.taskQueue, this.env.WORKER_CONCURRENCY),
      this.consume(this.wakes, this.wakeQueue, WAKE_CONCURRENCY),
      ...(this.env.SCHEDULER_ENABLED
        ? [this.consume(this.schedules, this.scheduleQueue, SCHEDULE_CONCURRENCY)]
        : []),
    ];
    await Promise.all(this.workers.map((worker) => worker.waitUntilReady()));
  }

  /** One per queue, once it has started. */
  ears(): readonly Ear[] {
    return this.heard;
  }

  /** Stops or starts taking tasks; wake-ups, which are the engine's own work, go on. */
  async takeTasks(take: boolean): Promise<void> {
    const tasks = this.workers[0];
    if (take) await tasks?.resume();
    else await tasks?.pause(true);
  }

  /** Takes nothing new; resolves when every job in hand has ended. */
  async close(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.close()));
  }

  private consume<T>(
    processor: { queue: string; process(data: T): Promise<void> },
    queue: Queue,
    concurrency: number,
  ): Worker {
    const lease = this.env.LEASE_SECONDS * 1000;
    let taken = 0;
    let ended = 0;
    const process = (job: Job<T>): Promise<void> => {
      taken++;
      return processor.process(job.data).finally(() => ended++);
    };
    const worker = new Worker<T>(processor.queue, process, {
      connection: consumerConnection(this.env.REDIS_URL!),
      prefix: this.env.QUEUE_PREFIX,
      concurrency,
      // A worker may die between taking a job and claiming its task: that is found as soon as a lost lease.
      lockDuration: lease,
      stalledInterval: lease / 4,
      maxStalledCount: MAX_STALLS,
      removeOnComplete: { count: 0 },
      removeOnFail: { count: 0 },
      settings: { repeatStrategy: scheduleRepeat },
    });
    worker.on('error', (error) => this.logger.warn(`${processor.queue}: ${error.message}`));
    worker.on('failed', (_, error) => {
      this.logger.error(`${processor.queue}: ${error.message}`, error.stack);
      reportError(error, { queue: processor.queue });
    });
    this.heard.push({
      queue: processor.queue,
      get free() {
        return worker.isRunning() && !worker.isPaused() && taken - ended < concurrency;
      },
      get taken() {
        return taken;
      },
      waiting: async () => await queue.getJobCountByTypes('wait', 'prioritized'),
    });
    return worker;
  }
}
