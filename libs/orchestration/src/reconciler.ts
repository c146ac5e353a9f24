import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { type Run, type Task } from '@tauro/database';
import { isTerminalRun, isTerminalTask, TERMINAL_TASK_STATES, type TaskState } from '@tauro/domain';
import { Env } from '@tauro/platform';
import { Advancer, type EndedTask } from './advancer.js';
import { subjectOf } from './run-trace.js';
import { Collections, FAST } from './collections.js';
import { Dispatcher } from './dispatcher.js';
import { NotificationOutbox } from './notifications/outbox.js';
import { RunNotifier } from './notifications/run-notifier.js';
import { RunEnd } from './run-end.js';
import { RunService } from './run.service.js';
import { RunAdmission } from './slots/run-admission.js';
import { SlotRecovery } from './slots/slot-recovery.js';
import { TaskSlots } from './slots/task-slots.js';
import { SubRunService } from './sub-run.service.js';
import { TaskService } from './task.service.js';
import { RunCounter } from './statistics/run-counter.js';
import { TriggeredRuns } from './triggers/triggered-runs.js';

/** Most runs and tasks looked at per sweep; the rest follows with the next. */
const BATCH = 500;
/** Tasks are stored before their run; after so long it will not come any more. */
const UNBORN_MS = 600_000;
/** How often a run that is under way is looked at, should all else fail. */
const LOOK_AGAIN_MS = 300_000;
const UNDER_WAY: TaskState[] = ['QUEUED', 'RUNNING', 'RETRYING', 'WAITING'];
/** How long one replica keeps what it took up to itself. */
const HOLD_MS = 10_000;

/**
 * Finds what a crash left behind and does what should have been done, by the table in `recovery.ts`. It runs in
 * every worker; two at once are harmless because every action is the same guarded write as on the way of a run.
 */
@Injectable()
export class Reconciler implements OnModuleDestroy {
  private readonly logger = new Logger(Reconciler.name);
  private timer?: NodeJS.Timeout;
  private stopped = false;
  private sweeping: Promise<void> = Promise.resolve();

  constructor(
    private readonly db: Collections,
    private readonly env: Env,
    private readonly tasks: TaskService,
    private readonly runs: RunService,
    private readonly advancer: Advancer,
    private readonly dispatcher: Dispatcher,
    private readonly runEnd: RunEnd,
    private readonly admission: RunAdmission,
    private readonly subRuns: SubRunService,
    private readonly slots: TaskSlots,
    private readonly slotRecovery: SlotRecovery,
    private readonly notifier: RunNotifier,
    private readonly outbox: NotificationOutbox,
    private readonly triggered: TriggeredRuns,
    private readonly counter: RunCounter,
  ) {}

  start(): void {
    const loop = (): void => {
      this.sweeping = this.sweep().catch((error: Error) => {
        this.logger.warn(`sweep put off: ${error.message}`);
      });
      void this.sweeping.then(() => {
        // Spread, so that replicas do not look in step.
        if (!this.stopped)
          this.timer = setTimeout(loop, this.env.RECONCILE_SECONDS * 1000 * (0.75 + Math.random() / 2));
      });
    };
    loop();
  }

  async onModuleDestroy(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.sweeping;
  }

  /** One look over everything that is due. */
  async sweep(): Promise<void> {
    const { epoch } = this.db;
    const now = await this.db.now();
    const due = { 'engine.check_at': { $lte: now } };
    const over = this.db.runs
      .find({ $or: [{ 'engine.expire_at': { $lte: now } }, { 'engine.sla_at': { $lte: now } }] })
      .limit(BATCH)
      .toArray();
    const [expired, tasks, runs] = await Promise.all([
      over,
      this.db.tasks.find(due).sort({ 'engine.check_at': 1 }).limit(BATCH).toArray(),
      this.db.runs.find(due).sort({ 'engine.check_at': 1 }).limit(BATCH).toArray(),
    ]);
    for (const run of expired) {
      const { sla_at, expire_at } = run.engine;
      if (sla_at && sla_at <= now) await this.attempt(run._id, () => this.notifier.late(run, now));
      if (expire_at && expire_at <= now) await this.attempt(run._id, () => this.runs.expire(run));
    }
    await this.attempt('notifications', () => this.outbox.handOut(now));
    await this.attempt('triggers', () => this.triggered.sweep(now));
    await this.attempt('statistics', () => this.counter.sweep());
    await this.slotRecovery.sweep(now);
    if (tasks.length + runs.length === 0) return;
    const until = new Date(now.getTime() + HOLD_MS);
    const held = { $set: { 'engine.check_at': until } };
    await Promise.all([
      this.db.tasks.updateMany({ _id: { $in: tasks.map(({ _id }) => _id) }, ...due }, held, FAST),
      this.db.runs.updateMany({ _id: { $in: runs.map(({ _id }) => _id) }, ...due }, held, FAST),
    ]);
    const owners = new Map(runs.map((run) => [run._id, run]));
    const missing = [...new Set(tasks.map((task) => task.run_id))].filter((id) => !owners.has(id));
    for (const run of await this.db.runs.find({ _id: { $in: missing } }).toArray()) owners.set(run._id, run);

    for (const run of runs) await this.attempt(run._id, () => this.recoverRun(run, until));
    for (const task of tasks) {
      const run = owners.get(task.run_id);
      await this.attempt(task._id, () => (run ? this.recoverTask(run, task, epoch) : this.forget(task)));
    }
  }

  private async attempt(id: string, action: () => Promise<unknown>): Promise<void> {
    try {
      await action();
    } catch (error) {
      this.logger.warn(`${id}: recovery put off: ${(error as Error).message}`);
    }
  }

  private async recoverTask(run: Run, task: Task, epoch: number): Promise<void> {
    if (isTerminalTask(task.state)) {
      const free = await this.slots.leave(run, task);
      await this.advancer.advance(run, [task], { epoch });
      return this.slots.fill(free);
    }
    switch (task.state) {
      case 'QUEUED': {
        // A slotless task of a bounded run has no job yet: it waits for its turn.
        if (task.engine.dispatch === null) return this.dispatcher.handOver(run, [task]);
        if (await this.dispatcher.hasJob(task)) return this.dispatcher.checkLater([task._id]);
        return this.dispatcher.dispatchQueued(run, [task]);
      }
      case 'RUNNING': {
        const claim = task.engine.claim!;
        this.logger.warn(`${task._id}: lease of ${claim.worker_id} expired`);
        return this.tasks.requeueLost(task, claim.id, `worker ${claim.worker_id} stopped renewing its lease`);
      }
      default:
        return this.tasks.wake(task._id);
    }
  }

  private async recoverRun(run: Run, heldUntil: Date): Promise<void> {
    const { epoch } = this.db;
    if (isTerminalRun(run.state)) return this.runEnd.followUp(run);
    await this.notifier.watch(run);
    if (run.engine.stop_below > 0) await this.runs.stop(run);
    else if (run.state === 'PENDING' && run.parent_task_id) return this.subRuns.adopt(run);
    // Not its turn yet: it is looked at again, should nobody tell it of a free slot.
    else if (run.state === 'QUEUED' && !(await this.admission.enter(run))) return;
    if (run.state !== 'PAUSED' && run.state !== 'PENDING') await this.advancer.begin(run);
    if (await this.runEnd.proceed(run._id)) return;
    if (run.state === 'RUNNING') await this.leadOn(run, epoch);
    this.db.assertEpoch(epoch);
    // Unless a start, a resume or a cancel has asked for another look in the meantime.
    const ours = { _id: run._id, 'engine.check_at': heldUntil };
    const look =
      run.state === 'PENDING'
        ? { $unset: { 'engine.check_at': 1 as const } }
        : { $set: { 'engine.check_at': new Date(Date.now() + LOOK_AGAIN_MS) } };
    await this.db.runs.updateOne(ours, look, FAST);
  }

  /**
   * Nothing should ever be left to do here: every step leaves behind who takes the next. Should that be wrong
   * all the same, what has ended is weighed once more, and a run is late instead of lost.
   */
  private async leadOn(run: Run, epoch: number): Promise<void> {
    const underWay = { run_id: run._id, state: { $in: UNDER_WAY } };
    if (await this.db.tasks.findOne(underWay, { projection: { _id: 1 } })) return;
    const ended = await this.db.tasks
      .find({ run_id: run._id, state: { $in: [...TERMINAL_TASK_STATES] } })
      .project<EndedTask>({ node_id: 1, index: 1, state: 1 })
      .toArray();
    this.logger.warn(subjectOf(run), 'nothing is under way: leading on');
    await this.advancer.advance(run, ended, { epoch });
  }

  /** A task whose run was never stored, or is deleted: a crash between the two writes. A young one may yet get it. */
  private async forget({ run_id, created_at }: Task): Promise<void> {
    if (Date.now() - created_at.getTime() > UNBORN_MS) await this.db.tasks.deleteMany({ run_id });
  }
}
