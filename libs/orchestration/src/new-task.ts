import { type Run, type Task } from '@tauro/database';
import { type GraphNode, type NodeDefinition, taskId } from '@tauro/domain';
import { type Env } from '@tauro/platform';
import { type PinnedVersion } from './pinned-versions.js';
import { retryPolicyOf } from './task-policy.js';

/**
 * A task as it is before anything happened to it. The priorities of its run and of its node add up.
 * @param item whether it is that of an item: a mapped node's own task only makes the list, and takes no slots of the pool.
 */
export const newTask = (
  { definition: node, stage }: GraphNode,
  runPriority = 0,
  item = false,
): Omit<Task, '_id' | 'run_id' | 'created_at' | 'max_attempts'> => ({
  node_id: node.id,
  index: null,
  type: node.type,
  state: 'PENDING',
  attempt: 0,
  attempts: [],
  error: null,
  output: null,
  cached: false,
  metrics: null,
  progress: null,
  sub_run_id: null,
  queued_at: null,
  started_at: null,
  finished_at: null,
  engine: {
    claim: null,
    dispatch: null,
    failures: 0,
    losses: 0,
    priority: runPriority + (node.priority ?? 0),
    stage,
    artifact: null,
    wake_at: null,
    ...((item || !node.for_each) && poolOf(node)),
  },
});

/** The task of a node of this run, as it is stored with the run. */
export function pendingTask(
  run: Pick<Run, '_id' | 'priority' | 'created_at' | 'engine'>,
  nodeId: string,
  { definition, graph }: PinnedVersion,
  env: Env,
): Task {
  const node = graph.nodes.get(nodeId)!;
  return {
    ...newTask(node, run.priority),
    _id: taskId(run._id, node.position),
    run_id: run._id,
    created_at: run.created_at,
    max_attempts: run.engine.one_attempt
      ? (node.definition.retry_policy?.max_attempts ?? 1)
      : retryPolicyOf(node.definition, definition, env).max_attempts!,
  };
}

/** The slots that a node takes of a pool. */
export const poolOf = ({
  pool,
  pool_slots = 1,
}: NodeDefinition): Pick<Task['engine'], 'pool' | 'pool_slots'> =>
  pool === undefined ? {} : { pool, pool_slots };
