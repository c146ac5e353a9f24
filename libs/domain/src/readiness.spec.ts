import { type NodeDefinition, type TriggerRule } from './pipeline.js';
import { type Verdict, verdictOf } from './readiness.js';
import { type TaskState } from './states.js';

const parent = (
  state: TaskState,
  allow_failure = false,
): { state: TaskState; definition: NodeDefinition } => ({
  state,
  definition: { id: 'p', type: 'wait', allow_failure },
});
const verdict = (trigger_rule: TriggerRule | undefined, ...states: TaskState[]): Verdict =>
  verdictOf(
    { id: 'n', type: 'wait', trigger_rule },
    states.map((state) => parent(state)),
  );

describe('what a node does once its parents have ended', () => {
  it.each<[TriggerRule, TaskState[], Verdict]>([
    ['all_success', [], 'run'],
    ['one_failed', [], 'run'],
    ['one_success', [], 'run'],
    ['all_success', ['SUCCESS', 'SUCCESS'], 'run'],
    ['all_success', ['SUCCESS', 'FAILED'], 'UPSTREAM_FAILED'],
    ['all_success', ['SUCCESS', 'UPSTREAM_FAILED'], 'UPSTREAM_FAILED'],
    ['all_success', ['SUCCESS', 'SKIPPED'], 'SKIPPED'],
    ['all_success', ['FAILED', 'SKIPPED'], 'UPSTREAM_FAILED'],
    ['none_failed', ['SUCCESS', 'SKIPPED'], 'run'],
    ['none_failed', ['SKIPPED', 'SKIPPED'], 'run'],
    ['none_failed', ['SUCCESS', 'FAILED'], 'UPSTREAM_FAILED'],
    ['one_success', ['SUCCESS', 'FAILED'], 'run'],
    ['one_success', ['FAILED', 'SKIPPED'], 'UPSTREAM_FAILED'],
    ['one_success', ['SKIPPED', 'SKIPPED'], 'SKIPPED'],
    ['one_failed', ['SUCCESS', 'FAILED'], 'run'],
    ['one_failed', ['SUCCESS', 'UPSTREAM_FAILED'], 'run'],
    ['one_failed', ['SUCCESS', 'SUCCESS'], 'SKIPPED'],
    ['all_done', ['FAILED', 'SKIPPED', 'SUCCESS'], 'run'],
    ['always', ['FAILED', 'UPSTREAM_FAILED'], 'run'],
  ])('%s after %j: %s', (rule, states, expected) => {
    expect(verdict(rule, ...states)).toBe(expected);
  });

  it('takes all_success when no rule is named', () => {
    expect(verdict(undefined, 'SUCCESS', 'FAILED')).toBe('UPSTREAM_FAILED');
  });

  it('goes on after a failure that is allowed, but not after one that only stands upstream', () => {
    const node = { id: 'n', type: 'wait' };
    expect(verdictOf(node, [parent('FAILED', true)])).toBe('run');
    expect(verdictOf(node, [parent('UPSTREAM_FAILED', true)])).toBe('UPSTREAM_FAILED');
  });
});
