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

/** What keeps a task, for programs: few words that mean the same in every text. */
export type WaitingFor =
  | 'nodes'
  | 'items'
  | 'run'
  | 'worker'
  | 'handler'
  | 'tags'
  | 'slot'
  | 'pool'
  | 'rate_limit'
  | 'parallelism'
  | 'retry'
  | 'circuit_breaker'
  | 'approval'
  | 'sub_run'
  | 'time';

/** Why a task is not moving, for programs and for people. */
export interface WaitingReason {
  waits_for: WaitingFor;
  text: string;
}

/** Why a task is not moving, as people read it; null when it is moving or has ended. */
export const taskWaitingReason = (task: Waiting, situation: Situation): string | null =>
  whyTaskWaits(task, situation)?.text ?? null;

/** Why a task is not moving; null when it is moving or has ended. */
export function whyTaskWaits(task: Waiting, situation: Situation): WaitingReason | null {
  const { run, graph, workers, states } = situation;
  if (isTerminalTask(task.state)) return null;
  const node = graph.nodes.get(task.node_id);
  switch (task.state) {
    case 'PENDING': {
      if (run.state === 'PENDING') return because('run', 'the run is not started');
      if (task.index !== null) {
        const atOnce = node?.definition.for_each?.max_parallelism;
        return because('items', `waits for its turn: at most ${atOnce} items at once`);
      }
      const open = (node?.parents ?? []).filter((id) => !isTerminalTask(states.get(id) ?? 'PENDING'));
      if (open.length > 0) return because('nodes', `waits for ${enumerate(open)}`);
      if (node && node.stage > run.engine.stage)
        return because('nodes', 'waits for all nodes before it to end');
      return situation.admission
        ? because('run', `the run is not admitted yet: ${situation.admission}`)
        : null;
    }
    case 'QUEUED': {
      if (run.state === 'PAUSED') return because('run', 'the run is paused');
      if (workers.length === 0) return because('worker', 'no worker is alive');
      const active = workers.filter((worker) => worker.state === 'ACTIVE');
      if (active.length === 0)
        return because('worker', 'no worker takes tasks: all that are alive are draining');
      const handler = node?.definition.type === 'task' ? String(node.definition.config?.handler) : null;
      if (handler && !active.some((worker) => worker.handlers.includes(handler))) {
        return because('handler', `no live worker has the handler '${handler}'`);
      }
      const tags = node?.definition.requires ?? [];
      if (!active.some((worker) => tags.every((tag) => worker.tags.includes(tag)))) {
        return because('tags', `no live worker offers ${tags.join(', ')}`);
      }
      return task.engine.dispatch === null
        ? slotReason(task, situation)
        : because('slot', 'waits for a free worker slot');
    }
    case 'RETRYING':
      if (task.engine.postponed) return because('circuit_breaker', task.engine.postponed);
      return because(
        'retry',
        `attempt ${task.attempt + 1} of ${task.max_attempts} at ${task.engine.wake_at?.toISOString()}: ${task.error?.message}`,
      );
    case 'WAITING':
      if (task.engine.approval)
        return because('approval', waitsForApproval(task.engine.approval.message, task.engine.wake_at));
      if (task.sub_run_id) return because('sub_run', `waits for its run ${task.sub_run_id}`);
      if (task.engine.expanded !== undefined)
        return because('items', `waits for its ${task.engine.expanded} items`);
      return because('time', `waits until ${task.engine.wake_at?.toISOString()}`);
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
function slotReason({ engine }: Waiting, { run, limits }: Situation): WaitingReason {
  const { pool, pool_slots = 1 } = engine;
  if (pool !== undefined) {
    const state = limits?.get(limitKey({ kind: 'pool', id: pool }));
    if (!state) return because('pool', `pool '${pool}' does not exist; it waits for one of this name`);
    const { capacity = 0, holders, rate_limit } = state;
    const used = usedSlots(state);
    if (used + Math.min(pool_slots, Math.max(capacity, 1)) > capacity) {
      return because(
        'pool',
        `pool '${pool}' has no room for it: ${holders.length} tasks hold ${used} of its ${capacity} slots`,
      );
    }
    if (rate_limit && (state.starts ?? []).length >= rate_limit.tasks) {
      return because(
        'rate_limit',
        `the rate limit of pool '${pool}' is reached: ${rate_limit.tasks} tasks per ${rate_limit.per_seconds} s`,
      );
    }
  }
  if (run.engine.max_parallelism !== null) {
    return because('parallelism', `the run's max_parallelism of ${run.engine.max_parallelism} is reached`);
  }
  return pool === undefined
    ? because('slot', 'waits for its turn')
    : because('pool', `waits for its turn in pool '${pool}'`);
}

const because = (waits_for: WaitingFor, text: string): WaitingReason => ({ waits_for, text });

const enumerate = (ids: string[]): string =>
  ids.length <= 5 ? ids.join(', ') : `${ids.slice(0, 5).join(', ')} and ${ids.length - 5} more`;
