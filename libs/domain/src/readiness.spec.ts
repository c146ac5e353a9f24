import { type NodeDefinition, type TriggerRule } from './pipeline.js';
import { backoffSeconds, type Verdict, verdictOf } from './readiness.js';
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

describe('the delay before the next attempt', () => {
  const policy = { backoff_seconds: 5 };
  it.each([
    ['exponential', 1, 5],
    ['exponential', 2, 10],
    ['exponential', 4, 40],
    ['linear', 3, 15],
    ['fixed', 3, 5],
  ] as const)('%s after %i failures: %i s', (backoff, failures, seconds) => {
    expect(backoffSeconds({ ...policy, backoff }, failures, 0)).toBe(seconds);
  });

  it('doubles by default, stops at its cap, and stays finite for absurd counts', () => {
    expect(backoffSeconds(policy, 3, 0)).toBe(20);
    expect(backoffSeconds({ ...policy, max_backoff_seconds: 12 }, 3, 0)).toBe(12);
    expect(backoffSeconds(policy, 1_000_000, 0)).toBe(3600);
  });

  it('may be nothing', () => {
    expect(backoffSeconds({ backoff_seconds: 0 }, 5, 1)).toBe(0);
    expect(backoffSeconds({}, 5, 1)).toBe(0);
  });

  it('keeps half of itself under jitter and never grows by it', () => {
    expect(backoffSeconds({ ...policy, jitter: true }, 1, 0)).toBe(2.5);
    expect(backoffSeconds({ ...policy, jitter: true }, 1, 1)).toBe(5);
  });
});
