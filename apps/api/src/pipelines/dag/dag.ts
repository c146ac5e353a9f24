import {
  buildGraph,
  criticalPath,
  edgesOf,
  type NodeDefinition,
  type PipelineDefinition,
  type Stage,
  STAGES,
} from '@tauro/domain';

/** What a node says about when, where and how often it executes; shown as the definition has it. */
export const CONTROL_FLOW = [
  'trigger_rule',
  'when',
  'for_each',
  'allow_failure',
  'retry_policy',
  'timeout_seconds',
  'total_timeout_seconds',
  'cache',
  'priority',
  'pool',
  'pool_slots',
  'requires',
] as const satisfies readonly (keyof NodeDefinition)[];

/** Control flow that the definition leaves out is absent here too. */
export interface DagNode extends Pick<NodeDefinition, (typeof CONTROL_FLOW)[number]> {
  id: string;
  name: string;
  type: string;
  /** Edges on the longest way from a root. */
  depth: number;
  /** Index into `layers`. */
  layer: number;
  /** `on_failure` and `finally` nodes execute after all that stand before them. */
  stage: Stage;
  /** Whether it runs once per item of a list. */
  mapped: boolean;
  /** Whether its result may be taken from the cache. */
  cached: boolean;
}

/** A pipeline as a picture needs it. */
export interface Dag {
  nodes: DagNode[];
  edges: { from: string; to: string }[];
  roots: string[];
  leaves: string[];
  /** Node ids by depth: what stands in one layer could run at the same time. */
  layers: string[][];
  /** The longest chain of nodes. */
  critical_path: string[];
}

/** Nodes come in topological order. The definition must be valid. */
export function dagOf(definition: PipelineDefinition): Dag {
  const graph = buildGraph(definition);
  const layers: string[][] = [];
  // A stage begins when the one before has ended, so its first layer follows that one's last.
  const first = STAGES.map(() => 0);
  for (let stage = 1; stage < STAGES.length; stage++) {
    const before = [...graph.nodes.values()].filter((node) => node.stage === stage - 1);
    first[stage] = before.reduce(
      (last, { depth }) => Math.max(last, first[stage - 1]! + depth + 1),
      first[stage - 1]!,
    );
  }
  const nodes = graph.order.map((id): DagNode => {
    const { definition: node, depth, stage } = graph.nodes.get(id)!;
    const layer = first[stage]! + depth;
    (layers[layer] ??= []).push(id);
    return {
      id,
      name: node.name ?? id,
      type: node.type,
      depth,
      layer,
      stage: STAGES[stage]!,
      mapped: node.for_each !== undefined,
      cached: node.cache !== undefined,
      ...Object.fromEntries(CONTROL_FLOW.filter((key) => key in node).map((key) => [key, node[key]])),
    };
  });
  return {
    nodes,
    edges: edgesOf(definition),
    roots: [...graph.roots],
    leaves: [...graph.leaves],
    layers,
    critical_path: criticalPath(graph),
  };
}
