import { Injectable } from '@nestjs/common';
import { type Run, type Task } from '@tauro/database';
import { type TaskState } from '@tauro/domain';
import { Env } from '@tauro/platform';
import { type mongo } from 'mongoose';
import { Batches } from './batches.js';
import { Collections, joinedFind, type OrderedWrite } from './collections.js';

/** What a worker asks for when it takes a task. */
export interface ClaimRequest {
  taskId: string;
  runId: string;
  workerId: string;
  /** The fencing token: whatever the attempt writes later must still match it. */
  claimId: string;
  /** QUEUED for a task that a job brought, PENDING for one that follows directly on what this worker ended. */
  from: 'QUEUED' | 'PENDING';
}

/** What came of it. */
export interface Claim {
  task: Task;
  /** RUNNING from its first claim on; null when its tasks must not be executed. */
  run: Run | null;
  /** Whether it may be the first claim of the run. */
  begins: boolean;
}

/** A request whose task was found as it wants it. */
interface Found {
  request: ClaimRequest;
  task: Task;
  run: Run | null;
}

/**
 * Where an attempt begins: one look at the task and its run, then one request that claims the task and looks at the run
 * again, which it begins if it is the first. Concurrent tasks of a worker share both.
 */
@Injectable()
export class TaskClaims {
  private readonly claims = new Batches<ClaimRequest, Claim | null>(
    (requests) => this.claimAll(requests),
    undefined,
    () => this.db.epoch,
  );
  private readonly looks = joinedFind(() => this.db.runs, ENTERABLE);

  constructor(
    private readonly db: Collections,
    private readonly env: Env,
  ) {}

  /** `from` -> RUNNING under a lease. @returns null when there is nothing to claim any more. */
  claim(request: ClaimRequest): Promise<Claim | null> {
    return this.claims.ask(request);
  }

  private async claimAll(requests: ClaimRequest[]): Promise<(Claim | null)[]> {
    const { epoch } = this.db;
    const all = await this.find(requests);
    this.db.assertEpoch(epoch);
    const found = all.filter((one) => one !== null);
    if (found.length === 0) return all.map(() => null);
    // One look at a run is enough for all of its tasks.
    const entries = new Map(found.flatMap((one) => (one.run ? [[entryKey(one), one.run] as const] : [])));
    const { updates, failed } = await this.db.inOrder([
      ...found.map((one) => this.claiming(one)),
      ...[...entries].map(([key, run]) => this.entering(run, Number(key.split(' ')[1]))),
    ]);
    if (failed) throw failed.error;
    const entered = new Set(
      [...entries.keys()].filter((_, i) => updates.get(found.length + i)?.matchedCount),
    );
    const claims = new Map<ClaimRequest, Promise<Claim>>();
    found.forEach((one, i) => {
      if (updates.get(i)?.matchedCount)
        claims.set(one.request, this.claimOf(one, entered.has(entryKey(one))));
    });
    return Promise.all(requests.map(async (request) => (await claims.get(request)) ?? null));
  }

  /** Of each what can be claimed by now, and its run as far as its tasks may be executed. */
  private async find(requests: ClaimRequest[]): Promise<(Found | null)[]> {
    const ofRuns = { _id: { $in: [...new Set(requests.map(({ runId }) => runId))] }, ...ENTERABLE };
    const stored = this.db.tasks.aggregate<Task | Run>([
      { $match: { _id: { $in: requests.map(({ taskId }) => taskId) } } },
      { $unionWith: { coll: this.db.runs.collectionName, pipeline: [{ $match: ofRuns }] } },
    ]);
    const byId = new Map((await stored.toArray()).map((one) => [one._id, one]));
    return requests.map((request) => {
      const task = byId.get(request.taskId) as Task | undefined;
      if (task?.state !== request.from) return null;
      if (request.from === 'QUEUED' && task.engine.dispatch === null) return null;
      const run = byId.get(request.runId) as Run | undefined;
      return { request, task, run: run && task.engine.stage >= run.engine.stop_below ? run : null };
    });
  }

  /** Matches the task as it was found. */
  private claiming({ request, task: { attempt, max_attempts, engine } }: Found): OrderedWrite {
    const { dispatch } = engine;
    return {
      name: 'updateOne',
      namespace: this.db.tasks.namespace,
      filter: { ...claimable(request), attempt, max_attempts, 'engine.dispatch': dispatch },
      update: claiming(request, this.env),
    };
  }

  /** Only the first claim changes the run: a write per claim would make all tasks of a wide run queue for one document. */
  private entering({ _id, state, started_at, timeout_seconds }: Run, stage: number): OrderedWrite {
    const { name, namespace } = { name: 'updateOne', namespace: this.db.runs.namespace } as const;
    if (state === 'RUNNING') return { name, namespace, ...lookAt(_id, stage) };
    const timed = timeout_seconds && started_at === null;
    const expire_at = { $min: ['$engine.expire_at', { $add: ['$$NOW', (timeout_seconds ?? 0) * 1000] }] };
    const begun = {
      state: 'RUNNING',
      started_at: { $ifNull: ['$started_at', '$$NOW'] },
      ...(timed && { 'engine.expire_at': expire_at }),
    };
    const filter = { _id, ...ENTERABLE, 'engine.stop_below': { $lte: stage } };
    return { name, namespace, filter, update: [{ $set: begun }] };
  }

  private async claimOf({ request, task, run }: Found, entered: boolean): Promise<Claim> {
    const claim = { task: claimed(task, request, this.env), begins: run?.state === 'QUEUED' };
    if (!run) return { ...claim, run: null };
    if (entered) {
      return { ...claim, run: { ...run, state: 'RUNNING', started_at: run.started_at ?? new Date() } };
    }
    // What has happened to it since is told by another look.
    const now = await this.looks.ask(run._id);
    return { ...claim, run: now && task.engine.stage >= now.engine.stop_below ? now : null };
  }
}

const entryKey = ({ task, run }: Found): string => `${run?._id} ${task.engine.stage}`;

/** Matches a run that is under way and whose tasks of a stage may be executed; changes nothing, and so costs no more than a look. */
export const lookAt = (_id: string, stage: number) => ({
  filter: { _id, state: 'RUNNING', 'engine.stop_below': { $lte: stage } } as const,
  update: { $set: { state: 'RUNNING' } } as const,
});

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

/** What `claiming` makes of a task. */
export function claimed(task: Task, { workerId, claimId }: ClaimRequest, env: Env): Task {
  const now = new Date();
  const lease_until = new Date(now.getTime() + env.LEASE_SECONDS * 1000);
  const attempt = task.attempt + 1;
  const begun = { attempt, state: 'RUNNING', worker_id: workerId, started_at: now } as const;
  return {
    ...task,
    state: 'RUNNING',
    attempt,
    queued_at: task.queued_at ?? now,
    started_at: task.started_at ?? now,
    progress: null,
    attempts: [...task.attempts, { ...begun, finished_at: null, error: null }],
    engine: {
      ...task.engine,
      claim: { id: claimId, worker_id: workerId, lease_until },
      check_at: lease_until,
      wake_at: null,
    },
  };
}
