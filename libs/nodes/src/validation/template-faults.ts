import {
  type ErrorDetail,
  type NodeDefinition,
  type PipelineGraph,
  templatesIn,
  type TemplateUse,
} from '@tauro/domain';
import { mayHaveSecret, type NodeKind } from '../node-kind.js';
import { hint } from './suggest.js';

/** Whether a node runs before another, for every pair of a graph. */
export type Precedes = (earlier: string, later: string) => boolean;

/** What the items of a run may depend on: only what never changes again, so that whoever asks gets the same. */
const ITEM_ROOTS = ['params', 'config', 'run', 'nodes'];

/** What is wrong with a node's `for_each`: a kind that cannot be mapped, and templates as in `templateFaults`. */
export function forEachFaults(
  node: NodeDefinition,
  kind: NodeKind,
  graph: PipelineGraph,
  precedes: Precedes,
): ErrorDetail[] {
  if (!node.for_each) return [];
  const faults: ErrorDetail[] = [];
  if (kind.unmappable !== undefined) {
    const message = `for_each: a node of type '${node.type}' cannot be mapped over items: ${kind.unmappable}`;
    faults.push({ field: 'for_each', message, type: 'value_error' });
  }
  const { items } = node.for_each;
  const uses = templatesIn(items);
  if (typeof items === 'string' && !(uses.length === 1 && isWhole(items))) {
    const message = `for_each.items: must be a list or one template that gives one, such as "{{ params.list }}"`;
    return [...faults, { field: 'for_each.items', message, type: 'type_error' }];
  }
  for (const use of uses) {
    const root = String(use.names[0]);
    const message =
      use.fault ??
      secretFault(use, 'what a node is mapped over is stored with its tasks') ??
      (use.names.length > 0 && !ITEM_ROOTS.includes(root)
        ? `the items may depend on ${ITEM_ROOTS.join(', ')} only`
        : faultOf(use, node, graph, precedes));
    if (message === undefined) continue;
    const field = ['for_each', 'items', ...use.path].join('.');
    faults.push({ field, message: `${field}: ${use.source}: ${message}`, type: 'template_error' });
  }
  return faults;
}

/** What is wrong with a node's `cache`: a kind whose nodes do more than make a result, and templates of its key. */
export function cacheFaults(
  node: NodeDefinition,
  kind: NodeKind,
  graph: PipelineGraph,
  precedes: Precedes,
): ErrorDetail[] {
  if (!node.cache) return [];
  if (!kind.cacheable) {
    const message = `cache: a node of type '${node.type}' cannot be cached: it does more than make a result; leave it out`;
    return [{ field: 'cache', message, type: 'value_error' }];
  }
  return templatesIn(node.cache.key ?? '').flatMap((use) => {
    const message =
      use.fault ??
      secretFault(use, 'results outlive it; a new value of a secret in the config makes a new key anyhow') ??
      faultOf(use, node, graph, precedes);
    if (message === undefined) return [];
    return [{ field: 'cache.key', message: `cache.key: ${use.source}: ${message}`, type: 'template_error' }];
  });
}

const isWhole = (text: string): boolean => text.startsWith('{{') && text.endsWith('}}');

/** What is wrong with the templates of a node's config: syntax, unknown nodes, nodes that do not run before. */
export function templateFaults(
  node: NodeDefinition,
  kind: NodeKind,
  graph: PipelineGraph,
  precedes: Precedes,
): ErrorDetail[] {
  const uses = templatesIn(node.config ?? {}, { isBound: (path) => kind.bound?.(path) ?? false });
  return uses.flatMap((use) => {
    const kept = `a node of type '${node.type}' keeps or shows what it is given`;
    const message =
      use.fault ??
      (mayHaveSecret(kind, use.path) ? undefined : secretFault(use, kept)) ??
      faultOf(use, node, graph, precedes);
    if (message === undefined) return [];
    const field = ['config', ...use.path].join('.');
    return [{ field, message: `${field}: ${use.source}: ${message}`, type: 'template_error' }];
  });
}

const secretFault = ({ names }: TemplateUse, why: string): string | undefined =>
  names[0] === 'secrets' ? `secrets cannot be used here: ${why}` : undefined;

function faultOf(
  { names }: TemplateUse,
  node: NodeDefinition,
  graph: PipelineGraph,
  precedes: Precedes,
): string | undefined {
  const [root, id, part] = names;
  if (root === 'body' || root === 'headers') return `'${root}' has a value only in a trigger`;
  if ((root === 'item' || root === 'index') && !node.for_each)
    return `'${root}' has a value only in a node with for_each`;
  if (root === 'secrets' && (typeof id !== 'string' || names.length > 2)) {
    return 'a secret is one text: secrets.<name>';
  }
  if (root !== 'nodes') return undefined;
  if (typeof id !== 'string') return 'name a node: nodes.<id>.output';
  const misplaced = misplacedNode(id, node, graph, precedes);
  if (misplaced !== undefined) return misplaced;
  if (part !== 'output' && part !== 'state') return `write nodes.${id}.output or nodes.${id}.state`;
  return undefined;
}

/** Why a node cannot use what another leaves behind; undefined when it can. */
export function misplacedNode(
  id: string,
  node: NodeDefinition,
  graph: PipelineGraph,
  precedes: Precedes,
): string | undefined {
  if (!graph.nodes.has(id)) {
    return `there is no node '${id}'${hint(id, [...graph.nodes.keys()].slice(0, 1000))}`;
  }
  if (id === node.id) return 'a node cannot use its own output';
  return precedes(id, node.id)
    ? undefined
    : `node '${id}' does not run before it; add an edge ${id} -> ${node.id}`;
}

/**
 * Ancestry of a whole graph. Parents answer at once; other questions fill a bit table (12 MB for 10,000 nodes),
 * since walking upwards for every template of a long chain would be quadratic.
 */
export function ancestry(graph: PipelineGraph): Precedes {
  let table: { rank: Map<string, number>; words: number; bits: Uint32Array } | undefined;
  return (earlier, later) => {
    const [before, after] = [graph.nodes.get(earlier)!.stage, graph.nodes.get(later)!.stage];
    if (before !== after) return before < after;
    if (graph.nodes.get(later)!.parents.includes(earlier)) return true;
    table ??= ancestorTable(graph);
    const column = table.rank.get(earlier)!;
    const word = table.bits[table.rank.get(later)! * table.words + (column >> 5)];
    return (word & (1 << (column & 31))) !== 0;
  };
}

function ancestorTable({ order, nodes }: PipelineGraph): {
  rank: Map<string, number>;
  words: number;
  bits: Uint32Array;
} {
  const rank = new Map(order.map((id, i) => [id, i]));
  const words = Math.ceil(order.length / 32);
  const bits = new Uint32Array(order.length * words);
  order.forEach((id, row) => {
    for (const parent of nodes.get(id)!.parents) {
      const above = rank.get(parent)!;
      for (let w = 0; w < words; w++) bits[row * words + w] |= bits[above * words + w];
      bits[row * words + (above >> 5)] |= 1 << (above & 31);
    }
  });
  return { rank, words, bits };
}
