import { type PipelineGraph, type RunState, type TaskState } from '../../../libs/domain/src/index.js';

/** A run as one write left it. Times are milliseconds of the database's clock. */
export interface RunEvent {
  kind: 'run';
  at: number;
  id: string;
  state: RunState;
  version_id: string;
  max_parallelism: number | null;
  /** Tasks that hold one of its slots. */
  slots: string[];
}

/** A task as one write left it. */
export interface TaskEvent {
  kind: 'task';
  at: number;
  id: string;
  run_id: string;
  node_id: string;
  state: TaskState;
  attempt: number;
  /** Id of the claim that holds it. */
  claim: string | null;
  worker: string | null;
  /** The execution whose result was accepted, when its handler says so in its output. */
  execution: string | null;
}

/** A stored chunk of a run's log. */
export interface LogEvent {
  kind: 'log';
  at: number;
  run_id: string;
  first_seq: number;
  messages: string[];
  final: boolean;
}

/** A document that was removed. */
export interface GoneEvent {
  kind: 'gone';
  at: number;
  what: 'run' | 'task' | 'log';
  id: string;
}

export type HistoryEvent = RunEvent | TaskEvent | LogEvent | GoneEvent;

/** Something the API said yes to. */
export interface Acknowledgement {
  run_id: string;
  what: 'create' | 'start' | 'cancel';
  at: number;
}

/** A handler began to work, as the handler itself wrote down, away from every store. */
export interface Execution {
  execution: string;
  run_id: string;
  node_id: string;
  lines: number;
}

/** Everything that is known of what happened, in the order in which the database committed it. */
export interface History {
  events: HistoryEvent[];
  acknowledgements: Acknowledgement[];
  executions: Execution[];
  /** By pipeline version. */
  graphs: ReadonlyMap<string, PipelineGraph>;
}

/** A broken promise. */
export interface Violation {
  promise: string;
  detail: string;
}

export type Check = (history: History) => Violation[];

export const runEvents = ({ events }: History): RunEvent[] => events.filter((one) => one.kind === 'run');
export const taskEvents = ({ events }: History): TaskEvent[] => events.filter((one) => one.kind === 'task');

/** Events by what they are about, each list in order. */
export function groupBy<T>(all: readonly T[], key: (one: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const one of all) {
    const group = groups.get(key(one));
    if (group) group.push(one);
    else groups.set(key(one), [one]);
  }
  return groups;
}
