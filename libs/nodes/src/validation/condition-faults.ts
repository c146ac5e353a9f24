import {
  asksOfSecrets,
  conditionFault,
  type ErrorDetail,
  type NodeDefinition,
  nodesInCondition,
  type PipelineGraph,
} from '@tauro/domain';
import { misplacedNode, type Precedes } from './template-faults.js';

/** What is wrong with a node's `when`: it cannot be read, or looks at nodes that do not run before. */
export function conditionFaults(
  node: NodeDefinition,
  graph: PipelineGraph,
  precedes: Precedes,
): ErrorDetail[] {
  if (node.when === undefined) return [];
  const secret = asksOfSecrets(node.when) && 'secrets cannot be used here: the answer would tell of them';
  const fault = secret || conditionFault(node.when, node.for_each !== undefined);
  const messages =
    fault === null
      ? nodesInCondition(node.when).map((id) => misplacedNode(id, node, graph, precedes))
      : [fault];
  return messages
    .filter((message) => message !== undefined)
    .map((message) => ({ field: 'when', message: `when: ${message}`, type: 'condition_error' }));
}
