import { type ErrorDetail, type NodeDefinition } from '@tauro/domain';
import { type NodeContext, type NodeResult } from '../node-kind.js';
import { type TableInput } from '../tables/table-output.js';

/** One place that a `sink` node writes to. A new one is one folder and one entry in `sink.node.ts`. */
export interface TableSink {
  /** The value of `destination`. */
  type: string;
  /** JSON Schema of the config, with `destination` as a constant. */
  schema: Record<string, unknown>;
  /** The kind of connection that it writes through; absent when it needs none. */
  connection?: string;
  /** What the schema cannot say. Paths are relative to the node. */
  check?(node: NodeDefinition): ErrorDetail[];
  /** Writes the table; an attempt that is repeated leaves no row twice and no half. */
  write(context: NodeContext, table: TableInput): Promise<NodeResult>;
}
