import { buildGraph, criticalPath, edgesOf, type PipelineDefinition } from '@tauro/domain';

export interface DagNode {
  id: string;
  name: string;
  type: string;
  /** Edges on the longest way from a root. */
  depth: number;
  /** Index into `layers`. */
  layer: number;
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
  const nodes = graph.order.map((id): DagNode => {
    const { definition: node, depth } = graph.nodes.get(id)!;
    (layers[depth] ??= []).push(id);
    return { id, name: node.name ?? id, type: node.type, depth, layer: depth };
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
