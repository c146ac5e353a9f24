import { type Json, type JsonObject, type TaskState } from '@tauro/domain';
import { type LogLine, type Table, type TableGiven } from './workbench.js';

/** What a node leaves that is not executed. */
export type NodeGiven = { output: Json } | { table: TableGiven };

/** What became of a node. */
export interface NodeRun {
  state: TaskState;
  /** How often it was tried; 0 for one that was given, skipped or not reached. */
  attempts: number;
  output: Json;
  error: { type: string; message: string } | null;
  table?: Table;
  logs: LogLine[];
}

/** What became of a pipeline. */
export interface PipelineRun {
  state: 'SUCCESS' | 'FAILED';
  /** The first failure of a node whose failure matters. */
  error: { type: string; message: string; node_id: string | null } | null;
  /** The pipeline's own `outputs`. */
  outputs: JsonObject | null;
  nodes: Record<string, NodeRun>;
  /** Files that its sinks have left in the test's own folder, as text, by their paths. */
  files: Record<string, string>;
}
