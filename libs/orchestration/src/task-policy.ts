import { type Task } from '@tauro/database';
import { type NodeDefinition, type PipelineDefinition, type RetryPolicy } from '@tauro/domain';
import { NODE_KINDS, type NodeKind } from '@tauro/nodes';
import { type Env } from '@tauro/platform';

/**
 * How a node is retried, field by field: its own policy, then the pipeline's, then the deployment's default. The
 * latter two are not for a node that only sleeps: it has nothing that could go better the next time.
 */
export function retryPolicyOf(node: NodeDefinition, definition: PipelineDefinition, env: Env): RetryPolicy {
  if (NODE_KINDS.get(node.type)?.timed === false) return { max_attempts: 1, ...node.retry_policy };
  return {
    max_attempts: env.DEFAULT_RETRY_ATTEMPTS,
    backoff_seconds: env.DEFAULT_RETRY_DELAY,
    ...definition.config?.retry_policy,
    ...node.retry_policy,
  };
}

/** Seconds one attempt may take; undefined for a node that sleeps. */
export function attemptTimeout(
  node: NodeDefinition,
  definition: PipelineDefinition,
  kind: NodeKind,
  env: Env,
): number | undefined {
  if (kind.timed === false) return node.timeout_seconds;
  return node.timeout_seconds ?? definition.config?.timeout_seconds ?? env.DEFAULT_TIMEOUT;
}

/** When a task must have ended, all its attempts counted; undefined when nothing bounds it or none has begun. */
export function totalDeadline(node: NodeDefinition, task: Pick<Task, 'started_at'>): Date | undefined {
  const seconds = node.total_timeout_seconds;
  if (seconds === undefined || !task.started_at) return undefined;
  return new Date(task.started_at.getTime() + seconds * 1000);
}

/** When an attempt that sleeps must be over: by its own bound or that of all attempts; undefined for no bound. */
export function waitDeadline(
  node: NodeDefinition,
  task: Pick<Task, 'started_at' | 'attempts'>,
): Date | undefined {
  const total = totalDeadline(node, task);
  const begun = task.attempts.at(-1)?.started_at;
  if (node.timeout_seconds === undefined || !begun) return total;
  const own = new Date(begun.getTime() + node.timeout_seconds * 1000);
  return total && total < own ? total : own;
}
