import { edgesOf, fieldDiff, type FieldDifference, type PipelineDefinition } from '@tauro/domain';

/** What changed between two versions of a pipeline, in the order of their fields; nodes go by their id, because their order means nothing. */
export const diffDefinitions = (old: PipelineDefinition, latest: PipelineDefinition): FieldDifference[] =>
  fieldDiff(keyed(old), keyed(latest));

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
