import { type ErrorDetail, type PipelineDefinition, type PipelineGraph, templatesIn } from '@tauro/domain';
import { hint } from './suggest.js';

/** What may be named where a run hands on its outputs: no node is being executed then. */
const ROOTS: readonly unknown[] = ['params', 'run', 'nodes', undefined];

/** What is wrong with the templates of a pipeline's `outputs`. */
export function runOutputFaults({ outputs = {} }: PipelineDefinition, graph: PipelineGraph): ErrorDetail[] {
  return templatesIn(outputs).flatMap(({ names: [root, id, part], path, source, fault }) => {
    const message = fault ?? problem(root, id, part, graph);
    const field = ['outputs', ...path].join('.');
    return message ? [{ field, message: `${field}: ${source}: ${message}`, type: 'template_error' }] : [];
  });
}

function problem(root: unknown, id: unknown, part: unknown, graph: PipelineGraph): string | undefined {
  if (!ROOTS.includes(root)) return `'${String(root)}' has no value here (has: params, run, nodes)`;
  if (root !== 'nodes') return undefined;
  if (typeof id !== 'string') return 'name a node: nodes.<id>.output';
  if (!graph.nodes.has(id))
    return `there is no node '${id}'${hint(id, [...graph.nodes.keys()].slice(0, 1000))}`;
  if (graph.nodes.get(id)!.stage > 0) return `node '${id}' executes when the outputs are known already`;
  return part === 'output' || part === 'state' ? undefined : `write nodes.${id}.output or nodes.${id}.state`;
}
