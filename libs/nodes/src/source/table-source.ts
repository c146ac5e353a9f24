import { type ErrorDetail, type Json, type NodeDefinition } from '@tauro/domain';
import { type NodeContext, type NodeResult } from '../node-kind.js';

/** One place that a `source` node reads from. A new one is one folder and one entry in `source.node.ts`. */
export interface TableSource {
  /** The value of `source_type`. */
  type: string;
  /** JSON Schema of the config, with `source_type` as a constant. */
  schema: Record<string, unknown>;
  /** The kind of connection that it reads through; absent when it needs none. */
  connection?: string;
  /** What the schema cannot say. Paths are relative to the node. */
  check?(node: NodeDefinition): ErrorDetail[];
  /** JSON that differs when what it would read does; absent when nothing can be told without reading. */
  pins?(context: NodeContext): Promise<Json>;
  /** Reads it into this attempt's table. */
  read(context: NodeContext): Promise<NodeResult>;
}
