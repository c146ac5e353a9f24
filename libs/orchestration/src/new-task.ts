import { type Task } from '@tauro/database';
import { type GraphNode } from '@tauro/domain';

/** A task as it is before anything happened to it. The priorities of its run and of its node add up. */
export const newTask = (
  { definition: node, stage }: GraphNode,
  runPriority = 0,
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
    ...(node.pool !== undefined && { pool: node.pool, pool_slots: node.pool_slots ?? 1 }),
  },
});
