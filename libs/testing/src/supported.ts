import { type NodeDefinition, type PipelineDefinition, type PipelineGraph } from '@tauro/domain';
import { NODE_KINDS } from '@tauro/nodes';

/** Kinds of nodes that need nothing but this process. */
const EXECUTED = new Set(['source', 'processor', 'sink', 'task']);

/**
 * What `runPipeline` cannot do of a definition, one line each: it says so before anything runs, because a test that passes
 * without what it is about is worse than none.
 * @param given ids of the nodes that are not executed, because the test says what they leave
 */
export function unsupported(
  definition: PipelineDefinition,
  graph: PipelineGraph,
  given: ReadonlySet<string>,
): string[] {
  const known = [...given].filter((id) => !graph.nodes.has(id));
  return [
    ...known.map((id) => `given.${id}: the pipeline has no such node`),
    ...definition.nodes.filter(({ id }) => !given.has(id)).flatMap(ofNode),
  ];
}

function ofNode(node: NodeDefinition): string[] {
  const { id, type, config = {}, for_each } = node;
  const say = (what: string): string[] => [`nodes.${id}: ${what}; say what it leaves: given: { ${id}: … }`];
  const kind = NODE_KINDS.get(type)!;
  if (!EXECUTED.has(type)) return say(`a node of type '${type}' is not executed here`);
  if (for_each) return say('for_each is not supported');
  const connection = kind.connection?.(config);
  if (connection) return say(`it works through a connection (${String(connection.name)})`);
  if (kind.incremental?.(config) !== undefined) return say('incremental sources are not supported');
  return [];
}
