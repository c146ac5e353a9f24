import { type Task } from '@tauro/database';
import { type MarkMove, type PipelineGraph, type TaskState } from '@tauro/domain';

/** Where the mark of a node is to stand. */
export interface NodeMark extends MarkMove {
  node_id: string;
}

/** What is looked at of a run's tasks. */
export type MarkedTask = Pick<Task, 'node_id' | 'state'> & { engine: Pick<Task['engine'], 'mark'> };

/** Tasks that have not taken on what was read before them. */
const LOST: ReadonlySet<TaskState> = new Set<TaskState>(['FAILED', 'UPSTREAM_FAILED', 'CANCELLED']);

/**
 * Marks that a run which succeeded is to move, and those that it is not: where a node after the source has failed, be it
 * one that may, rows would be left behind for ever.
 */
export function movedMarks(
  tasks: readonly MarkedTask[],
  graph: PipelineGraph,
): { moves: NodeMark[]; held: NodeMark[] } {
  const marks = tasks.flatMap(({ node_id, engine: { mark } }): NodeMark[] =>
    mark ? [{ ...mark, node_id }] : [],
  );
  if (marks.length === 0) return { moves: [], held: [] };
  const lost = new Set(tasks.filter(({ state }) => LOST.has(state)).map(({ node_id }) => node_id));
  const isHeld = ({ node_id }: NodeMark): boolean => below(graph, node_id).some((id) => lost.has(id));
  return { moves: marks.filter((mark) => !isHeld(mark)), held: marks.filter(isHeld) };
}

/** All nodes that come after one. */
function below(graph: PipelineGraph, nodeId: string): string[] {
  const found = new Set<string>();
  const next = [nodeId];
  for (let id = next.pop(); id !== undefined; id = next.pop()) {
    for (const child of graph.nodes.get(id)?.children ?? []) {
      if (!found.has(child)) {
        found.add(child);
        next.push(child);
      }
    }
  }
  return [...found];
}
