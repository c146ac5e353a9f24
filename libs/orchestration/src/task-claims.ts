import { Injectable } from '@nestjs/common';
import { type Run, type Task } from '@tauro/database';
import { type TaskState } from '@tauro/domain';
import { Env } from '@tauro/platform';
import { type mongo } from 'mongoose';
import { Batches } from './batches.js';
import { Collections, FAST, joinedFind } from './collections.js';

/** What a worker asks for when it takes a task. */
export interface ClaimRequest {
  taskId: string;
  workerId: string;
  /** The fencing token: whatever the attempt writes later must still match it. */
  claimId: string;
  /** QUEUED for a task that a job brought, PENDING for one that follows directly on what this worker ended. */
  from: 'QUEUED' | 'PENDING';
}

/** Where an attempt begins. Concurrent tasks of a worker share the round trips. */
@Injectable()
export class TaskClaims {
  private readonly claims = new Batches<ClaimRequest, Task | null>(
    (requests) => this.claimAll(requests),
    undefined,
    () => this.db.epoch,
  );
  private readonly beginnings = new Batches<{ run: Run; stage: number }, boolean>((all) =>
    this.beginAll(all),
  );
  private readonly looks = joinedFind(() => this.db.runs, ENTERABLE);

  constructor(
    private readonly db: Collections,
    private readonly env: Env,
  ) {}

  /** `from` -> RUNNING under a lease. @returns null when there is nothing to claim any more. */
  claim(request: ClaimRequest): Promise<Task | null> {
    return this.claims.ask(request);
  }

  /** A run as far as its tasks may be executed; null when they must not. */
  look(runId: string): Promise<Run | null> {
    return this.looks.ask(runId);
  }

  /**
   * The run of a task that has just been claimed, RUNNING from its first claim on; null when it must not run.
   * @param looked what `look` said when the task was claimed.
   */
  async enter({ run_id, engine: { stage } }: Task, looked: Run | null): Promise<Run | null> {
    if (looked && stage < looked.engine.stop_below) return null;
    // Only the first claim writes: a write per claim would make all tasks of a wide run queue for one document.
    if (looked?.state !== 'QUEUED') return looked;
    if (await this.beginnings.ask({ run: looked, stage })) {
      return { ...looked, state: 'RUNNING', started_at: looked.started_at ?? new Date() };
    }
    const run = await this.looks.ask(run_id);
    return run && stage >= run.engine.stop_below ? run : null;
  }

  private async claimAll(requests: ClaimRequest[]): Promise<(Task | null)[]> {
    if (requests.length === 1) {
      const request = requests[0]!;
      const options = { ...FAST, returnDocument: 'after' } as const;
      return [await this.db.tasks.findOneAndUpdate(claimable(request), claiming(request, this.env), options)];
    }
    await this.db.tasks.bulkWrite(
      requests.map((request) => ({
        updateOne: { filter: claimable(request), update: claiming(request, this.env) },
      })),
      { ordered: false, ...FAST },
    );
    const tasks = await this.db.tasks.find({ _id: { $in: requests.map(({ taskId }) => taskId) } }).toArray();
    const byClaim = new Map(tasks.map((task) => [task.engine.claim?.id, task]));
    return requests.map(({ claimId }) => byClaim.get(claimId) ?? null);
  }

  /** @returns whether all of them are certainly RUNNING now; who was refused can only be told by another look. */
  private async beginAll(all: { run: Run; stage: number }[]): Promise<boolean[]> {
    const beginning = ({ timeout_seconds, started_at }: Run): mongo.Document => ({
      $set: {
        state: 'RUNNING',
        started_at: { $ifNull: ['$started_at', '$$NOW'] },
        ...(timeout_seconds &&
          started_at === null && {
            'engine.expire_at': {
              $min: ['$engine.expire_at', { $add: ['$$NOW', timeout_seconds * 1000] }],
            },
          }),
      },
    });
    const { matchedCount } = await this.db.runs.bulkWrite(
      all.map(({ run, stage }) => ({
        updateOne: {
          filter: { _id: run._id, ...ENTERABLE, 'engine.stop_below': { $lte: stage } },
          update: [beginning(run)],
        },
      })),
      { ordered: false, ...FAST },
    );
    return all.map(() => matchedCount === all.length);
  }
}

const ENTERABLE: mongo.Filter<Run> = { state: { $in: ['QUEUED', 'RUNNING'] } };

/** A QUEUED task without a dispatch waits for a slot; a job from an earlier dispatch must not start it. */
export const claimable = ({ taskId, from }: ClaimRequest): mongo.Filter<Task> => ({
  _id: taskId,
  state: from satisfies TaskState,
  ...(from === 'QUEUED' && { 'engine.dispatch': { $ne: null } }),
});

/** The update that claims a task. */
export function claiming({ workerId, claimId }: ClaimRequest, env: Env): mongo.Document[] {
  const lease = { $add: ['$$NOW', env.LEASE_SECONDS * 1000] };
  const attempt = { $add: ['$attempt', 1] };
  const begun = {
    attempt,
    state: 'RUNNING',
    worker_id: workerId,
    started_at: '$$NOW',
    finished_at: null,
    error: null,
  };
  return [
    {
      $set: {
        state: 'RUNNING',
        attempt,
        queued_at: { $ifNull: ['$queued_at', '$$NOW'] },
        started_at: { $ifNull: ['$started_at', '$$NOW'] },
        progress: null,
        attempts: { $concatArrays: ['$attempts', [begun]] },
        'engine.claim': { id: claimId, worker_id: workerId, lease_until: lease },
        'engine.check_at': lease,
        'engine.wake_at': null,
      },
    },
  ];
}

/** What `claiming` makes of a task that was never claimed before. */
export function claimedFirst(pending: Task, { workerId, claimId }: ClaimRequest, env: Env): Task {
  const now = new Date();
  const lease_until = new Date(now.getTime() + env.LEASE_SECONDS * 1000);
  return {
    ...pending,
    state: 'RUNNING',
    attempt: 1,
    queued_at: now,
    started_at: now,
    attempts: [
      { attempt: 1, state: 'RUNNING', worker_id: workerId, started_at: now, finished_at: null, error: null },
    ],
    engine: {
      ...pending.engine,
      claim: { id: claimId, worker_id: workerId, lease_until },
      check_at: lease_until,
    },
  };
}
