import { edgesOf, type PipelineDefinition } from '@tauro/domain';

/** One field that is not the same in two versions. */
export interface Change {
  /** Such as `nodes.extract.config.path`: nodes go by their id, because their order means nothing. */
  field_path: string;
  /** Null when it was added. */
  old: unknown;
  /** Null when it was removed. */
  new: unknown;
  change_type: 'added' | 'removed' | 'changed';
}

/** What changed between two versions of a pipeline, in the order of their fields. */
export function diffDefinitions(old: PipelineDefinition, latest: PipelineDefinition): Change[] {
  return [...diffObjects(keyed(old), keyed(latest), [])];
}

/** The definition with nodes and edges as maps, so that both are compared by what they are, not where. */
function keyed(definition: PipelineDefinition): Record<string, unknown> {
  const { nodes, ...rest } = definition;
  return {
    ...rest,
    nodes: Object.fromEntries(
      nodes.map((node) => [
        node.id,
        Object.fromEntries(Object.entries(node).filter(([key]) => key !== 'depends_on')),
      ]),
    ),
    edges: Object.fromEntries(edgesOf(definition).map((edge) => [`${edge.from} -> ${edge.to}`, edge])),
  };
}

function* diffObjects(
  old: Record<string, unknown>,
  latest: Record<string, unknown>,
  path: string[],
): Generator<Change> {
  for (const key of new Set([...Object.keys(old), ...Object.keys(latest)])) {
    const [a, b] = [old[key], latest[key]];
    if (isObject(a) && isObject(b)) yield* diffObjects(a, b, [...path, key]);
    else if (JSON.stringify(a) !== JSON.stringify(b)) yield change([...path, key].join('.'), a, b);
  }
}

function change(field_path: string, old: unknown, latest: unknown): Change {
  const change_type = old === undefined ? 'added' : latest === undefined ? 'removed' : 'changed';
  return { field_path, old: old ?? null, new: latest ?? null, change_type };
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
