import { Injectable } from '@nestjs/common';
import { type Run, type Task } from '@tauro/database';
import {
  type ForEach,
  isStopped,
  isTerminalTask,
  ItemCollector,
  itemTaskId,
  type Json,
  type MappedResult,
  type GraphNode,
  STOP,
  TERMINAL_TASK_STATES,
  taskId,
  taskLabel,
} from '@tauro/domain';
import { Signals } from '@tauro/queue';
import { type mongo } from 'mongoose';
import { Collections, FAST, tolerateDuplicates } from './collections.js';
import { Dispatcher, type Ready, type RunRef } from './dispatcher.js';
import { IDLE, WAITS_FOR_RUN } from './idle-tasks.js';
import { newTask, poolOf } from './new-task.js';
import { type PinnedVersion } from './pinned-versions.js';
import { allEnded, RunFactsCache } from './run-facts.js';
import { RunLogWriter } from './run-log.writer.js';
import { TaskSlots } from './slots/task-slots.js';

/** A task that has just become terminal. */
type Ended = Pick<Task, '_id' | 'node_id' | 'index' | 'state'>;

/** When the reconciler finishes what follows a terminal write that nobody followed up. */
const FOLLOW_UP_MS = 5000;
/** How often it looks whether a mapped node has a way on. */
const LOOK_MS = 15_000;
/** What the limits of a task depend on. */
const SLOT_FIELDS = { 'engine.priority': 1, 'engine.pool': 1, 'engine.pool_slots': 1 } as const;

/**
 * Mapped nodes: one task per item beside the node's own, which waits for them. The items' tasks exist before the
 * node's task says so (`engine.expanded`), and only then may they start. Which of a bounded number may run is a
 * set in the node's task, moved by one write per finish; that all have ended is found as for any join.
 */
@Injectable()
export class MappingService {
  constructor(
    private readonly db: Collections,
    private readonly facts: RunFactsCache,
    private readonly dispatcher: Dispatcher,
    private readonly logs: RunLogWriter,
    private readonly signals: Signals,
    private readonly slots: TaskSlots,
  ) {}

  /**
   * Stores the tasks of the items. A list depends only on what never changes during a run, so after a crash the
   * same tasks are made again, and those that exist already stand.
   */
  async plant(task: Task, node: GraphNode, items: Json[]): Promise<void> {
    const { engine, ...fresh } = newTask(node, 0, true);
    const tasks = items.map((item, index): Task => ({
      ...fresh,
      engine: { ...engine, priority: task.engine.priority },
      _id: itemTaskId(task._id, index),
      run_id: task.run_id,
      index,
      item,
      max_attempts: task.max_attempts,
      // That of their node, so that lists keep the order of the graph.
      created_at: task.created_at,
    }));
    if (tasks.length > 0)
      await tolerateDuplicates(this.db.tasks.insertMany(tasks, { ordered: false, ...FAST }));
  }

  /**
   * What follows the end of items: others may start, or are cancelled, and after the last one the node's own task
   * ends. Repeating it is harmless.
   * @returns the mapped tasks that ended now; `refused` when one had been ended by a cancel already.
   */
  async itemsEnded(
    run: RunRef,
    version: PinnedVersion,
    items: Ended[],
  ): Promise<{ joined: Ended[]; refused: boolean }> {
    const facts = this.facts.of(run._id);
    const joined: Ended[] = [];
    let refused = false;
    for (const item of items) facts.ended.set(taskLabel(item), item.state);
    for (const nodeId of new Set(items.map((item) => item.node_id))) {
      const mapped = mappedOf(run, version, nodeId);
      const own = items.filter((item) => item.node_id === nodeId);
      const policy = mapped.for_each.on_item_failure;
      if (policy === 'fail_fast' && own.some((item) => item.state === 'FAILED')) {
        await this.closeItems(run, mapped);
      } else if (mapped.for_each.max_parallelism !== undefined) {
        for (const item of own) await this.moveOn(run, mapped, item.index!);
      }
      if (!(await this.allItemsEnded(run, mapped))) continue;
      const ended = await this.join(run, mapped);
      if (ended) joined.push(ended);
      else refused = true;
    }
    return { joined, refused };
  }

  /** A mapped node that did not succeed leaves no item behind that nobody will start. */
  async nodesEnded(run: RunRef, version: PinnedVersion, ended: Ended[]): Promise<void> {
    for (const { node_id, state } of ended) {
      if (state === 'SUCCESS' || !version.graph.nodes.get(node_id)!.definition.for_each) continue;
      await this.closeItems(run, mappedOf(run, version, node_id));
    }
  }

  /**
   * Moves on what a waiting mapped task waits for: starts the items that may start, ends it when all have ended
   * or its run is being cancelled. @returns the task when it ended.
   */
  async look(run: Run, version: PinnedVersion, nodeId: string): Promise<Ended | null> {
    const mapped = mappedOf(run, version, nodeId);
    const current = await this.db.runs.findOne({ _id: run._id }, { projection: { engine: 1 } });
    if (current && isStopped(current, { engine: { stage: version.graph.nodes.get(nodeId)!.stage } })) {
      await this.closeItems(run, mapped);
      return this.end(run, mapped, { state: 'CANCELLED', output: null, error: null });
    }
    const task = await this.db.tasks.findOneAndUpdate(
      { _id: mapped.id, state: 'WAITING' },
      { $set: { 'engine.check_at': new Date(Date.now() + LOOK_MS) } },
      FAST,
    );
    if (!task) return null;
    const { open } = task.engine;
    const some = open ? { _id: { $in: open.map((index) => itemTaskId(mapped.id, index)) } } : {};
    const items = await this.db.tasks
      .find({ run_id: run._id, node_id: nodeId, index: { $ne: null }, ...some })
      .project<Ended & Ready>({ node_id: 1, index: 1, state: 1, ...SLOT_FIELDS })
      .toArray();
    const ready = items.filter((item) => item.state === 'PENDING');
    if (ready.length > 0) await this.dispatcher.releaseTasks(run, ready);
    if (open) {
      for (const { index, state } of items) if (isTerminalTask(state)) await this.moveOn(run, mapped, index!);
    }
    return (await this.allItemsEnded(run, mapped)) ? this.join(run, mapped) : null;
  }

  /** Puts the next item in the place of one that has ended, and passes over those that a rerun has taken over. */
  private async moveOn(run: RunRef, mapped: Mapped, index: number): Promise<void> {
    for (let place: number | undefined = index; place !== undefined;) {
      const next = await this.replace(run, mapped, place);
      const over = next !== undefined && {
        _id: itemTaskId(mapped.id, next),
        state: { $in: [...TERMINAL_TASK_STATES] },
      };
      place = over && (await this.db.tasks.findOne(over, { projection: { _id: 1 } })) ? next : undefined;
    }
  }

  /**
   * One write, which a second one no longer matches. @returns the item that could not be started, since it was not
   * PENDING any more.
   */
  private async replace(run: RunRef, mapped: Mapped, index: number): Promise<number | undefined> {
    const more = { $lt: ['$engine.next', '$engine.expanded'] };
    const others = { $filter: { input: '$engine.open', cond: { $ne: ['$$this', index] } } };
    const before = await this.db.tasks.findOneAndUpdate(
      { _id: mapped.id, state: 'WAITING', 'engine.open': index },
      [
        {
          $set: {
            'engine.open': { $concatArrays: [others, { $cond: [more, ['$engine.next'], []] }] },
            'engine.next': { $cond: [more, { $add: ['$engine.next', 1] }, '$engine.next'] },
          },
        },
      ],
      { ...FAST, returnDocument: 'before', projection: { engine: 1, node_id: 1 } },
    );
    if (!before) return undefined;
    const { next, expanded } = before.engine;
    if (next! >= expanded!) return undefined;
    const engine = { ...before.engine, ...mapped.slots };
    const ready = { _id: itemTaskId(mapped.id, next!), node_id: mapped.node_id, engine };
    return (await this.dispatcher.releaseTasks(run, [ready])) ? undefined : next;
  }

  private async allItemsEnded(run: RunRef, { id, node_id }: Mapped): Promise<boolean> {
    const facts = this.facts.of(run._id);
    let length = facts.expanded.get(node_id);
    if (length === undefined) {
      const task = await this.db.tasks.findOne({ _id: id }, { projection: { 'engine.expanded': 1 } });
      length = task?.engine.expanded;
      if (length === undefined) return false;
      facts.expanded.set(node_id, length);
    }
    const places = { length, keyAt: (index: number) => taskLabel({ node_id, index }) };
    return allEnded(facts, `${node_id}[]`, places, async (asked) => {
      const ids = asked.map((index) => itemTaskId(id, index));
      const ended = await this.db.tasks
        .find({ _id: { $in: ids }, state: { $in: [...TERMINAL_TASK_STATES] } })
        .project<Ended>({ node_id: 1, index: 1, state: 1 })
        .toArray();
      for (const item of ended) facts.ended.set(taskLabel(item), item.state);
    });
  }

  /** WAITING -> what its items have come to. @returns null when it does not wait any more. */
  private async join(run: RunRef, mapped: Mapped): Promise<Ended | null> {
    const collector = new ItemCollector();
    const items = this.db.tasks
      .find({ run_id: run._id, node_id: mapped.node_id, index: { $ne: null } })
      .project<Pick<Task, 'index' | 'state' | 'output' | 'error'>>({
        index: 1,
        state: 1,
        output: 1,
        error: 1,
      })
      .sort({ index: 1 });
    for await (const { index, ...item } of items) {
      // What was known of it was lost with a primary: whoever ends it again joins.
      if (!isTerminalTask(item.state)) {
        this.facts.forget(run._id);
        return null;
      }
      collector.add({ index: index!, ...item });
    }
    return this.end(run, mapped, collector.result(mapped.for_each.on_item_failure));
  }

  private async end(
    run: RunRef,
    { id, node_id }: Mapped,
    { state, output, error }: MappedResult | { state: 'CANCELLED'; output: null; error: null },
  ): Promise<Ended | null> {
    const origin = { task_id: id, node_id, attempt: 1 };
    if (error) this.logs.append(run._id, origin, 'ERROR', `task ${node_id} failed: ${error.message}`);
    this.logs.append(run._id, origin, 'INFO', `task ${node_id} ended ${state}`);
    await this.logs.flush(run._id);
    const now = new Date();
    const { matchedCount } = await this.db.tasks.updateOne(
      { _id: id, state: 'WAITING' },
      {
        $set: {
          state,
          output,
          error,
          finished_at: now,
          'attempts.$[asleep].state': state,
          'attempts.$[asleep].finished_at': now,
          'attempts.$[asleep].error': error,
          'engine.advanced': false,
          'engine.check_at': new Date(now.getTime() + FOLLOW_UP_MS),
        },
      },
      { arrayFilters: [{ 'asleep.state': 'WAITING' }] },
    );
    return matchedCount === 1 ? { _id: id, node_id, index: null, state } : null;
  }

  /** Cancels the items that have not ended: those that do not run at once, the others by a signal. */
  private async closeItems(run: RunRef, { id, node_id }: Mapped): Promise<void> {
    const items = { run_id: run._id, node_id, index: { $ne: null } };
    const idle = { ...items, ...IDLE };
    const closed = await this.db.tasks
      .find(idle)
      .project<Ready & Pick<Task, 'index' | 'state' | 'attempt'>>({
        node_id: 1,
        index: 1,
        state: 1,
        attempt: 1,
        ...SLOT_FIELDS,
      })
      .toArray();
    if (closed.length > 0) {
      for (const { _id, index, attempt } of closed) {
        const origin = { task_id: _id, node_id, attempt };
        this.logs.append(run._id, origin, 'INFO', `task ${taskLabel({ node_id, index })} ended CANCELLED`);
      }
      await this.logs.flush(run._id);
      await this.db.tasks.updateMany(
        idle,
        {
          $set: {
            state: 'CANCELLED',
            finished_at: new Date(),
            'engine.advanced': true,
            'attempts.$[asleep].state': 'CANCELLED',
            'attempts.$[asleep].finished_at': new Date(),
          },
          $unset: { 'engine.check_at': 1 },
        },
        { arrayFilters: [{ 'asleep.state': 'WAITING' }] },
      );
      const queued = closed.filter((task) => task.state === 'QUEUED');
      await this.slots.fill(await this.slots.leave(run, ...queued));
    }
    this.signals.stopped(id, STOP.all);
    await this.closeSubRuns(items);
  }

  /** Items that wait for a run of theirs are told that it is not wanted any more; they end when it has. */
  private async closeSubRuns(items: mongo.Filter<Task>): Promise<void> {
    const waiting = { ...items, ...WAITS_FOR_RUN };
    const { matchedCount } = await this.db.tasks.updateMany(
      { ...waiting, 'engine.stop': { $ne: true } },
      { $set: { 'engine.stop': true, 'engine.check_at': new Date() } },
    );
    if (matchedCount === 0) return;
    const told = await this.db.tasks
      .find(waiting)
      .project<Pick<Task, '_id' | 'run_id'>>({ run_id: 1 })
      .toArray();
    for (const task of told) await this.dispatcher.wakeAt(task, new Date());
  }
}

/** A mapped node of one run. */
interface Mapped {
  /** Of its own task. */
  id: string;
  node_id: string;
  for_each: ForEach;
  /** What each item takes of a pool. */
  slots: ReturnType<typeof poolOf>;
}

function mappedOf(run: RunRef, { graph }: PinnedVersion, node_id: string): Mapped {
  const { definition, position } = graph.nodes.get(node_id)!;
  const id = taskId(run._id, position);
  return { id, node_id, for_each: definition.for_each!, slots: poolOf(definition) };
}
