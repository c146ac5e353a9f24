import { type Json, type JsonObject } from '@tauro/domain';
import { type TaskTables } from './tables.js';

/** The run a handler works for. */
export interface RunInfo {
  id: string;
  project_id: string;
  pipeline_id: string;
  pipeline_name: string;
  /** ISO 8601, UTC, as are the times below. */
  created_at: string;
  /** RUNNING for a main node; for `on_failure` and `finally` nodes how the main ones ended. */
  state: 'RUNNING' | 'SUCCESS' | 'FAILED' | 'CANCELLED';
  /** Why the main nodes failed, when they did; only for `on_failure` and `finally` nodes. */
  error: { type: string; message: string; node_id: string | null } | null;
  scheduled_for?: string;
  data_interval_start?: string;
  data_interval_end?: string;
}

/** Lines of the task's log. `console.log` works too (INFO), and so does `console.error` (WARNING). */
export interface TaskLog {
  debug(message: string): void;
  info(message: string): void;
  warning(message: string): void;
  error(message: string): void;
}

/** Everything a handler gets. It runs in a process of its own, so it may block, but shares no memory. */
export interface TaskContext<Input = JsonObject> {
  /** The run's params. */
  params: JsonObject;
  /** The node's `config.input`, with its templates rendered; `{}` when the node has none. */
  input: Input;
  /** What the upstream nodes returned, by node id. A table node's output is `{rows, bytes, columns}`. */
  inputs: { readonly [nodeId: string]: Json };
  /** The tables of the nodes before, to be read, and that of this node, to be written. */
  tables: TaskTables;
  run: RunInfo;
  /** 1 for the first attempt. */
  attempt: number;
  log: TaskLog;
  /** 0..1, shown as the task's progress. */
  progress(fraction: number): void;
  /** Aborted on cancel and timeout. A handler that does not stop soon after is killed with its process. */
  signal: AbortSignal;
  /** The W3C `traceparent` header for the calls it makes; undefined when the run belongs to no trace. */
  traceparent?: string;
}
