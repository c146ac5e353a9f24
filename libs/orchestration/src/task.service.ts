import { Injectable, Logger } from '@nestjs/common';
import { type Failure, type QualityResult, type Run, type Task } from '@tauro/database';
import {
  isStopped,
  isTerminalRun,
  type Json,
  type NodeDefinition,
  type TableRef,
  taskId,
  taskLabel,
  type TaskState,
} from '@tauro/domain';
import { Env } from '@tauro/platform';
import { randomUUID } from 'node:crypto';
import { Advancer } from './advancer.js';
import { Collections, FAST } from './collections.js';
import { Dispatcher } from './dispatcher.js';
import { MappingService } from './mapping.service.js';
import { type PinnedVersion, PinnedVersions } from './pinned-versions.js';
import { qualityOf } from './quality-results.js';
import { RunEnd } from './run-end.js';
import { subjectOf } from './run-trace.js';
import { RunLogWriter } from './run-log.writer.js';
import { SubRunService } from './sub-run.service.js';
import { WaitService } from './wait.service.js';
import { TaskSlots } from './slots/task-slots.js';
import { attemptEnd, type Outcome, type Settlement, settlementOf } from './settlement.js';
import { AttemptEnds, type AttemptEnded, type Continuation } from './attempt-ends.js';
import { type ClaimRequest, TaskClaims } from './task-claims.js';
import { type NodeOutcome, NodeOutcomes } from './node-outcomes.js';
import { pendingTask } from './new-task.js';

/** A task in a worker's hands: everything it needs to execute one attempt. */
export interface ClaimedTask {
  claimId: string;
  task: Task;
  run: Run;
  node: NodeDefinition;
  version: PinnedVersion;
}

/** A task may lose this many workers before it is taken for what kills them. */
export const MAX_LOSSES = 3;
/** When the reconciler acts for a wake-up or a follow-up that did not come. */
const FOLLOW_UP_MS = 5000;
/** Pause before a job that the wrong worker got is offered again. */
const PASS_ON_MS = 1000;

/**
 * The life of a task once it is QUEUED: a worker claims it, executes it elsewhere, and settles the attempt.
 * Each step is one guarded write; the claim's random id is what later writes of the attempt must still match,
 * so that a worker which was given up cannot overwrite the one that took its place.
 */
@Injectable()
export class TaskService {
  private readonly logger = new Logger(TaskService.name);
  /** Attempts of which the log says already how they ended. */
  private readonly said = new WeakSet<ClaimedTask>();

  constructor(
    private readonly db: Collections,
    private readonly env: Env,
    private readonly versions: PinnedVersions,
    private readonly claims: TaskClaims,
    private readonly ends: AttemptEnds,
    private readonly dispatcher: Dispatcher,
    private readonly advancer: Advancer,
    private readonly outcomes: NodeOutcomes,
    private readonly runEnd: RunEnd,
    private readonly mapping: MappingService,
    private readonly logs: RunLogWriter,
    private readonly waits: WaitService,
    private readonly subRuns: SubRunService,
    private readonly slots: TaskSlots,
  ) {}

  /** QUEUED -> RUNNING for this worker. @returns null when there is nothing to claim any more. */
  claim(taskId: string, runId: string, workerId: string): Promise<ClaimedTask | null> {
    return this.take({ taskId, runId, workerId, claimId: randomUUID(), from: 'QUEUED' });
  }

  /**
   * Ends an attempt. The attempt's log lines are stored before its state is, so whoever sees the state can
   * read the whole story.
   * @returns false when the claim was lost: somebody else owns the task, and nothing was changed.
   */
  async settle(claimed: ClaimedTask, outcome: Outcome): Promise<boolean> {
    return (await this.end(claimed, outcome)).accepted;
  }

  /**
   * Ends an attempt and goes straight on with a node that it made ready, without the detour over the queue.
   * @param accepts whether this worker can execute a node, and may do so now.
   * @returns the next task, claimed; null when there is none for this worker.
   */
  async settleAndContinue(
    claimed: ClaimedTask,
    outcome: Outcome,
    accepts: (node: NodeDefinition) => boolean,
  ): Promise<ClaimedTask | null> {
    return (await this.end(claimed, outcome, accepts)).next;
  }

  /** Gives a claimed task back unexecuted, for a worker that is leaving. It costs the task no attempt. */
  async handBack(claimed: ClaimedTask): Promise<void> {
    await this.requeueLost(claimed.task, claimed.claimId, 'its worker was stopped', false);
  }

  /**
   * RUNNING -> QUEUED for a task whose worker went away, or FAILED when it lost too many.
   * @param counts whether this loss counts against the bound.
   */
  async requeueLost(task: Task, claimId: string, why: string, counts = true): Promise<void> {
    const losses = task.engine.losses + (counts ? 1 : 0);
    const run = await this.db.runs.findOne({ _id: task.run_id });
    if (!run) return;
    const error: Failure = { type: 'WorkerLost', message: `attempt ${task.attempt} was lost: ${why}` };
    const origin = { task_id: task._id, node_id: task.node_id, attempt: task.attempt };
    const lost = { attempt: 'LOST' as const, error };
    let state: TaskState;
    if (isStopped(run, task)) {
      state = 'CANCELLED';
      if (!(await this.settleUnlogged(task, claimId, { state, ...lost, set: {} }))) return;
    } else if (losses > MAX_LOSSES) {
      state = 'FAILED';
      error.message += `; it lost ${losses} workers and is not tried again`;
      if (
        !(await this.settleUnlogged(task, claimId, {
          state,
          ...lost,
          set: { error, 'engine.losses': losses },
        }))
      )
        return;
    } else {
      state = 'QUEUED';
      const set = { 'engine.losses': losses, 'engine.dispatch': null };
      if (!(await this.settleUnlogged(task, claimId, { state, ...lost, set }))) return;
    }
    this.logs.append(
      run._id,
      origin,
      state === 'QUEUED' ? 'WARNING' : 'ERROR',
      `task ${taskLabel(task)}: ${error.message}`,
    );
    await this.logs.flush(run._id);
    if (state !== 'QUEUED') {
      await this.afterwards(run, { ...task, state });
      return;
    }
    const free = await this.slots.leave(run, task);
    await this.dispatcher.handOver(run, [task]);
    await this.slots.fill(free);
  }

  /** A worker without the needed handler or tags got the job: another gets it soon, or it waits for one to come. */
  async passOn(id: string): Promise<void> {
    const task = await this.db.tasks.findOne({ _id: id, state: 'QUEUED' });
    const run = task && (await this.db.runs.findOne({ _id: task.run_id }));
    if (task && run) await this.dispatcher.dispatchQueued(run, [task], PASS_ON_MS);
  }

  /** A sleeping task whose time has come: RETRYING goes back to the queue, WAITING ends. */
  async wake(id: string): Promise<void> {
    const task = await this.db.tasks.findOne({ _id: id, state: { $in: ['RETRYING', 'WAITING'] } });
    if (!task) return;
    if (task.state === 'WAITING' && (task.engine.expanded !== undefined || task.sub_run_id)) {
      return this.lookAt(task);
    }
    if (!task.engine.wake_at || task.engine.wake_at.getTime() > Date.now()) return this.sleepOn(task);
    const run = await this.db.runs.findOne({ _id: task.run_id });
    if (!run) return;
    if (task.state === 'WAITING') return this.waits.over(run, task);
    const { matchedCount } = await this.db.tasks.updateOne(
      { _id: id, state: 'RETRYING' },
      {
        $set: {
          state: 'QUEUED',
          queued_at: new Date(),
          'engine.dispatch': null,
          'engine.wake_at': null,
          'engine.check_at': new Date(Date.now() + FOLLOW_UP_MS),
        },
      },
      FAST,
    );
    if (matchedCount === 1) await this.dispatcher.handOver(run, [task]);
  }

  /** The first look at a task that sleeps comes soon, for what its settlement may still owe; the next when it is due. */
  private async sleepOn({ _id, state, engine: { wake_at } }: Task): Promise<void> {
    const look = wake_at
      ? { $set: { 'engine.check_at': new Date(wake_at.getTime() + FOLLOW_UP_MS) } }
      : { $unset: { 'engine.check_at': 1 as const } };
    await this.db.tasks.updateOne({ _id, state, 'engine.wake_at': wake_at }, look, FAST);
  }

  private async lookAt(task: Task): Promise<void> {
    const run = await this.db.runs.findOne({ _id: task.run_id });
    if (run) await this.look(run, task);
  }

  /** Moves on what a task waits for, be it the items of a mapped node or a run, and its own run if that was all. */
  private async look(run: Run, task: Task): Promise<void> {
    if (task.sub_run_id) return this.subRuns.look(run, task);
    const version = await this.versions.get(run.engine.version_id);
    const ended = await this.mapping.look(run, version, task.node_id);
    if (ended) await this.advancer.advance(run, [ended]);
  }

  /** Shows how far a running task is. */
  async progress(id: string, claimId: string, fraction: number): Promise<void> {
    await this.db.tasks.updateOne(
      { _id: id, 'engine.claim.id': claimId, state: 'RUNNING' },
      { $set: { progress: Math.min(1, Math.max(0, fraction)) } },
      FAST,
    );
  }

  /** How nodes of the run ended and what they have left, for a node's inputs, templates and condition. */
  results({ run }: Pick<ClaimedTask, 'run'>, nodeIds: string[]): Promise<Map<string, NodeOutcome>> {
    return this.outcomes.of(run._id, nodeIds);
  }

  private async end(
    claimed: ClaimedTask,
    outcome: Outcome,
    accepts?: (node: NodeDefinition) => boolean,
  ): Promise<{ accepted: boolean; next: ClaimedTask | null }> {
    const { task, run, version } = claimed;
    // Whatever the task then waits for exists before it does.
    if (outcome.kind === 'sub_run') outcome = (await this.subRuns.plant(claimed, outcome)) ?? outcome;
    const settlement = settlementOf(outcome, claimed, this.env);
    // All items have their tasks before any of them may start.
    if (outcome.kind === 'expand')
      await this.mapping.plant(task, version.graph.nodes.get(task.node_id)!, outcome.items);
    // Whoever tries to end it again, because the database was away, has said so already.
    if (!this.said.has(claimed)) {
      this.said.add(claimed);
      if (settlement.cause) this.line(claimed, 'ERROR', settlement.cause);
      this.line(claimed, settlement.level, settlement.message);
    }
    const { epoch } = this.db;
    const quality = qualityOf(claimed, outcome);
    const next = accepts && !quality ? this.continuation(claimed, settlement, accepts) : undefined;
    const { settled, ...went } = await this.store(claimed, settlement, quality, next);
    if (!settled) {
      this.logger.warn(
        { ...subjectOf(run), task_id: task._id },
        'late completion ignored: the claim was lost',
      );
      return { accepted: false, next: null };
    }
    const expanded = settlement.set['engine.expanded'] as number | undefined;
    const engine = expanded === undefined ? task.engine : { ...task.engine, expanded };
    const sub_run_id = (settlement.set.sub_run_id as string | undefined) ?? null;
    const ended = { ...task, state: settlement.state, engine, sub_run_id };
    const wakeAt = settlement.set['engine.wake_at'] as Date | null;
    const foreseen = next?.pending.node_id;
    const following = this.afterwards(run, ended, { wakeAt, accepts, epoch, foreseen });
    if (task.index === null) this.outcomes.learn(epoch, run._id, task.node_id, outcomeOf(ended, settlement));
    if (next && went.next) {
      try {
        await following;
        this.advancer.markAdvanced(epoch, [ended]);
      } catch (error) {
        // The claim on the next one stands; what else follows from this one is found by the reconciler.
        this.logger.warn(`${task._id}: not followed up, the reconciler will: ${(error as Error).message}`);
      }
      const begun = await this.begin(went.next, next.request, went.goesOn ? run : null);
      return { accepted: true, next: begun };
    }
    const kept = await following;
    if (kept === undefined) return { accepted: true, next: null };
    // Sent in a later epoch it would start what may have nothing to follow.
    this.db.assertEpoch(epoch);
    const taken = await this.take(this.requestFor(claimed, kept));
    // Whoever cancelled it in between found the run not ended yet.
    if (!taken) await this.runEnd.proceed(run._id);
    // Only now: until the kept node is claimed, the ended task is what leads to it after a crash.
    this.advancer.markAdvanced(epoch, [ended]);
    return { accepted: true, next: taken };
  }

  /** Stores the end of an attempt behind its log lines; and with them, where there is one, the claim on what comes next. */
  private async store(
    { task, run, claimId }: ClaimedTask,
    settlement: Settlement,
    quality?: QualityResult[],
    next?: Continuation,
  ): Promise<AttemptEnded> {
    const { unbegun } = settlement;
    return this.ends.store(run._id, {
      taskId: task._id,
      claimId,
      unbegun,
      set: attemptEnd(task, settlement),
      quality,
      next,
    });
  }

  /** The claim on a node that is known to become ready by this end. */
  private continuation(
    claimed: ClaimedTask,
    { state }: Settlement,
    accepts: (node: NodeDefinition) => boolean,
  ): Continuation | undefined {
    const { task, run, version } = claimed;
    const { epoch } = this.db;
    const node = this.advancer.foresee(run, version, { ...task, state }, accepts);
    if (node === undefined) return undefined;
    const pending = pendingTask(run, node, version, this.env);
    return { request: this.requestFor(claimed, node), pending, run, epoch };
  }

  private requestFor({ task, run, version }: ClaimedTask, nodeId: string): ClaimRequest {
    const id = taskId(run._id, version.graph.nodes.get(nodeId)!.position);
    const workerId = task.attempts.at(-1)!.worker_id;
    return { taskId: id, runId: run._id, workerId, claimId: randomUUID(), from: 'PENDING' };
  }

  private async take(request: ClaimRequest): Promise<ClaimedTask | null> {
    const claim = await this.claims.claim(request);
    if (!claim) return null;
    const { task, run, begins } = claim;
    // The run's own first line stands before anything that a worker says.
    if (run && begins) this.logs.open(run._id, 2);
    return this.begin(task, request, run);
  }

  /** @param run null when its tasks must not be executed, as a look after the claim has shown. */
  private async begin(
    task: Task,
    { claimId, workerId }: ClaimRequest,
    run: Run | null,
  ): Promise<ClaimedTask | null> {
    if (!run) {
      await this.leave(task, claimId);
      return null;
    }
    await this.slots.started(task);
    const version = await this.versions.get(run.engine.version_id);
    const node = version.graph.nodes.get(task.node_id)!.definition;
    const claimed = { claimId, task, run, node, version };
    this.line(claimed, 'INFO', `task ${taskLabel(task)} started (attempt ${task.attempt}) on ${workerId}`);
    return claimed;
  }

  /** Gives up a claim on a task of a run that is being cancelled, was paused a moment ago, or has ended. */
  private async leave(task: Task, claimId: string): Promise<void> {
    const run = await this.db.runs.findOne({ _id: task.run_id });
    // It may have been resumed since: only what is stopped or over ends its tasks.
    if (run && !isTerminalRun(run.state) && !isStopped(run, task)) return this.park(run, task, claimId);
    const cancelled = { state: 'CANCELLED', attempt: 'CANCELLED', set: {} } as const;
    if ((await this.settleUnlogged(task, claimId, cancelled)) && run) {
      await this.afterwards(run, { ...task, state: 'CANCELLED' });
    }
  }

  /** RUNNING -> QUEUED, as if it had never been claimed; resume hands it over again. */
  private async park(run: Run, task: Task, claimId: string): Promise<void> {
    await this.db.tasks.updateOne(
      { _id: task._id, state: 'RUNNING', 'engine.claim.id': claimId },
      {
        $set: { state: 'QUEUED', 'engine.claim': null, 'engine.dispatch': null },
        $inc: { attempt: -1 },
        $pop: { attempts: 1 },
        $unset: { 'engine.check_at': 1 },
      },
      FAST,
    );
    await this.slots.fill(await this.slots.leave(run, task));
    // Whoever resumes or cancels the run from here on finds the task parked; who did so before looked in vain.
    const { state } = (await this.db.runs.findOne({ _id: run._id }, { projection: { state: 1 } })) ?? {};
    if (state === 'QUEUED' || state === 'RUNNING') await this.dispatcher.handOver(run, [task]);
  }

  /** The one guarded write that ends an attempt. @returns whether the claim still held. */
  private async settleUnlogged(
    task: Task,
    claimId: string,
    settlement: Parameters<typeof attemptEnd>[1],
  ): Promise<boolean> {
    const { unbegun = false } = settlement;
    const end = { taskId: task._id, claimId, unbegun, set: attemptEnd(task, settlement) };
    return (await this.ends.store(task.run_id, end)).settled;
  }

  /**
   * What follows a settled attempt: the next nodes, or a wake-up; and the slot goes to the next task.
   * @returns the node that was kept back because the caller accepts it, with what it then owes.
   */
  private async afterwards(
    run: Run,
    task: Task,
    {
      wakeAt,
      ...advance
    }: {
      wakeAt?: Date | null;
      accepts?: (node: NodeDefinition) => boolean;
      epoch?: number;
      foreseen?: string;
    } = {},
  ): Promise<string | undefined> {
    const free = await this.slots.leave(run, task);
    let kept: string | undefined;
    if (task.state === 'WAITING' && (task.engine.expanded !== undefined || task.sub_run_id)) {
      await this.look(run, task);
    } else if (task.state === 'RETRYING' || task.state === 'WAITING') {
      if (wakeAt) await this.dispatcher.wakeAt(task, wakeAt);
    } else kept = await this.advancer.advance(run, [task], advance);
    // Only now, so that what has just become ready competes with what waited.
    await this.slots.fill(free);
    return kept;
  }

  private line({ run, task }: ClaimedTask, level: 'INFO' | 'WARNING' | 'ERROR', message: string): void {
    this.logs.append(
      run._id,
      { task_id: task._id, node_id: task.node_id, attempt: task.attempt },
      level,
      message,
    );
  }
}

const outcomeOf = (task: Task, { set }: Settlement): NodeOutcome => ({
  state: task.state,
  output: (set.output ?? null) as Json,
  table: (set['engine.artifact'] ?? null) as TableRef | null,
});
