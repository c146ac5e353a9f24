import { type ValidateFunction } from 'ajv';
import {
  buildGraph,
  type ErrorDetail,
  graphFaults,
  NAME_PATTERN,
  type NodeDefinition,
  type PipelineDefinition,
  type PipelineGraph,
} from '@tauro/domain';
import { type NodeKind } from './node-kind.js';
import { NODE_KINDS } from './registry.js';
import { conditionFaults } from './validation/condition-faults.js';
import { PIPELINE_SCHEMA } from './validation/definition.schema.js';
import { configFaults } from './validation/node-config.js';
import { notificationFaults } from './validation/notification-faults.js';
import { compile, schemaFaults } from './validation/schema-faults.js';
import { runOutputFaults } from './validation/output-faults.js';
import { hint } from './validation/suggest.js';
import { declaredOutputFaults } from './user-schema/outputs.js';
import { paramsSchemaFaults } from './user-schema/params.js';
import { ancestry, cacheFaults, forEachFaults, templateFaults } from './validation/template-faults.js';

export { checkRendered, configFaults } from './validation/node-config.js';
export { PIPELINE_SCHEMA } from './validation/definition.schema.js';

/** More than a person reads; the rest is counted in one last entry. */
const MAX_ERRORS = 100;
const MAX_DEPTH = 64;
/** Checks that ask DuckDB; a few at a time keep the API's memory flat. */
const CHECKS_AT_ONCE = 8;

/** Compiled on first use: not every process that knows the kinds checks definitions. */
let definitionValidator: ValidateFunction | undefined;

/**
 * Everything that can be known to be wrong with a definition before it runs: its shape, its graph, each node's
 * type, config and templates. Takes any value (a request's body, a parsed file); no errors mean that it is a
 * `PipelineDefinition`. Fields are paths such as `nodes.2.config.path`; messages name the node.
 */
export async function validateDefinition(
  definition: unknown,
  kinds: ReadonlyMap<string, NodeKind> = NODE_KINDS,
): Promise<{ errors: ErrorDetail[] }> {
  const faults = keyFaults(definition);
  if (faults.length > 0) return { errors: faults };
  definitionValidator ??= compile(PIPELINE_SCHEMA);
  const shape = schemaFaults(definitionValidator, definition).map((fault) => named(fault, definition));
  if (shape.length > 0) return { errors: capped([...shape, ...readableNodeFaults(definition, kinds)]) };

  const pipeline = definition as PipelineDefinition;
  const errors = graphFaults(pipeline);
  const graph = errors.length === 0 ? buildGraph(pipeline) : undefined;
  pipeline.nodes.forEach((node, i) => errors.push(...kindFaults(node, i, kinds)));
  pipeline.nodes.forEach((node, i) =>
    errors.push(...declaredOutputFaults(node).map((fault) => ofNode(fault, node.id, i))),
  );
  errors.push(...notificationFaults(pipeline));
  if (pipeline.params_schema) errors.push(...paramsSchemaFaults(pipeline.params_schema));
  if (graph) errors.push(...runOutputFaults(pipeline, graph));
  if (graph) errors.push(...(await checkFaults(pipeline, graph, kinds, new Set(errors.map(nodeIndex)))));
  return { errors: capped(errors) };
}

function kindFaults(node: NodeDefinition, i: number, kinds: ReadonlyMap<string, NodeKind>): ErrorDetail[] {
  const kind = kinds.get(node.type);
  if (kind) return configFaults(kind, node.config ?? {}).map((fault) => ofNode(fault, node.id, i));
  const known = [...kinds.keys()];
  const message = `type '${clip(node.type)}' is unknown${hint(node.type, known) || ''} (known: ${known.join(', ')})`;
  return [ofNode({ field: 'type', message, type: 'unknown_type' }, node.id, i)];
}

/** Faults of those nodes whose shape lets them be read, so that one bad field elsewhere does not hide them. */
function readableNodeFaults(definition: unknown, kinds: ReadonlyMap<string, NodeKind>): ErrorDetail[] {
  const nodes = (definition as { nodes?: unknown } | null)?.nodes;
  if (!Array.isArray(nodes)) return [];
  return nodes.flatMap((node: Partial<NodeDefinition> | null, i) => {
    const { id, type, config } = node ?? {};
    if (typeof id !== 'string' || typeof type !== 'string') return [];
    if (typeof (config ?? {}) !== 'object' || Array.isArray(config)) return [];
    const named = NAME_PATTERN.test(id) ? [] : [badId(id, i)];
    return [...named, ...kindFaults(node as NodeDefinition, i, kinds)];
  });
}

const badId = (id: string, i: number): ErrorDetail => ({
  field: `nodes.${i}.id`,
  message: `node id '${clip(id)}' must match ${NAME_PATTERN.source}`,
  type: 'value_error',
});

/** What needs the graph: the kinds' own checks, and templates that name other nodes. */
async function checkFaults(
  { nodes }: PipelineDefinition,
  graph: PipelineGraph,
  kinds: ReadonlyMap<string, NodeKind>,
  faulty: ReadonlySet<number>,
): Promise<ErrorDetail[]> {
  const precedes = ancestry(graph);
  const found: ErrorDetail[][] = [];
  const todo = nodes.entries();
  const work = async (): Promise<void> => {
    for (const [i, node] of todo) {
      if (faulty.has(i)) continue;
      const kind = kinds.get(node.type)!;
      const upstream = graph.nodes.get(node.id)!.parents.map((id) => graph.nodes.get(id)!.definition);
      const result = kind.check?.(node, upstream) ?? [];
      const checked = result instanceof Promise ? await result : result;
      const faults = [
        ...checked.map((fault) => ({ ...fault, message: `${fault.field}: ${fault.message}` })),
        ...templateFaults(node, kind, graph, precedes),
        ...conditionFaults(node, graph, precedes),
        ...forEachFaults(node, kind, graph, precedes),
        ...cacheFaults(node, kind, graph, precedes),
      ];
      found[i] = faults.map((fault) => ofNode(fault, node.id, i));
    }
  };
  await Promise.all(Array.from({ length: CHECKS_AT_ONCE }, work));
  return found.flat();
}

/** Keys and depths that no store and no merge should ever see. */
function keyFaults(value: unknown, path: readonly (string | number)[] = []): ErrorDetail[] {
  if (typeof value !== 'object' || value === null) return [];
  const field = path.join('.');
  if (path.length > MAX_DEPTH) {
    return [
      { field: path.slice(0, 6).join('.'), message: `is nested deeper than ${MAX_DEPTH}`, type: 'too_long' },
    ];
  }
  if (Array.isArray(value)) return value.flatMap((item, i) => keyFaults(item, [...path, i]));
  return Object.entries(value).flatMap(([key, item]) => {
    if (key !== '__proto__' && !key.includes('\0')) return keyFaults(item, [...path, key]);
    const message = `the key ${JSON.stringify(clip(key))} is not allowed${field ? ` in ${field}` : ''}`;
    return [{ field: [...path, clip(key)].join('.'), message, type: 'extra_forbidden' }];
  });
}

const ofNode = (fault: ErrorDetail, id: string, i: number): ErrorDetail => ({
  field: `nodes.${i}.${fault.field}`,
  message: `node '${clip(id)}': ${fault.message}`,
  type: fault.type,
});

/** Names the node in a fault of the definition's shape, when the node has a name at least. */
function named(fault: ErrorDetail, definition: unknown): ErrorDetail {
  const match = /^nodes\.(\d+)\.(.*)$/s.exec(fault.field);
  const nodes = (definition as { nodes?: unknown[] } | undefined)?.nodes;
  const id = match && (nodes?.[Number(match[1])] as { id?: unknown } | null | undefined)?.id;
  if (!match || typeof id !== 'string') return fault;
  return { ...fault, message: `node '${clip(id)}': ${fault.message.replace(`nodes.${match[1]}.`, '')}` };
}

const nodeIndex = ({ field }: ErrorDetail): number => Number(/^nodes\.(\d+)\./.exec(field)?.[1] ?? -1);

function capped(errors: ErrorDetail[]): ErrorDetail[] {
  if (errors.length <= MAX_ERRORS) return errors;
  const rest = {
    field: 'nodes',
    message: `… and ${errors.length - MAX_ERRORS} more errors`,
    type: 'too_many',
  };
  return [...errors.slice(0, MAX_ERRORS), rest];
}

const clip = (text: string): string => (text.length > 80 ? `${text.slice(0, 77)}…` : text);
