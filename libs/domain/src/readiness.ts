import { type NodeDefinition, type TriggerRule } from './pipeline.js';
import { type TaskState } from './states.js';

/** What becomes of a task once what stands before it has ended. */
export type Verdict = 'run' | 'SKIPPED' | 'UPSTREAM_FAILED';

interface Ended {
  succeeded: number;
  failed: number;
  skipped: number;
  total: number;
}

/**
 * Each rule as a row: given how the parents ended, what the task does. A rule is asked when every parent is
 * terminal, so a task never ends before what it depends on.
 */
const RULES: Record<TriggerRule, (ended: Ended) => Verdict> = {
  all_success: ({ succeeded, failed, total }) =>
    succeeded === total ? 'run' : failed > 0 ? 'UPSTREAM_FAILED' : 'SKIPPED',
  none_failed: ({ failed }) => (failed > 0 ? 'UPSTREAM_FAILED' : 'run'),
  one_success: ({ succeeded, failed }) =>
    succeeded > 0 ? 'run' : failed > 0 ? 'UPSTREAM_FAILED' : 'SKIPPED',
  one_failed: ({ failed }) => (failed > 0 ? 'run' : 'SKIPPED'),
  all_done: () => 'run',
  always: () => 'run',
};

/** How one parent counts: a failure that is allowed counts as a success for what comes after it. */
export function parentOutcome(state: TaskState, allowFailure: boolean): 'succeeded' | 'failed' | 'skipped' {
  if (state === 'SUCCESS' || (state === 'FAILED' && allowFailure)) return 'succeeded';
  return state === 'SKIPPED' ? 'skipped' : 'failed';
}

/**
 * What a node does, given how its parents ended; a node without parents runs whatever its rule.
 * @param parents state and definition of every parent.
 */
export function verdictOf(
  node: NodeDefinition,
  parents: { state: TaskState; definition: NodeDefinition }[],
): Verdict {
  if (parents.length === 0) return 'run';
  const ended: Ended = { succeeded: 0, failed: 0, skipped: 0, total: parents.length };
  for (const { state, definition } of parents) {
    ended[parentOutcome(state, definition.allow_failure === true)]++;
  }
  return RULES[node.trigger_rule ?? 'all_success'](ended);
}
