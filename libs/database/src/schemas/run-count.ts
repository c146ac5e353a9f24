/** Runs that have ended, by how; of those that had begun, how many and how long they took together. */
export type RunTotals = Partial<Record<'SUCCESS' | 'FAILED' | 'CANCELLED', number>> & {
  timed?: number;
  milliseconds?: number;
};

/**
 * How many runs of one scope ended, by when they were created; `_id` is `<scope>/d/2025-11-18` for a day, and
 * `<scope>/h/2025-11-18T10` for an hour, whose minutes are told apart. Scopes are `all` and ids of projects, pipelines
 * and schedules. It outlives the runs.
 */
export interface RunCount extends RunTotals {
  _id: string;
  /** Of an hour: `05` and so on. */
  minutes?: Record<string, RunTotals>;
  /** Of a day of all runs: how many took how long, by the place of `DURATION_BOUNDS` that they are within. */
  durations?: Record<string, number>;
  /** Of an hour: when it is told only with its day. */
  expires_at?: Date;
}
