import { type ErrorDetail } from './errors.js';
import { MAIN, STAGES, stagesOf } from './stages.js';
import { MAX_NODES, NAME_PATTERN, type NodeDefinition, type PipelineDefinition } from './pipeline.js';

/** A node with its place in the graph. `parents` and `children` are node ids in the order they were written. */
export interface GraphNode {
  definition: NodeDefinition;
  parents: string[];
  children: string[];
  /** Edges on the longest way from a root: 0 for a root. */
  depth: number;
  /** Place in `order`; task ids are made of it. */
  position: number;
  /** Place in `STAGES`: when in a run it executes. */
  stage: number;
}

/** Where a stage of a graph begins and ends. */
export interface GraphStage {
  roots: readonly string[];
  leaves: readonly string[];
}

/**
 * The immutable shape of one pipeline version. Built once per version and kept: every question a run asks of
 * its graph (who comes next, who must have ended) is a look-up here, never a pass over all nodes.
 */
export interface PipelineGraph {
  nodes: ReadonlyMap<string, GraphNode>;
  /** Node ids, parents before children. */
  order: readonly string[];
  roots: readonly string[];
  leaves: readonly string[];
  /** By place in `STAGES`. No edge leads from one stage to another. */
  stages: readonly GraphStage[];
}

/** Longest way round that an error spells out. */
const MAX_SHOWN = 20;

/** Every edge of a definition once: those under `edges` and those said by `depends_on`. */
export function edgesOf(definition: PipelineDefinition): { from: string; to: string }[] {
  const seen = new Set<string>();
  const edges: { from: string; to: string }[] = [];
  const add = (from: string, to: string): void => {
    const key = `${from}\n${to}`;
    if (!seen.has(key)) {
      seen.add(key);
      edges.push({ from, to });
    }
  };
  for (const edge of definition.edges ?? []) add(edge.from, edge.to);
  for (const node of definition.nodes) for (const from of node.depends_on ?? []) add(from, node.id);
  return edges;
}

/**
 * What is wrong with the shape of a definition, one entry per fault: no node or too many, bad or doubled ids,
 * edges to nowhere or to oneself, and cycles (the message spells the way round). Configs are checked elsewhere.
 */
export function graphFaults(definition: PipelineDefinition): ErrorDetail[] {
  const faults: ErrorDetail[] = [];
  const { nodes } = definition;
  if (nodes.length === 0) {
    return [{ field: 'nodes', message: 'a pipeline needs at least one node', type: 'too_short' }];
  }
  if (nodes.length > MAX_NODES) {
    return [{ field: 'nodes', message: `at most ${MAX_NODES} nodes, got ${nodes.length}`, type: 'too_long' }];
  }
  const ids = new Set(nodes.map((node) => node.id));
  const indexOf = new Map<string, number>();
  nodes.forEach((node, i) => {
    // A key of that name vanishes from plain objects, and outputs are kept in them by node id.
    if (!NAME_PATTERN.test(node.id) || node.id === '__proto__') {
      const message = `node id '${clip(node.id)}' must match ${NAME_PATTERN.source} and not be '__proto__'`;
      faults.push({ field: `nodes.${i}.id`, message, type: 'value_error' });
    }
    if (indexOf.has(node.id)) {
      const message = `node id '${node.id}' is already used by nodes.${indexOf.get(node.id)}`;
      faults.push({ field: `nodes.${i}.id`, message, type: 'duplicate_node' });
    } else indexOf.set(node.id, i);
    (node.depends_on ?? []).forEach((from, k) => {
      const field = `nodes.${i}.depends_on.${k}`;
      if (from === node.id) {
        faults.push({ field, message: `node '${node.id}' depends on itself`, type: 'self_edge' });
      } else if (!ids.has(from)) {
        const message = `node '${node.id}' depends on '${from}', which is no node of this pipeline`;
        faults.push({ field, message, type: 'unknown_node' });
      }
    });
  });
  (definition.edges ?? []).forEach((edge, i) => {
    for (const end of ['from', 'to'] as const) {
      if (!indexOf.has(edge[end])) {
        const message = `edge ${edge.from} -> ${edge.to} names '${edge[end]}', which is no node of this pipeline`;
        faults.push({ field: `edges.${i}.${end}`, message, type: 'unknown_node' });
      }
    }
    if (edge.from === edge.to && indexOf.has(edge.from)) {
      const message = `node '${edge.from}' has an edge to itself`;
      faults.push({ field: `edges.${i}`, message, type: 'self_edge' });
    }
  });
  faults.push(...stageFaults(definition, indexOf));
  if (faults.length > 0) return faults;
  const { cycle } = sortTopologically(definition);
  if (cycle) {
    const way = [...cycle, cycle[0]!];
    const shown = way.length > MAX_SHOWN ? [...way.slice(0, MAX_SHOWN), `… (${cycle.length} nodes)`] : way;
    const message = `the pipeline has a cycle: ${shown.join(' -> ')}`;
    faults.push({ field: 'edges', message, type: 'cycle' });
  }
  return faults;
}

/** What is wrong with `on_failure` and `finally`, and edges that lead into or out of them. */
function stageFaults(definition: PipelineDefinition, indexOf: ReadonlyMap<string, number>): ErrorDetail[] {
  const faults: ErrorDetail[] = [];
  const seen = new Map<string, string>();
  for (const stage of ['on_failure', 'finally'] as const) {
    for (const [i, id] of (definition[stage] ?? []).entries()) {
      const field = `${stage}.${i}`;
      if (!indexOf.has(id)) {
        faults.push({
          field,
          message: `${stage} names '${clip(id)}', which is no node of this pipeline`,
          type: 'unknown_node',
        });
      } else if (seen.has(id)) {
        faults.push({
          field,
          message: `${stage} names '${id}', which ${seen.get(id)} names already`,
          type: 'duplicate_node',
        });
      } else seen.set(id, stage);
    }
  }
  if (seen.size > 0 && [...indexOf.keys()].every((id) => seen.has(id))) {
    const message = 'a pipeline needs a node that is neither in on_failure nor in finally';
    faults.push({ field: 'nodes', message, type: 'too_short' });
  }
  for (const { from, to } of edgesOf(definition)) {
    if (!indexOf.has(from) || !indexOf.has(to) || seen.get(from) === seen.get(to)) continue;
    const stage = seen.get(to) ?? seen.get(from)!;
    const reason = seen.has(to)
      ? `the ${stage} node '${to}' executes after '${from}' anyway: remove the edge, and read nodes.${from}.output`
      : `'${to}' cannot wait for the ${stage} node '${from}', which executes later`;
    faults.push({ field: 'edges', message: `edge ${from} -> ${to}: ${reason}`, type: 'stage_edge' });
  }
  return faults;
}

/** The graph of a definition that has no faults. @throws Error when it has: callers validate first. */
export function buildGraph(definition: PipelineDefinition): PipelineGraph {
  const { order, parents, children, cycle } = sortTopologically(definition);
  if (cycle) throw new Error(`cycle through ${cycle.join(', ')}`);
  const definitions = new Map(definition.nodes.map((node) => [node.id, node]));
  const stages = stagesOf(definition);
  const nodes = new Map<string, GraphNode>();
  for (const [position, id] of order.entries()) {
    const above = parents.get(id)!;
    let depth = 0;
    for (const parent of above) depth = Math.max(depth, nodes.get(parent)!.depth + 1);
    const below = children.get(id)!;
    const stage = stages.get(id) ?? MAIN;
    nodes.set(id, {
      definition: definitions.get(id)!,
      parents: above,
      children: below,
      depth,
      position,
      stage,
    });
  }
  const roots = order.filter((id) => parents.get(id)!.length === 0);
  const leaves = order.filter((id) => children.get(id)!.length === 0);
  const within = (ids: string[], stage: number): string[] =>
    ids.filter((id) => nodes.get(id)!.stage === stage);
  return {
    nodes,
    order,
    roots,
    leaves,
    stages: STAGES.map((_, stage) => ({ roots: within(roots, stage), leaves: within(leaves, stage) })),
  };
}

/** The longest chain of nodes, or the heaviest when `weight` (seconds, say) is given. */
export function criticalPath(graph: PipelineGraph, weight: (id: string) => number = () => 1): string[] {
  const best = new Map<string, { length: number; via?: string }>();
  let end: string | undefined;
  for (const id of graph.order) {
    let longest = 0;
    let via: string | undefined;
    for (const parent of graph.nodes.get(id)!.parents) {
      const length = best.get(parent)!.length;
      if (via === undefined || length > longest) [longest, via] = [length, parent];
    }
    best.set(id, { length: longest + weight(id), via });
    if (end === undefined || best.get(id)!.length > best.get(end)!.length) end = id;
  }
  const path: string[] = [];
  for (let id = end; id !== undefined; id = best.get(id)!.via) path.push(id);
  return path.reverse();
}

interface Sorted {
  order: string[];
  parents: Map<string, string[]>;
  children: Map<string, string[]>;
  /** The ids of one cycle in order, when there is one. */
  cycle?: string[];
}

/** Kahn's algorithm; what it cannot reach holds a cycle, which is then walked backwards and named. */
function sortTopologically(definition: PipelineDefinition): Sorted {
  const parents = new Map<string, string[]>(definition.nodes.map((node) => [node.id, []]));
  const children = new Map<string, string[]>(definition.nodes.map((node) => [node.id, []]));
  for (const { from, to } of edgesOf(definition)) {
    parents.get(to)?.push(from);
    children.get(from)?.push(to);
  }
  const left = new Map([...parents].map(([id, above]) => [id, above.length]));
  const order = [...left].filter(([, count]) => count === 0).map(([id]) => id);
  for (let i = 0; i < order.length; i++) {
    for (const child of children.get(order[i]!)!) {
      const count = left.get(child)! - 1;
      left.set(child, count);
      if (count === 0) order.push(child);
    }
  }
  if (order.length === parents.size) return { order, parents, children };
  const reached = new Set(order);
  const trail = new Set<string>();
  let id = [...parents.keys()].find((candidate) => !reached.has(candidate))!;
  while (!trail.has(id)) {
    trail.add(id);
    id = parents.get(id)!.find((parent) => !reached.has(parent))!;
  }
  const walked = [...trail];
  return { order, parents, children, cycle: walked.slice(walked.indexOf(id)).reverse() };
}

const clip = (text: string): string => (text.length > 80 ? `${text.slice(0, 77)}…` : text);
