import { type Run, type Task, type WorkerRecord } from '@tauro/database';
import { isTerminalRun, isTerminalTask, type PipelineGraph, type TaskState } from '@tauro/domain';
import { waitsForApproval } from './settlement.js';
import { limitKey } from './slots/limit-ref.js';
import { usedSlots } from './slots/slot-reasons.js';
import { type SlotState } from './slots/slot-table.js';

/** What the reasons are worked out from. */
export interface Situation {
  run: Pick<Run, 'state' | 'cancel_requested_at' | 'engine'>;
  graph: PipelineGraph;
  /** Workers that are alive. */
  workers: Pick<WorkerRecord, 'handlers' | 'tags' | 'state'>[];
  /** State by node id, as far as known. */
  states: ReadonlyMap<string, TaskState>;
  /** Why the run is not admitted yet, when it is not. */
  admission?: string;
  /** The pools that tasks wait for, by key. */
  limits?: ReadonlyMap<string, SlotState>;
}

type Waiting = Pick<
  Task,
  'node_id' | 'index' | 'state' | 'attempt' | 'max_attempts' | 'error' | 'sub_run_id' | 'engine'
>;

/** Why a task is not moving; null when it is moving or has ended. */
export function taskWaitingReason(task: Waiting, situation: Situation): string | null {
  const { run, graph, workers, states } = situation;
  if (isTerminalTask(task.state)) return null;
  const node = graph.nodes.get(task.node_id);
  switch (task.state) {
    case 'PENDING': {
      if (run.state === 'PENDING') return 'the run is not started';
      if (task.index !== null) {
        return `waits for its turn: at most ${node?.definition.for_each?.max_parallelism} items at once`;
      }
      const open = (node?.parents ?? []).filter((id) => !isTerminalTask(states.get(id) ?? 'PENDING'));
      if (open.length > 0) return `waits for ${enumerate(open)}`;
      if (node && node.stage > run.engine.stage) return 'waits for all nodes before it to end';
      return situation.admission ? `the run is not admitted yet: ${situation.admission}` : null;
    }
    case 'QUEUED': {
      if (run.state === 'PAUSED') return 'the run is paused';
      if (workers.length === 0) return 'no worker is alive';
      const active = workers.filter((worker) => worker.state === 'ACTIVE');
      if (active.length === 0) return 'no worker takes tasks: all that are alive are draining';
      const handler = node?.definition.type === 'task' ? String(node.definition.config?.handler) : null;
      if (handler && !active.some((worker) => worker.handlers.includes(handler))) {
        return `no live worker has the handler '${handler}'`;
      }
      const tags = node?.definition.requires ?? [];
      if (!active.some((worker) => tags.every((tag) => worker.tags.includes(tag)))) {
        return `no live worker offers ${tags.join(', ')}`;
      }
      return task.engine.dispatch === null ? slotReason(task, situation) : 'waits for a free worker slot';
    }
    case 'RETRYING':
      if (task.engine.postponed) return task.engine.postponed;
      return `attempt ${task.attempt + 1} of ${task.max_attempts} at ${task.engine.wake_at?.toISOString()}: ${task.error?.message}`;
    case 'WAITING':
      if (task.engine.approval) return waitsForApproval(task.engine.approval.message, task.engine.wake_at);
      if (task.sub_run_id) return `waits for its run ${task.sub_run_id}`;
      if (task.engine.expanded !== undefined) return `waits for its ${task.engine.expanded} items`;
      return `waits until ${task.engine.wake_at?.toISOString()}`;
    default:
      return null;
  }
}

/** Why a run is not moving, from its own state and the reasons of its tasks; null while it moves or has ended. */
export function runWaitingReason(run: Run, tasks: Waiting[], situation: Situation): string | null {
  if (isTerminalRun(run.state)) return null;
  if (run.cancel_requested_at) return 'is being cancelled';
  if (run.state === 'PENDING') return 'not started yet';
  if (run.state === 'PAUSED') return 'paused';
  if (situation.admission) return situation.admission;
  if (tasks.some((task) => task.state === 'RUNNING')) return null;
  const stuck = tasks.filter((task) => task.state !== 'PENDING' && !isTerminalTask(task.state));
  // A missing handler or worker needs a person, so it is said before what passes by itself.
  const reasons = stuck.map((task) => ({ task, reason: taskWaitingReason(task, situation) }));
  const first = reasons.find(({ reason }) => reason?.startsWith('no ')) ?? reasons[0];
  return first?.reason ? `${first.task.node_id}: ${first.reason}` : null;
}

/** Which limit keeps a ready task from being handed over. */
function slotReason({ engine }: Waiting, { run, limits }: Situation): string {
  const { pool, pool_slots = 1 } = engine;
  if (pool !== undefined) {
    const state = limits?.get(limitKey({ kind: 'pool', id: pool }));
    if (!state) return `pool '${pool}' does not exist; it waits for one of this name`;
    const { capacity = 0, holders, rate_limit } = state;
    const used = usedSlots(state);
    if (used + Math.min(pool_slots, Math.max(capacity, 1)) > capacity) {
      return `pool '${pool}' has no room for it: ${holders.length} tasks hold ${used} of its ${capacity} slots`;
    }
    if (rate_limit && (state.starts ?? []).length >= rate_limit.tasks) {
      return `the rate limit of pool '${pool}' is reached: ${rate_limit.tasks} tasks per ${rate_limit.per_seconds} s`;
    }
  }
  if (run.engine.max_parallelism !== null) {
    return `the run's max_parallelism of ${run.engine.max_parallelism} is reached`;
  }
  return pool === undefined ? 'waits for its turn' : `waits for its turn in pool '${pool}'`;
}

const enumerate = (ids: string[]): string =>
  ids.length <= 5 ? ids.join(', ') : `${ids.slice(0, 5).join(', ')} and ${ids.length - 5} more`;
