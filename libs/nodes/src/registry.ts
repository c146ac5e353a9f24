import { type NodeKind } from './node-kind.js';
import { approvalNode } from './approval/approval.node.js';
import { commandNode } from './command/command.node.js';
import { httpNode } from './http/http.node.js';
import { pipelineNode } from './pipeline/pipeline.node.js';
import { processorNode } from './processor/processor.node.js';
import { sinkNode } from './sink/sink.node.js';
import { sourceNode } from './source/source.node.js';
import { sparkNode } from './spark/spark.node.js';
import { sqlNode } from './sql/sql.node.js';
import { taskNode } from './task/task.node.js';
import { waitNode } from './wait/wait.node.js';

/** Every kind of node there is, by its `type`. A new kind is one folder and one entry here. */
export const NODE_KINDS: ReadonlyMap<string, NodeKind> = new Map(
  [
    sourceNode,
    processorNode,
    sinkNode,
    taskNode,
    commandNode,
    httpNode,
    sqlNode,
    sparkNode,
    waitNode,
    approvalNode,
    pipelineNode,
  ].map((kind) => [kind.type, kind]),
);
