import { type JobsOptions, type RedisOptions } from 'bullmq';

/** Tasks that are ready to be executed. One job is one dispatch of one task. */
export const TASK_QUEUE = 'tasks';
/** Delayed jobs: a retry that is due, a `wait` node that is over. */
export const WAKE_QUEUE = 'wakes';

/** Alarms of schedules: a job scheduler each. */
export const SCHEDULE_QUEUE = 'schedules';

/** Something may be due of a schedule, or to be done of a backfill. */
export type ScheduleJob =
  | {
      schedule_id: string;
      /** It is the schedule's alarm, not a wake-up besides. */
      alarm?: true;
    }
  | { backfill_id: string };

export interface TaskJob {
  run_id: string;
  task_id: string;
  /** The `task` handler that is needed, so that a worker without it need not claim the task to find out. */
  handler?: string;
  /** Tags the worker must offer, likewise. */
  requires?: string[];
}

/**
 * Wakes a sleeping task, looks at the queue of a pool whose rate limit had closed it, sends a notification, or makes the
 * run that an event of a trigger wants.
 */
export type WakeJob =
  | { run_id: string; task_id: string }
  | { pool: string }
  | { notification: string }
  | { trigger_event: string };

/**
 * A job carries, it does not remember: it is removed when it ended, however it ended (a kept failed job would
 * make adding its id again a silent no-op), and it is never repeated by BullMQ, because attempts are counted in
 * MongoDB.
 */
export const JOB_OPTIONS: JobsOptions = { removeOnComplete: true, removeOnFail: true, attempts: 1 };

/** The id of a dispatch's job; a task gets a fresh `dispatch` each time it is handed over. */
export const jobId = (taskId: string, dispatch: string): string => `${taskId}-${dispatch}`;

/**
 * BullMQ ranks 1 first and wants positive numbers, a node's priority is -100..100 with the highest first. Every job
 * gets one, also for the common priority 0: those without are taken before all others, however important.
 */
export const jobPriority = (priority: number): number => Math.max(1, 1000 - priority);

/**
 * How long a connection with a command under way may be silent before it is made anew, in ms. A firewall or a machine
 * that vanished drops a connection without a word, and TCP itself would notice only after a quarter of an hour. Whoever
 * takes jobs lets Redis think for up to 10 s (BullMQ's longest wait for a job), so that one is longer.
 */
export const SILENCE_MS = { command: 5000, blocking: 15_000 } as const;

/**
 * Connection for whoever adds jobs: a command fails at once while Redis is away instead of waiting in memory,
 * because the state is already in MongoDB and the reconciler will hand the task over later.
 */
export const producerConnection = (url: string): RedisOptions => ({
  url,
  enableOfflineQueue: false,
  maxRetriesPerRequest: 1,
  commandTimeout: 2000,
  socketTimeout: SILENCE_MS.command,
  retryStrategy: (times: number) => Math.min(100 * times, 2000),
});

/** Connection for whoever takes jobs: it waits for Redis for ever. */
export const consumerConnection = (url: string): RedisOptions => ({
  url,
  maxRetriesPerRequest: null,
  socketTimeout: SILENCE_MS.blocking,
  retryStrategy: (times: number) => Math.min(100 * times, 2000),
});
