import { InjectQueue } from '@nestjs/bullmq';
import { Injectable, Logger } from '@nestjs/common';
import { type Run, type Task } from '@tauro/database';
import { ACTIVE_RUN_STATES, taskId } from '@tauro/domain';
import { jobId, jobPriority, TASK_QUEUE, type TaskJob, WAKE_QUEUE, type WakeJob } from '@tauro/queue';
import { type Queue } from 'bullmq';
import { randomUUID } from 'node:crypto';
import { Collections, FAST } from './collections.js';
import { PinnedVersions } from './pinned-versions.js';

/** How long a queued task may go unclaimed before the reconciler looks whether its job still exists. */
const QUEUED_CHECK_MS = 15_000;

/** What a dispatch needs to know of a run. */
export type RunRef = Pick<Run, '_id' | 'engine'>;
type Ready = Pick<Task, '_id' | 'node_id'> & { engine: Pick<Task['engine'], 'priority'> };

/** Hands ready tasks to the workers, never more of one run at once than its `max_parallelism`. */
@Injectable()
export class Dispatcher {
  private readonly logger = new Logger(Dispatcher.name);

  constructor(
    private readonly db: Collections,
    private readonly versions: PinnedVersions,
    @InjectQueue(TASK_QUEUE) private readonly tasks: Queue<TaskJob>,
    @InjectQueue(WAKE_QUEUE) private readonly wakes: Queue<WakeJob>,
  ) {}

  /**
   * PENDING -> QUEUED, then onto the queue; tasks of a bounded run stay back until `fill` finds them a slot.
   * @returns false when a guard refused one of them: it was cancelled, or released before.
   */
  async release(run: RunRef, nodeIds: string[]): Promise<boolean> {
    if (nodeIds.length === 0) return true;
    const { graph } = await this.versions.get(run.engine.version_id);
    const ready: Ready[] = nodeIds.map((node_id) => {
      const { definition, position } = graph.nodes.get(node_id)!;
      return { _id: taskId(run._id, position), node_id, engine: { priority: definition.priority ?? 0 } };
    });
    const unbounded = run.engine.max_parallelism === null;
    const dispatch = unbounded ? randomUUID() : null;
    const now = new Date();
    const { matchedCount } = await this.db.tasks.updateMany(
      { _id: { $in: ready.map(({ _id }) => _id) }, state: 'PENDING' },
      {
        $set: {
          state: 'QUEUED',
          queued_at: now,
          'engine.dispatch': dispatch,
          'engine.check_at': new Date(now.getTime() + QUEUED_CHECK_MS),
        },
      },
      FAST,
    );
    const all = matchedCount === nodeIds.length;
    if (!dispatch) return all;
    if (all) await this.enqueue(run, ready, dispatch);
    else if (matchedCount > 0) {
      const mine = await this.db.tasks
        .find({ run_id: run._id, 'engine.dispatch': dispatch })
        .project<{ _id: string }>({ _id: 1 })
        .toArray();
      await this.enqueue(
        run,
        ready.filter((task) => mine.some(({ _id }) => _id === task._id)),
        dispatch,
      );
    }
    return all;
  }

  /**
   * Hands over as many queued tasks of a bounded run as its free slots allow, highest priority first.
   * @param known the slots as the caller has just seen them; the guard notices when that is no longer so.
   */
  async fill(run: RunRef, known?: string[]): Promise<void> {
    const max = run.engine.max_parallelism;
    if (max === null) return;
    for (let slots = known, tries = 0; tries < 10; tries++, slots = undefined) {
      const waiting = await this.db.tasks
        .find({ run_id: run._id, state: 'QUEUED', 'engine.dispatch': null })
        .project<Ready>({ node_id: 1, 'engine.priority': 1 })
        .sort({ 'engine.priority': -1, queued_at: 1, _id: 1 })
        .limit(max)
        .toArray();
      if (waiting.length === 0) return;
      slots ??= await this.slotsOf(run._id);
      if (!slots) return;
      const taken = slots;
      const holding = waiting.filter(({ _id }) => taken.includes(_id));
      const others = waiting.filter(({ _id }) => !taken.includes(_id));
      const chosen = [...holding, ...others.slice(0, Math.max(0, max - taken.length))];
      if (chosen.length === 0) return;
      // The guard: nobody took or gave back a slot since we looked.
      const { matchedCount } = await this.db.runs.updateOne(
        { _id: run._id, 'engine.slots': taken },
        { $addToSet: { 'engine.slots': { $each: chosen.map(({ _id }) => _id) } } },
        FAST,
      );
      if (matchedCount === 1) return this.dispatchQueued(run, chosen);
    }
  }

  /** Whether a ready task of this run may start wherever there is a worker, without a slot of its own. */
  isUnbounded(run: RunRef): boolean {
    return run.engine.max_parallelism === null;
  }

  /** Hands over QUEUED tasks whose job does not exist: directly, or as the run's slots allow. */
  async handOver(run: RunRef, tasks: Ready[]): Promise<void> {
    if (run.engine.max_parallelism === null) await this.dispatchQueued(run, tasks);
    else await this.fill(run);
  }

  /** Hands over every QUEUED task of the run that nobody carries: parked by a pause, or waiting for a slot. */
  async handOverParked(run: RunRef): Promise<void> {
    if (run.engine.max_parallelism !== null) return this.fill(run);
    const parked = await this.db.tasks
      .find({ run_id: run._id, state: 'QUEUED', 'engine.dispatch': null })
      .project<Ready>({ node_id: 1, 'engine.priority': 1 })
      .toArray();
    if (parked.length > 0) await this.dispatchQueued(run, parked);
  }

  /** Gives a fresh dispatch to tasks that are QUEUED and hands them over (again). */
  async dispatchQueued(run: RunRef, tasks: Ready[], delayMs = 0): Promise<void> {
    const dispatch = randomUUID();
    await this.db.tasks.updateMany(
      { _id: { $in: tasks.map(({ _id }) => _id) }, state: 'QUEUED' },
      {
        $set: {
          'engine.dispatch': dispatch,
          'engine.check_at': new Date(Date.now() + delayMs + QUEUED_CHECK_MS),
        },
      },
      FAST,
    );
    await this.enqueue(run, tasks, dispatch, delayMs);
  }

  /** Gives back the slot of a task that no longer runs. @returns the slots still taken; then `fill` is due. */
  async freeSlot(run: RunRef, task: string): Promise<string[] | undefined> {
    if (run.engine.max_parallelism === null) return undefined;
    const after = await this.db.runs.findOneAndUpdate(
      { _id: run._id },
      { $pull: { 'engine.slots': task } },
      { ...FAST, returnDocument: 'after', projection: { 'engine.slots': 1 } },
    );
    return after?.engine.slots;
  }

  /** Wakes a sleeping task at a time; the reconciler does should the job be lost. */
  async wakeAt(task: Pick<Task, '_id' | 'run_id'>, when: Date): Promise<void> {
    const delay = Math.max(0, when.getTime() - Date.now());
    const data: WakeJob = { run_id: task.run_id, task_id: task._id };
    await this.tolerate(this.wakes.add('wake', data, { delay, jobId: jobId(task._id, randomUUID()) }));
  }

  /** Looks again at queued tasks later, because their jobs are still where they should be. */
  async checkLater(taskIds: string[]): Promise<void> {
    await this.db.tasks.updateMany(
      { _id: { $in: taskIds }, state: 'QUEUED' },
      { $set: { 'engine.check_at': new Date(Date.now() + QUEUED_CHECK_MS) } },
      FAST,
    );
  }

  /** Whether the job that carries a queued task still exists. @throws when Redis is away. */
  async hasJob(task: Pick<Task, '_id' | 'engine'>): Promise<boolean> {
    const { dispatch } = task.engine;
    return dispatch !== null && (await this.tasks.getJob(jobId(task._id, dispatch))) !== undefined;
  }

  /** Ids of the tasks that hold a slot; undefined for a run that has ended. */
  private async slotsOf(runId: string): Promise<string[] | undefined> {
    const run = await this.db.runs.findOne(
      { _id: runId, state: { $in: ACTIVE_RUN_STATES } },
      { projection: { 'engine.slots': 1 } },
    );
    return run?.engine.slots;
  }

  private async enqueue(run: RunRef, tasks: Ready[], dispatch: string, delay = 0): Promise<void> {
    const { graph } = await this.versions.get(run.engine.version_id);
    const jobs = tasks.map(({ _id, node_id, engine }) => {
      const { type, config } = graph.nodes.get(node_id)!.definition;
      const handler = type === 'task' ? String(config?.handler) : undefined;
      const priority = jobPriority(engine.priority);
      return {
        name: 'run',
        data: { run_id: run._id, task_id: _id, ...(handler && { handler }) },
        opts: { jobId: jobId(_id, dispatch), ...(delay && { delay }), ...(priority && { priority }) },
      };
    });
    await this.tolerate(
      jobs.length === 1 ? this.tasks.add('run', jobs[0]!.data, jobs[0]!.opts) : this.tasks.addBulk(jobs),
    );
  }

  /** The state is stored already, so a Redis that is away only makes things late: the reconciler hands over. */
  private async tolerate(adding: Promise<unknown>): Promise<void> {
    try {
      await adding;
    } catch (error) {
      this.logger.warn(`not enqueued, the reconciler will: ${(error as Error).message}`);
    }
  }
}
