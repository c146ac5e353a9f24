/** The parts of the API's answers that the demo shows. */
export interface Project {
  id: string;
  name: string;
}

export interface Run {
  id: string;
  state: string;
  duration_seconds: number | null;
  progress: { total_tasks: number; completed_tasks: number; percent_complete: number };
  metrics: { rows_processed: number; bytes_processed: number; error_count: number };
  error?: { message: string } | null;
}

export interface TaskView {
  id: string;
  node_id: string;
  state: string;
  started_at: string | null;
  finished_at: string | null;
  error: { type: string; message: string } | null;
  output: unknown;
  waiting_reason?: string | null;
}

const ENDED = ['SUCCESS', 'FAILED', 'SKIPPED', 'UPSTREAM_FAILED', 'CANCELLED'];

export const hasEnded = (task: TaskView): boolean => ENDED.includes(task.state);

/** Seconds between start and end, or until now; undefined before the start. */
export function secondsOf(task: TaskView, now: number): number | undefined {
  if (!task.started_at) return undefined;
  const end = task.finished_at ? Date.parse(task.finished_at) : now;
  return Math.max(0, end - Date.parse(task.started_at)) / 1000;
}

/** `3,000,000 rows` when the task made a table. */
export function rowsOf(task: TaskView): string {
  const rows = (task.output as { rows?: unknown } | null)?.rows;
  return typeof rows === 'number' ? `${rows.toLocaleString('en')} rows` : '';
}
