/** The states of a run. PENDING is created, QUEUED is started but no worker has begun it yet. */
export const RUN_STATES = [
  'PENDING',
  'QUEUED',
  'RUNNING',
  'PAUSED',
  'SUCCESS',
  'FAILED',
  'CANCELLED',
] as const;
export type RunState = (typeof RUN_STATES)[number];

/**
 * The states of a task. QUEUED is ready and handed to the workers; RETRYING sleeps until its next attempt;
 * WAITING sleeps by its own wish (a `wait`, an `approval`, a sub-run). Neither of the two holds a slot.
 */
export const TASK_STATES = [
  'PENDING',
  'QUEUED',
  'RUNNING',
  'RETRYING',
  'WAITING',
  'SUCCESS',
  'FAILED',
  'SKIPPED',
  'UPSTREAM_FAILED',
  'CANCELLED',
] as const;
export type TaskState = (typeof TASK_STATES)[number];

/** Legal transitions of a run: `from -> to`. A write that is not in the table cannot be spelled. */
export const RUN_TRANSITIONS = {
  // FAILED when its deadline passed before it was started.
  PENDING: ['QUEUED', 'FAILED', 'CANCELLED'],
  QUEUED: ['RUNNING', 'PAUSED', 'FAILED', 'CANCELLED', 'SUCCESS'],
  RUNNING: ['PAUSED', 'SUCCESS', 'FAILED', 'CANCELLED'],
  PAUSED: ['QUEUED', 'RUNNING', 'SUCCESS', 'FAILED', 'CANCELLED'],
  SUCCESS: [],
  FAILED: [],
  CANCELLED: [],
} as const satisfies Record<RunState, readonly RunState[]>;

/** Legal transitions of a task. */
export const TASK_TRANSITIONS = {
  // Straight to RUNNING on the worker that ended the last task before it.
  PENDING: ['QUEUED', 'RUNNING', 'SKIPPED', 'UPSTREAM_FAILED', 'CANCELLED'],
  QUEUED: ['RUNNING', 'CANCELLED', 'FAILED'],
  RUNNING: ['SUCCESS', 'FAILED', 'SKIPPED', 'RETRYING', 'WAITING', 'QUEUED', 'CANCELLED'],
  RETRYING: ['QUEUED', 'CANCELLED', 'FAILED'],
  // RETRYING after a sub-run that failed.
  WAITING: ['SUCCESS', 'FAILED', 'RETRYING', 'CANCELLED'],
  SUCCESS: [],
  FAILED: [],
  SKIPPED: [],
  UPSTREAM_FAILED: [],
  CANCELLED: [],
} as const satisfies Record<TaskState, readonly TaskState[]>;

const terminalOf = <S extends string>(table: Record<S, readonly S[]>): ReadonlySet<S> =>
  new Set((Object.keys(table) as S[]).filter((state) => table[state].length === 0));

/** States that never change again, read off the tables so that the two cannot disagree. */
export const TERMINAL_RUN_STATES = terminalOf<RunState>(RUN_TRANSITIONS);
export const TERMINAL_TASK_STATES = terminalOf<TaskState>(TASK_TRANSITIONS);
export const ACTIVE_RUN_STATES = RUN_STATES.filter((s) => !TERMINAL_RUN_STATES.has(s));
export const ACTIVE_TASK_STATES = TASK_STATES.filter((s) => !TERMINAL_TASK_STATES.has(s));

export const isTerminalRun = (state: RunState): boolean => TERMINAL_RUN_STATES.has(state);
export const isTerminalTask = (state: TaskState): boolean => TERMINAL_TASK_STATES.has(state);

/** The states from which `to` may be reached, for the guard of a write. */
export function runStatesBefore(to: RunState): RunState[] {
  return RUN_STATES.filter((from) => (RUN_TRANSITIONS[from] as readonly RunState[]).includes(to));
}
export function taskStatesBefore(to: TaskState): TaskState[] {
  return TASK_STATES.filter((from) => (TASK_TRANSITIONS[from] as readonly TaskState[]).includes(to));
}
