import { Injectable } from '@nestjs/common';
import { type Run, type RunLogChunk, type Task } from '@tauro/database';
import { type TaskState } from '@tauro/domain';
import { Env } from '@tauro/platform';
import { type mongo } from 'mongoose';
import { Batches } from './batches.js';
import {
  Collections,
  DUPLICATE_KEY,
  FAST,
  joinedFind,
  MUST_MATCH,
  NO_MATCH,
  type OrderedWrite,
} from './collections.js';

/** What a worker asks for when it takes a task. */
export interface ClaimRequest {
  taskId: string;
  workerId: string;
  /** The fencing token: whatever the attempt writes later must still match it. */
  claimId: string;
  /** QUEUED for a task that a job brought, PENDING for one that follows directly on what this worker ended. */
  from: 'QUEUED' | 'PENDING';
}

/** The end of an attempt: what is written in this order, each step only if all before it were. */
export interface AttemptEnd {
  /** The last lines of its log. */
  chunk?: RunLogChunk;
  taskId: string;
  /** Must still hold. */
  claimId: string;
  set: Record<string, unknown>;
  /** Leaves the task as if the attempt had never been claimed. */
  unbegun?: boolean;
  /** A task that this worker goes on with. */
  next?: Continuation;
}

/** A claim on a task that has become ready by the end of another, of which this process knows everything already. */
export interface Continuation {
  request: ClaimRequest;
  /** As it must be stored for the claim. */
  pending: Task;
  run: Run;
  /** In which it was found ready; in a later one it is not claimed. */
  epoch: number;
}

/** What became of an `AttemptEnd`. */
export interface AttemptEnded {
  /** Whether the lines were stored; if not, another process has taken their place in the log, and nothing was done. */
  logged: boolean;
  /** Whether the claim still held; if not, nothing else was done. */
  settled: boolean;
  /** The next task, if it was claimed. */
  next: Task | null;
  /** Whether its run is under way, as it was right after the claim. */
  goesOn: boolean;
  fault?: Error;
}

type Step = 'log' | 'settle' | 'claim' | 'look';

/** With what the database refuses a step for which the attempt is to blame, not the database. */
const REFUSALS: Partial<Record<Step, number>> = { log: DUPLICATE_KEY, settle: NO_MATCH };

/** Ends of attempts that are stored together; the log of each may have megabytes. */
const MOST_ENDS = 50;

/** Where an attempt begins and where it ends. Concurrent tasks of a worker share the round trips. */
@Injectable()
export class TaskClaims {
  private readonly claims = new Batches<ClaimRequest, Task | null>(
    (requests) => this.claimAll(requests),
    undefined,
    () => this.db.epoch,
  );
  private readonly ends = new Batches<AttemptEnd, AttemptEnded>((all) => this.endAll(all), MOST_ENDS);
  private readonly beginnings = new Batches<{ run: Run; stage: number }, void>((all) => this.beginAll(all));
  private readonly looks = joinedFind(() => this.db.runs, ENTERABLE);

  constructor(
    private readonly db: Collections,
    private readonly env: Env,
  ) {}

  /** `from` -> RUNNING under a lease. @returns null when there is nothing to claim any more. */
  claim(request: ClaimRequest): Promise<Task | null> {
    return this.claims.ask(request);
  }

  /** Ends an attempt, in one round trip whatever belongs to it. @throws what the database refused it for. */
  async end(end: AttemptEnd): Promise<AttemptEnded> {
    const ended = await this.ends.ask(end);
    if (ended.fault) throw ended.fault;
    return ended;
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
    await this.beginnings.ask({ run: looked, stage });
    const run = await this.looks.ask(run_id);
    return run && stage >= run.engine.stop_below ? run : null;
  }

  private async claimAll(requests: ClaimRequest[]): Promise<(Task | null)[]> {
    if (requests.length === 1) {
      const request = requests[0]!;
      const options = { ...FAST, returnDocument: 'after' } as const;
      return [await this.db.tasks.findOneAndUpdate(claimable(request), this.claimed(request), options)];
    }
    await this.db.tasks.bulkWrite(
      requests.map((request) => ({
        updateOne: { filter: claimable(request), update: this.claimed(request) },
      })),
      { ordered: false, ...FAST },
    );
    const tasks = await this.db.tasks.find({ _id: { $in: requests.map(({ taskId }) => taskId) } }).toArray();
    const byClaim = new Map(tasks.map((task) => [task.engine.claim?.id, task]));
    return requests.map(({ claimId }) => byClaim.get(claimId) ?? null);
  }

  private claimed({ workerId, claimId }: ClaimRequest): mongo.Document[] {
    const lease = { $add: ['$$NOW', this.env.LEASE_SECONDS * 1000] };
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

  private async beginAll(all: { run: Run; stage: number }[]): Promise<void[]> {
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
    await this.db.runs.bulkWrite(
      all.map(({ run, stage }) => ({
        updateOne: {
          filter: { _id: run._id, ...ENTERABLE, 'engine.stop_below': { $lte: stage } },
          update: [beginning(run)],
        },
      })),
      { ordered: false, ...FAST },
    );
    return all.map(() => undefined);
  }

  private async endAll(all: AttemptEnd[]): Promise<AttemptEnded[]> {
    const answers: AttemptEnded[] = [];
    // A write that fails is the last of its request, so the attempts behind it are sent again without it.
    while (answers.length < all.length) {
      const writes: OrderedWrite[] = [];
      const sent = all.slice(answers.length).map((end) => {
        const steps = [...this.steps(end)];
        const first = writes.push(...steps.map(([, write]) => write)) - steps.length;
        return { end, first, steps: steps.map(([step]) => step) };
      });
      const { updates, failed } = await this.db.inOrder(writes);
      for (const { end, first, steps } of sent) {
        const at = failed ? failed.at - first : Infinity;
        if (at < 0) break;
        const done = new Set(
          steps.filter((step, i) => i < at && (step === 'log' || updates.get(first + i)!.matchedCount > 0)),
        );
        const refused = steps[at];
        const expected = refused === undefined || failed?.code === REFUSALS[refused];
        answers.push({
          logged: done.has('log'),
          settled: done.has('settle'),
          next: end.next && done.has('claim') ? this.begun(end.next) : null,
          goesOn: done.has('look'),
          ...(!expected && { fault: failed!.error }),
        });
        if (refused) break;
      }
    }
    return answers;
  }

  private *steps(end: AttemptEnd): Generator<[Step, OrderedWrite]> {
    const { chunk, taskId, claimId, set, unbegun } = end;
    const next = end.next?.epoch === this.db.epoch ? end.next : undefined;
    if (chunk) yield ['log', { name: 'insertOne', namespace: this.db.logs.namespace, document: chunk }];
    yield [
      'settle',
      {
        name: 'updateOne',
        namespace: this.db.tasks.namespace,
        filter: { _id: taskId, state: 'RUNNING', 'engine.claim.id': claimId },
        update: {
          $set: { ...set, 'engine.claim': null, 'engine.settled': claimId } as object,
          ...(unbegun && { $inc: { attempt: -1 }, $pop: { attempts: 1 } }),
          ...(next && { $setOnInsert: MUST_MATCH.onInsert }),
        },
        upsert: next !== undefined,
      },
    ];
    if (!next) return;
    const { request, pending, run } = next;
    const { attempt, max_attempts } = pending;
    yield [
      'claim',
      {
        name: 'updateOne',
        namespace: this.db.tasks.namespace,
        filter: { ...claimable(request), attempt, max_attempts },
        update: this.claimed(request),
      },
    ];
    // Changes nothing, and so costs no more than a look; it comes after the claim, as any look at the run must.
    yield [
      'look',
      {
        name: 'updateOne',
        namespace: this.db.runs.namespace,
        filter: { _id: run._id, state: 'RUNNING', 'engine.stop_below': { $lte: pending.engine.stage } },
        update: { $set: { state: 'RUNNING' } },
      },
    ];
  }

  /** The task as `claimed` has left it. */
  private begun({ request: { workerId, claimId }, pending }: Continuation): Task {
    const now = new Date();
    const lease = new Date(now.getTime() + this.env.LEASE_SECONDS * 1000);
    const attempt = pending.attempt + 1;
    return {
      ...pending,
      state: 'RUNNING',
      attempt,
      queued_at: now,
      started_at: now,
      attempts: [
        { attempt, state: 'RUNNING', worker_id: workerId, started_at: now, finished_at: null, error: null },
      ],
      engine: {
        ...pending.engine,
        claim: { id: claimId, worker_id: workerId, lease_until: lease },
        check_at: lease,
      },
    };
  }
}

const ENTERABLE: mongo.Filter<Run> = { state: { $in: ['QUEUED', 'RUNNING'] } };

/** A QUEUED task without a dispatch waits for a slot; a job from an earlier dispatch must not start it. */
const claimable = ({ taskId, from }: ClaimRequest): mongo.Filter<Task> => ({
  _id: taskId,
  state: from satisfies TaskState,
  ...(from === 'QUEUED' && { 'engine.dispatch': { $ne: null } }),
});
