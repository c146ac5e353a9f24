import { type RunMetrics, type RunProgress, type Task, type TaskMetrics } from '@tauro/database';
import { isTerminalTask, type TaskState } from '@tauro/domain';

/** Tasks of one run in one state, added up. */
export interface TaskGroup {
  state: TaskState;
  count: number;
  rows: number;
  bytes: number;
  /** Failed attempts. */
  failures: number;
}

const COMPLETED: ReadonlySet<TaskState> = new Set(['SUCCESS', 'SKIPPED']);
const FAILED: ReadonlySet<TaskState> = new Set(['FAILED', 'UPSTREAM_FAILED']);

/** A task as a group of its own. */
export const groupOf = (
  task: Pick<Task, 'state'> & {
    metrics: Pick<TaskMetrics, 'rows' | 'bytes'> | null;
    engine: { failures: number };
  },
): TaskGroup => ({
  state: task.state,
  count: 1,
  rows: task.metrics?.rows ?? 0,
  bytes: task.metrics?.bytes ?? 0,
  failures: task.engine.failures,
});

/** Progress and metrics of a run from its tasks. */
export function summarise(groups: readonly TaskGroup[]): { progress: RunProgress; metrics: RunMetrics } {
  const progress: RunProgress = {
    total_tasks: 0,
    completed_tasks: 0,
    running_tasks: 0,
    failed_tasks: 0,
    percent_complete: 0,
  };
  const metrics: RunMetrics = { rows_processed: 0, bytes_processed: 0, error_count: 0 };
  let terminal = 0;
  for (const { state, count, rows, bytes, failures } of groups) {
    progress.total_tasks += count;
    if (COMPLETED.has(state)) progress.completed_tasks += count;
    if (FAILED.has(state)) progress.failed_tasks += count;
    if (state === 'RUNNING') progress.running_tasks += count;
    if (isTerminalTask(state)) terminal += count;
    metrics.rows_processed += rows;
    metrics.bytes_processed += bytes;
    metrics.error_count += failures;
  }
  if (progress.total_tasks > 0) {
    progress.percent_complete = Math.round((terminal / progress.total_tasks) * 10_000) / 100;
  }
  return { progress, metrics };
}
