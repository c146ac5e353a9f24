import { InjectQueue } from '@nestjs/bullmq';
import { Injectable } from '@nestjs/common';
import { type Run, type Task } from '@tauro/database';
import { jobId, WAKE_QUEUE, type WakeJob } from '@tauro/queue';
import { type Queue } from 'bullmq';
import { Collections } from '../collections.js';
import { type Bound, type LimitRef } from './limit-ref.js';
import { type SlotState, SlotTable } from './slot-table.js';
import { Turnstile } from './turnstile.js';

type RunRef = Pick<Run, '_id' | 'engine' | 'priority'>;
export type SlotTask = Pick<Task, '_id' | 'node_id'> & {
  engine: Pick<Task['engine'], 'priority' | 'pool' | 'pool_slots'>;
};
type BoundTask = Bound & { run: RunRef; task: SlotTask };

/**
 * The limits of tasks: `max_parallelism` of their run, and the pool their node names. A task has its slots from
 * when it is handed to the workers until its attempt has ended; asleep (RETRYING, WAITING) it holds none.
 */
@Injectable()
export class TaskSlots {
  private readonly turnstile: Turnstile<BoundTask>;
  private dispatch: (run: RunRef, tasks: SlotTask[]) => Promise<void> = () => Promise.resolve();

  constructor(
    private readonly db: Collections,
    private readonly table: SlotTable,
    @InjectQueue(WAKE_QUEUE) private readonly wakes: Queue<WakeJob>,
  ) {
    this.turnstile = new Turnstile(table, {
      waiting: (ref, _, full, max) => this.waiting(ref, full, max),
      beyond: (ref) => this.beyond(ref),
      admit: (these) => this.admit(these),
      later: (ref, state) => this.later(ref, state),
    });
  }

  /** What is done with tasks whose turn has come. */
  onTurn(dispatch: (run: RunRef, tasks: SlotTask[]) => Promise<void>): void {
    this.dispatch = dispatch;
  }

  /** Whether any limit applies to a task with this pool. */
  applies(run: RunRef, pool: string | undefined): boolean {
    return run.engine.max_parallelism !== null || pool !== undefined;
  }

  /** Of QUEUED tasks, those that may be handed over at once; the others are when it is their turn. */
  async enter(run: RunRef, tasks: SlotTask[]): Promise<SlotTask[]> {
    const bound = tasks.map((task) => this.bind(run, task));
    return (await this.turnstile.enter(bound)).map(({ task }) => task);
  }

  /** Gives back the slots of tasks. @returns the limits for which `fill` is then due. */
  leave(run: RunRef, ...tasks: SlotTask[]): Promise<LimitRef[]> {
    const bound = tasks.filter((task) => this.applies(run, task.engine.pool));
    return this.turnstile.leave(bound.map((task) => this.bind(run, task)));
  }

  fill(refs: LimitRef[]): Promise<void> {
    return this.turnstile.fillAll(refs);
  }

  /** A task has started: its pool may count that. */
  async started(task: SlotTask): Promise<void> {
    const { pool } = task.engine;
    if (pool === undefined) return;
    const window = await this.table.started(pool, task._id);
    if (window !== null) await this.wakePool(pool, window * 1000);
  }

  private bind(run: RunRef, task: SlotTask): BoundTask {
    const { pool, pool_slots } = task.engine;
    const limits: Bound['limits'] = [];
    if (run.engine.max_parallelism !== null) limits.push({ ref: { kind: 'run', id: run._id }, weight: 1 });
    if (pool !== undefined) limits.push({ ref: { kind: 'pool', id: pool }, weight: pool_slots ?? 1 });
    return { id: task._id, limits, run, task };
  }

  private async waiting(ref: LimitRef, full: readonly LimitRef[], max: number): Promise<BoundTask[]> {
    const of = ref.kind === 'run' ? { run_id: ref.id, 'engine.pool': { $exists: false } } : {};
    const without = full.map(({ id }) => id);
    for (;;) {
      const tasks = await this.db.tasks
        .find({
          ...(ref.kind === 'pool' ? { 'engine.pool': ref.id, run_id: { $nin: without } } : of),
          state: 'QUEUED',
          'engine.dispatch': null,
        })
        .project<SlotTask & { run_id: string }>({
          run_id: 1,
          node_id: 1,
          'engine.priority': 1,
          'engine.pool': 1,
          'engine.pool_slots': 1,
        })
        .sort({ 'engine.rank': 1, _id: 1 })
        .limit(max)
        .toArray();
      const runs = await this.db.runs
        .find({
          _id: { $in: [...new Set(tasks.map((task) => task.run_id))] },
          // Of a run that is being cancelled only what it still has to execute is queued.
          state: { $in: ['QUEUED', 'RUNNING'] },
        })
        .project<RunRef>({ engine: 1, priority: 1 })
        .toArray();
      const byId = new Map(runs.map((run) => [run._id, run]));
      const bound = tasks.flatMap((task) => {
        const run = byId.get(task.run_id);
        return run ? [this.bind(run, task)] : [];
      });
      if (bound.length > 0 || tasks.length < max || ref.kind === 'run') return bound;
      // A whole batch of tasks that a pause has parked: those behind them must not wait for the resume.
      without.push(...new Set(tasks.map((task) => task.run_id)));
    }
  }

  /** The pools of tasks that wait in a bounded run. */
  private async beyond(ref: LimitRef): Promise<LimitRef[]> {
    if (ref.kind !== 'run') return [];
    const pools = await this.db.tasks.distinct('engine.pool', {
      run_id: ref.id,
      state: 'QUEUED',
      'engine.dispatch': null,
      'engine.pool': { $exists: true },
    });
    return (pools as string[]).map((id) => ({ kind: 'pool', id }));
  }

  private async admit(these: BoundTask[]): Promise<void> {
    const runs = new Map(these.map(({ run }) => [run._id, run]));
    for (const run of runs.values()) {
      const own = these.filter((one) => one.run._id === run._id);
      await this.dispatch(
        run,
        own.map(({ task }) => task),
      );
    }
  }

  /** Looks again when the oldest start leaves the window of the rate limit. */
  private async later(ref: LimitRef, { rate_limit, starts = [] }: SlotState): Promise<void> {
    if (!rate_limit || starts.length === 0) return;
    const first = Math.min(...starts.map((start) => start.getTime()));
    await this.wakePool(ref.id, first + rate_limit.per_seconds * 1000 - Date.now());
  }

  private async wakePool(pool: string, delayMs: number): Promise<void> {
    const delay = Math.max(20, Math.ceil(delayMs) + 1);
    // Rounded, so that many who ask for the same moment make one job.
    const at = Math.ceil((Date.now() + delay) / 20) * 20;
    const options = { delay: at - Date.now(), jobId: jobId(`pool_${pool}`, String(at)) };
    // Without Redis the reconciler looks.
    await this.wakes.add('pool', { pool }, options).catch(() => undefined);
  }
}
