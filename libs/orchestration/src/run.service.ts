import { Injectable } from '@nestjs/common';
import { type Run, type Task } from '@tauro/database';
import {
  ACTIVE_RUN_STATES,
  conflict,
  DomainError,
  isTerminalRun,
  MAIN,
  notFound,
  STOP,
  taskLabel,
} from '@tauro/domain';
import { Env } from '@tauro/platform';
import { Signals } from '@tauro/queue';
import { type mongo } from 'mongoose';
import { Advancer } from './advancer.js';
import { Collections, FAST } from './collections.js';
import { IDLE, WAITS_FOR_RUN } from './idle-tasks.js';
import { startedLine } from './run-creation.service.js';
import { RunRemovalService } from './retention/run-removal.service.js';
import { LineageEvents } from './lineage/lineage-events.js';
import { RunNotifier } from './notifications/run-notifier.js';
import { RunEnd } from './run-end.js';
import { overdue } from './overdue.js';
import { RunLogWriter } from './run-log.writer.js';
import { summarise, type TaskGroup } from './run-progress.js';
import { RunAdmission } from './slots/run-admission.js';
import { TaskSlots } from './slots/task-slots.js';

/** The state a paused run goes on in, in an update. */
const RESUMED = { $cond: [{ $eq: ['$started_at', null] }, 'QUEUED', 'RUNNING'] };

/** What a run that has begun must tidy up executes even when it was paused. */
const GOES_ON = { $cond: [{ $eq: ['$state', 'PAUSED'] }, RESUMED, '$state'] };

/** When the reconciler looks whether a start or a cancel was followed up. */
const FOLLOW_UP_MS = 10_000;

/** Runs that a start changes, and those that a cancel does. Others are what was asked for already, or have ended. */
export const STARTABLE = { state: 'PENDING', cancel_requested_at: null } as const;
export const CANCELLABLE = { state: { $in: ACTIVE_RUN_STATES }, cancel_requested_at: null };

/** The life of a run as its owner steers it: start, pause, cancel, delete. What tasks do is in TaskService. */
@Injectable()
export class RunService {
  constructor(
    private readonly db: Collections,
    private readonly env: Env,
    private readonly advancer: Advancer,
    private readonly runEnd: RunEnd,
    private readonly logs: RunLogWriter,
    private readonly signals: Signals,
    private readonly removal: RunRemovalService,
    private readonly admission: RunAdmission,
    private readonly slots: TaskSlots,
    private readonly notifier: RunNotifier,
    private readonly lineage: LineageEvents,
  ) {}

  /**
   * PENDING -> QUEUED, and its first tasks to the workers as soon as the limits of runs admit it. Repeating it is
   * harmless. @throws DomainError
   */
  async start(id: string): Promise<Run> {
    const run = await this.db.runs.findOneAndUpdate({ _id: id, ...STARTABLE }, this.starting(new Date()), {
      returnDocument: 'after',
    });
    if (!run) {
      const current = await this.get(id);
      if (isTerminalRun(current.state)) throw ended(current, 'started');
      return current;
    }
    await this.started(run);
    return run;
  }

  /** The write that starts a run that is `STARTABLE`; `started` follows it. */
  starting(now: Date): mongo.Document[] {
    return [
      {
        $set: {
          state: 'QUEUED',
          queued_at: now,
          updated_at: now,
          'engine.check_at': new Date(now.getTime() + FOLLOW_UP_MS),
          'engine.rank': this.admission.rank(now),
        },
      },
    ];
  }

  /** What follows a start. Harmless to repeat, but for the line in the log. */
  async started(run: Run): Promise<void> {
    this.logs.append(run._id, null, 'INFO', startedLine(run));
    await this.logs.flush(run._id);
    this.lineage.started(run);
    await this.notifier.watch(run);
    if (await this.admission.enter(run)) await this.advancer.begin(run);
    this.signals.run(run._id, 'changed');
  }

  /**
   * Asks a run to stop: what has not begun never will, what runs is aborted, and the run ends CANCELLED once
   * nothing runs any more. @throws DomainError CONFLICT for a terminal run.
   */
  async cancel(id: string): Promise<Run> {
    const asked = await this.db.runs.findOneAndUpdate(
      { _id: id, ...CANCELLABLE },
      this.cancelling(new Date()),
      {
        returnDocument: 'after',
      },
    );
    if (!asked) {
      const current = await this.get(id);
      if (isTerminalRun(current.state)) throw ended(current, 'cancelled');
      return current;
    }
    await this.cancelled(asked);
    return this.get(id);
  }

  /** The write that asks a run to stop that is `CANCELLABLE`; `cancelled` follows it. */
  cancelling(now: Date): mongo.Document[] {
    return [
      {
        $set: {
          cancel_requested_at: now,
          updated_at: now,
          state: GOES_ON,
          'engine.stop_below': { $cond: [{ $eq: ['$started_at', null] }, STOP.all, STOP.cancel] },
          'engine.expire_at': this.cleanupEnd(now),
          'engine.check_at': new Date(now.getTime() + FOLLOW_UP_MS),
        },
      },
    ];
  }

  /** What follows a cancel. Harmless to repeat, but for the line in the log. */
  async cancelled(run: Run): Promise<void> {
    this.logs.append(run._id, null, 'WARNING', 'run is being cancelled');
    await this.stop(run);
  }

  /** The same for a run that may have ended meanwhile, or is gone. */
  async cancelIfActive(id: string): Promise<void> {
    try {
      await this.cancel(id);
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
    }
  }

  /**
   * What comes of a run whose time is over: its main nodes stop, then its `on_failure` and `finally` nodes execute,
   * for `CLEANUP_SECONDS` at most. A second time, or when only those are left, it stops as a whole.
   */
  async expire({ _id: id, engine: { expire_at } }: Pick<Run, '_id' | 'engine'>): Promise<void> {
    const now = new Date();
    const late = { $or: [{ $gt: ['$engine.stop_below', 0] }, { $gt: ['$engine.stage', MAIN] }] };
    const all = { $or: [{ $eq: ['$started_at', null] }, late] };
    const expired = await this.db.runs.findOneAndUpdate(
      { _id: id, state: { $in: ACTIVE_RUN_STATES }, 'engine.expire_at': expire_at },
      [
        {
          $set: {
            updated_at: now,
            state: GOES_ON,
            'engine.expired': true,
            'engine.stop_below': { $cond: [all, STOP.all, STOP.expired] },
            'engine.expire_at': { $cond: [all, '$$REMOVE', this.cleanupEnd(now)] },
            'engine.check_at': new Date(now.getTime() + FOLLOW_UP_MS),
          },
        },
      ],
      { returnDocument: 'after' },
    );
    if (!expired) return;
    this.logs.append(id, null, 'ERROR', `run is being stopped: ${overdue(expired)}`);
    await this.stop(expired);
  }

  private cleanupEnd(now: Date): Date {
    return new Date(now.getTime() + this.env.CLEANUP_SECONDS * 1000);
  }

  /** Starts nothing new until `resume`; what runs already goes on to its end. @throws DomainError CONFLICT */
  async pause(id: string): Promise<Run> {
    const paused = await this.db.runs.findOneAndUpdate(
      { _id: id, state: { $in: ['QUEUED', 'RUNNING'] }, cancel_requested_at: null },
      { $set: { state: 'PAUSED', updated_at: new Date() } },
    );
    if (paused) {
      this.logs.append(id, null, 'INFO', 'run paused');
      await this.logs.flush(id);
      this.signals.run(id, 'changed');
      return this.get(id);
    }
    const current = await this.get(id);
    if (current.state !== 'PAUSED')
      throw conflict(`run '${id}' is ${describe(current)} and cannot be paused`);
    return current;
  }

  /** Goes on where `pause` stopped. @throws DomainError CONFLICT for a run that is not paused. */
  async resume(id: string): Promise<Run> {
    const now = new Date();
    const resumed = await this.db.runs.findOneAndUpdate(
      { _id: id, state: 'PAUSED', cancel_requested_at: null },
      [
        {
          $set: {
            state: RESUMED,
            updated_at: now,
            'engine.check_at': new Date(now.getTime() + FOLLOW_UP_MS),
          },
        },
      ],
      { returnDocument: 'after' },
    );
    if (!resumed) {
      const current = await this.get(id);
      if (current.state === 'QUEUED' || current.state === 'RUNNING') return current;
      throw conflict(`run '${id}' is ${describe(current)} and cannot be resumed`);
    }
    this.logs.append(id, null, 'INFO', 'run resumed');
    await this.logs.flush(id);
    // One that has begun has kept its slots.
    if (resumed.state === 'RUNNING' || (await this.admission.enter(resumed)))
      await this.advancer.begin(resumed);
    this.signals.run(id, 'changed');
    return this.get(id);
  }

  /** What follows a cancel: tasks of the stages that it stops end. Stores the log so far. Harmless to repeat. */
  async stop({ _id: id, engine: { stop_below } }: Pick<Run, '_id' | 'engine'>): Promise<void> {
    const now = new Date();
    const below = { run_id: id, 'engine.stage': { $lt: stop_below } };
    const idle = { ...below, ...IDLE };
    const stopped = await this.db.tasks
      .find(idle)
      .project<Pick<Task, '_id' | 'node_id' | 'index' | 'attempt' | 'state' | 'engine'>>({
        node_id: 1,
        index: 1,
        attempt: 1,
        state: 1,
        'engine.pool': 1,
      })
      .toArray();
    for (const task of stopped) {
      const origin = { task_id: task._id, node_id: task.node_id, attempt: task.attempt };
      this.logs.append(id, origin, 'INFO', `task ${taskLabel(task)} ended CANCELLED`);
    }
    const end = (): Promise<unknown> =>
      this.db.tasks.updateMany(
        idle,
        {
          $set: {
            state: 'CANCELLED',
            finished_at: now,
            'engine.advanced': true,
            'attempts.$[asleep].state': 'CANCELLED',
            'attempts.$[asleep].finished_at': now,
          },
          $unset: { 'engine.check_at': 1 },
        },
        { arrayFilters: [{ 'asleep.state': 'WAITING' }], ...FAST },
      );
    // What ends is said before it does. Mostly nothing does, and what runs is to hear of it soon.
    if (stopped.length > 0) await this.logs.flush(id).then(end);
    else await Promise.all([this.logs.flush(id), end()]);
    // From here on nothing of it starts any more, so what runs may end: the sooner the better.
    this.signals.stopped(id, stop_below);
    await this.freePools(id, stopped);
    await this.stopSubRuns({ ...below, ...WAITS_FOR_RUN });
    await this.runEnd.proceed(id);
  }

  /** Runs that these tasks wait for; the tasks end when their runs have. */
  private async stopSubRuns(waiting: mongo.Filter<Task>): Promise<void> {
    const tasks = this.db.tasks.find(waiting).project<Pick<Task, 'sub_run_id'>>({ sub_run_id: 1 });
    for await (const { sub_run_id } of tasks) await this.cancelIfActive(sub_run_id!);
  }

  /** Queued tasks may have held slots of a pool already, which others wait for. */
  private async freePools(
    runId: string,
    stopped: Pick<Task, '_id' | 'node_id' | 'state' | 'engine'>[],
  ): Promise<void> {
    const pooled = stopped.filter(({ state, engine }) => state === 'QUEUED' && engine.pool !== undefined);
    const run = pooled.length > 0 ? await this.db.runs.findOne({ _id: runId }) : null;
    if (run) await this.slots.fill(await this.slots.leave(run, ...pooled));
  }

  /** Removes a terminal run and all it left. @throws DomainError */
  async delete(id: string): Promise<void> {
    const run = await this.get(id);
    if (!isTerminalRun(run.state)) throw notEnded(run);
    await this.removal.remove([id]);
  }

  /** One run with live progress. @throws DomainError NOT_FOUND */
  async get(id: string): Promise<Run> {
    const run = await this.db.runs.findOne({ _id: id });
    if (!run) throw notFound('run', id);
    return (await this.withProgress([run]))[0]!;
  }

  /** The same runs with the progress and metrics of this moment; one query for all that are under way. */
  async withProgress(runs: Run[]): Promise<Run[]> {
    const moving = runs.filter((run) => run.state !== 'PENDING' && !isTerminalRun(run.state));
    if (moving.length === 0) return runs;
    const groups = await this.db.tasks
      .aggregate<TaskGroup & { run_id: string }>([
        { $match: { run_id: { $in: moving.map((run) => run._id) } } },
        {
          $group: {
            _id: { run_id: '$run_id', state: '$state' },
            count: { $sum: 1 },
            rows: { $sum: '$metrics.rows' },
            bytes: { $sum: '$metrics.bytes' },
            failures: { $sum: '$engine.failures' },
          },
        },
        { $replaceWith: { $mergeObjects: ['$$ROOT', '$_id'] } },
      ])
      .toArray();
    return runs.map((run) => {
      const own = groups.filter((group) => group.run_id === run._id);
      return own.length > 0 ? { ...run, ...summarise(own) } : run;
    });
  }
}

/** @param done what cannot be done to it any more. */
export const ended = ({ _id, state }: Pick<Run, '_id' | 'state'>, done: string): DomainError =>
  conflict(`run '${_id}' is ${state} and cannot be ${done}`);

/** Why a run that is not over is not removed. */
export const notEnded = ({ _id, state }: Pick<Run, '_id' | 'state'>): DomainError =>
  conflict(`run '${_id}' is ${state}; cancel it before deleting it`);

const describe = (run: Run): string =>
  run.cancel_requested_at && !isTerminalRun(run.state) ? 'being cancelled' : run.state;
