import { InjectQueue } from '@nestjs/bullmq';
import { Injectable, Logger } from '@nestjs/common';
import { type Run, type Task } from '@tauro/database';
import { type NodeDefinition, taskId } from '@tauro/domain';
import { jobId, jobPriority, TASK_QUEUE, type TaskJob, WAKE_QUEUE, type WakeJob } from '@tauro/queue';
import { type Queue } from 'bullmq';
import { randomUUID } from 'node:crypto';
import { Collections, FAST } from './collections.js';
import { newTask } from './new-task.js';
import { PinnedVersions } from './pinned-versions.js';
import { rankUpdate } from './slots/rank.js';
import { type SlotTask, TaskSlots } from './slots/task-slots.js';

/** How long a queued task may go unclaimed before the reconciler looks whether its job exists, and looks again. */
const FIRST_LOOK_MS = 5000;
const LOOK_AGAIN_MS = 15_000;

/** What a dispatch needs to know of a run. */
export type RunRef = Pick<Run, '_id' | 'engine' | 'priority'>;
export type Ready = SlotTask;

/** Tasks that are QUEUED before they are stored, by id, and the dispatch they share. */
export interface Newborn {
  dispatch: string;
  tasks: ReadonlyMap<string, Task>;
}

/** Hands ready tasks to the workers, those that a limit binds once they have their slots. */
@Injectable()
export class Dispatcher {
  private readonly logger = new Logger(Dispatcher.name);

  constructor(
    private readonly db: Collections,
    private readonly versions: PinnedVersions,
    @InjectQueue(TASK_QUEUE) private readonly tasks: Queue<TaskJob>,
    @InjectQueue(WAKE_QUEUE) private readonly wakes: Queue<WakeJob>,
    private readonly slots: TaskSlots,
  ) {
    slots.onTurn((run, tasks) => this.dispatchQueued(run, tasks));
  }

  /**
   * PENDING -> QUEUED, then onto the queue; tasks that a limit binds stay back until they have their slots.
   * @returns false when a guard refused one of them: it was cancelled, or released before.
   */
  async release(run: RunRef, nodeIds: string[]): Promise<boolean> {
    if (nodeIds.length === 0) return true;
    const { graph } = await this.versions.get(run.engine.version_id);
    const ready = nodeIds.map((node_id): Ready => {
      const node = graph.nodes.get(node_id)!;
      const { engine } = newTask(node, run.priority);
      return { _id: taskId(run._id, node.position), node_id, engine };
    });
    return this.releaseTasks(run, ready);
  }

  /** The same for tasks, among them those of a mapped node's items. */
  async releaseTasks(run: RunRef, ready: Ready[]): Promise<boolean> {
    const { bound, free } = this.byLimit(run, ready);
    // They are equally old, so free slots go by priority alone.
    bound.sort((a, b) => b.engine.priority - a.engine.priority);
    const dispatch = randomUUID();
    const released = await this.queue(free, { 'engine.dispatch': dispatch });
    if (released === free.length) await this.enqueue(run, free, dispatch);
    else if (released > 0) {
      const mine = await this.db.tasks
        .find({ run_id: run._id, 'engine.dispatch': dispatch })
        .project<{ _id: string }>({ _id: 1 })
        .toArray();
      const ids = new Set(mine.map(({ _id }) => _id));
      await this.enqueue(
        run,
        free.filter(({ _id }) => ids.has(_id)),
        dispatch,
      );
    }
    const waiting = await this.queue(bound, {
      'engine.dispatch': null,
      'engine.rank': rankUpdate(new Date(), '$engine.priority'),
    });
    if (waiting === bound.length) await this.handOver(run, bound);
    else if (waiting > 0) await this.handOverParked(run);
    return released + waiting === ready.length;
  }

  /** Tasks of a run that is about to be stored, QUEUED from the beginning; no limit may bind them. */
  newborn(tasks: Task[]): Newborn {
    const dispatch = randomUUID();
    const now = new Date();
    const check_at = new Date(now.getTime() + FIRST_LOOK_MS);
    const queued = tasks.map((task): Task => ({
      ...task,
      state: 'QUEUED',
      queued_at: now,
      engine: { ...task.engine, dispatch, check_at },
    }));
    return { dispatch, tasks: new Map(queued.map((task) => [task._id, task])) };
  }

  /** Hands them over, once they and their run are stored. */
  enqueueNewborn(run: RunRef, { tasks, dispatch }: Newborn): Promise<void> {
    return this.enqueue(run, [...tasks.values()], dispatch);
  }

  /** The guarded write of `release`. @returns how many were PENDING. */
  private async queue(tasks: Ready[], set: object): Promise<number> {
    if (tasks.length === 0) return 0;
    const now = new Date();
    const check_at = new Date(now.getTime() + FIRST_LOOK_MS);
    const { matchedCount } = await this.db.tasks.updateMany(
      { _id: { $in: tasks.map(({ _id }) => _id) }, state: 'PENDING' },
      [{ $set: { state: 'QUEUED', queued_at: now, 'engine.check_at': check_at, ...set } }],
      FAST,
    );
    return matchedCount;
  }

  /** Whether a ready task of this node may start wherever there is a worker, without a slot of its own. */
  isUnbounded(run: RunRef, node: NodeDefinition): boolean {
    return !this.slots.applies(run, node.pool);
  }

  /** Tasks that need a slot of some limit, and those that need none. */
  private byLimit(run: RunRef, tasks: Ready[]): { bound: Ready[]; free: Ready[] } {
    const bound: Ready[] = [];
    const free: Ready[] = [];
    for (const task of tasks) (this.slots.applies(run, task.engine.pool) ? bound : free).push(task);
    return { bound, free };
  }

  /** Hands over QUEUED tasks whose job does not exist, as far as the limits allow. */
  async handOver(run: RunRef, tasks: Ready[]): Promise<void> {
    const { bound, free } = this.byLimit(run, tasks);
    if (bound.length > 0) free.push(...(await this.slots.enter(run, bound)));
    if (free.length > 0) await this.dispatchQueued(run, free);
  }

  /** Hands over every QUEUED task of the run that nobody carries: parked by a pause, or waiting for a slot. */
  async handOverParked(run: RunRef): Promise<void> {
    const parked = await this.db.tasks
      .find({ run_id: run._id, state: 'QUEUED', 'engine.dispatch': null })
      .project<Ready>({ node_id: 1, 'engine.priority': 1, 'engine.pool': 1, 'engine.pool_slots': 1 })
      .sort({ 'engine.rank': 1, _id: 1 })
      .toArray();
    if (parked.length > 0) await this.handOver(run, parked);
  }

  /** Gives a fresh dispatch to tasks that are QUEUED and hands them over (again). */
  async dispatchQueued(run: RunRef, tasks: Ready[], delayMs = 0): Promise<void> {
    const dispatch = randomUUID();
    await this.db.tasks.updateMany(
      { _id: { $in: tasks.map(({ _id }) => _id) }, state: 'QUEUED' },
      {
        $set: {
          'engine.dispatch': dispatch,
          'engine.check_at': new Date(Date.now() + delayMs + FIRST_LOOK_MS),
        },
      },
      FAST,
    );
    await this.enqueue(run, tasks, dispatch, delayMs);
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
      { $set: { 'engine.check_at': new Date(Date.now() + LOOK_AGAIN_MS) } },
      FAST,
    );
  }

  /** Whether the job that carries a queued task still exists. @throws when Redis is away. */
  async hasJob(task: Pick<Task, '_id' | 'engine'>): Promise<boolean> {
    const { dispatch } = task.engine;
    return dispatch !== null && (await this.tasks.getJob(jobId(task._id, dispatch))) !== undefined;
  }

  private async enqueue(run: RunRef, tasks: Ready[], dispatch: string, delay = 0): Promise<void> {
    const { graph } = await this.versions.get(run.engine.version_id);
    if (tasks.length === 0) return;
    const jobs = tasks.map(({ _id, node_id, engine }) => {
      const { type, config, requires } = graph.nodes.get(node_id)!.definition;
      const handler = type === 'task' ? String(config?.handler) : undefined;
      const priority = jobPriority(engine.priority);
      return {
        name: 'run',
        data: {
          run_id: run._id,
          task_id: _id,
          ...(handler && { handler }),
          ...(requires?.length && { requires }),
        },
        opts: { jobId: jobId(_id, dispatch), ...(delay && { delay }), priority },
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
