import { type Run, type Task, type WorkerRecord } from '@tauro/database';
import { isTerminalRun, isTerminalTask, type PipelineGraph, type TaskState } from '@tauro/domain';
import { waitsForApproval } from './settlement.js';

/** What the reasons are worked out from. */
export interface Situation {
  run: Pick<Run, 'state' | 'cancel_requested_at' | 'engine'>;
  graph: PipelineGraph;
  /** Workers that are alive. */
  workers: Pick<WorkerRecord, 'handlers'>[];
  /** State by node id, as far as known. */
  states: ReadonlyMap<string, TaskState>;
}

type Waiting = Pick<Task, 'node_id' | 'state' | 'attempt' | 'max_attempts' | 'error' | 'engine'>;

/** Why a task is not moving; null when it is moving or has ended. */
export function taskWaitingReason(task: Waiting, situation: Situation): string | null {
  const { run, graph, workers, states } = situation;
  if (isTerminalTask(task.state)) return null;
  const node = graph.nodes.get(task.node_id);
  switch (task.state) {
    case 'PENDING': {
      if (run.state === 'PENDING') return 'the run is not started';
      const open = (node?.parents ?? []).filter((id) => !isTerminalTask(states.get(id) ?? 'PENDING'));
      return open.length === 0 ? null : `waits for ${enumerate(open)}`;
    }
    case 'QUEUED': {
      if (run.state === 'PAUSED') return 'the run is paused';
      if (workers.length === 0) return 'no worker is alive';
      const handler = node?.definition.type === 'task' ? String(node.definition.config?.handler) : null;
      if (handler && !workers.some((worker) => worker.handlers.includes(handler))) {
        return `no live worker has the handler '${handler}'`;
      }
      return task.engine.dispatch === null
        ? `the run's max_parallelism of ${run.engine.max_parallelism} is reached`
        : 'waits for a free worker slot';
    }
    case 'RETRYING':
      return `attempt ${task.attempt + 1} of ${task.max_attempts} at ${task.engine.wake_at?.toISOString()}: ${task.error?.message}`;
    case 'WAITING':
      if (task.engine.approval) return waitsForApproval(task.engine.approval.message, task.engine.wake_at);
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
  if (tasks.some((task) => task.state === 'RUNNING')) return null;
  const stuck = tasks.filter((task) => task.state !== 'PENDING' && !isTerminalTask(task.state));
  // A missing handler or worker needs a person, so it is said before what passes by itself.
  const reasons = stuck.map((task) => ({ task, reason: taskWaitingReason(task, situation) }));
  const first = reasons.find(({ reason }) => reason?.startsWith('no ')) ?? reasons[0];
  return first?.reason ? `${first.task.node_id}: ${first.reason}` : null;
}

const enumerate = (ids: string[]): string =>
  ids.length <= 5 ? ids.join(', ') : `${ids.slice(0, 5).join(', ')} and ${ids.length - 5} more`;
