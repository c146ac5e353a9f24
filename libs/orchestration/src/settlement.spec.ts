import { type Task } from '@tauro/database';
import { buildGraph, type NodeDefinition, type RetryPolicy } from '@tauro/domain';
import { type Env } from '@tauro/platform';
import { type Outcome, type Settlement, settlementOf } from './settlement.js';

const NOW = Date.parse('2026-01-01T00:00:10Z');
const env = { DEFAULT_RETRY_ATTEMPTS: 3, DEFAULT_RETRY_DELAY: 5, BREAKER_OPEN_SECONDS: 30 } as Env;

function settle(
  outcome: Outcome,
  failures = 0,
  retry_policy?: RetryPolicy,
  { pipeline, total_timeout_seconds }: { pipeline?: RetryPolicy; total_timeout_seconds?: number } = {},
): Settlement {
  const node: NodeDefinition = {
    id: 'n',
    type: 'task',
    ...(retry_policy && { retry_policy }),
    ...(total_timeout_seconds && { total_timeout_seconds }),
  };
  const definition = { name: 'p', nodes: [node], config: { ...(pipeline && { retry_policy: pipeline }) } };
  const started_at = new Date(NOW - 2000);
  const task = {
    node_id: 'n',
    started_at,
    attempt: failures + 1,
    max_attempts: retry_policy?.max_attempts ?? 3,
    attempts: [{ started_at }],
    engine: { failures },
  } as unknown as Task;
  return settlementOf(
    outcome,
    { task, node, version: { definition, graph: buildGraph(definition) } },
    env,
    NOW,
    0.5,
  );
}
const failure = (retryable = true): Outcome => ({
  kind: 'failure',
  error: { type: 'E', message: 'boom' },
  retryable,
});

describe('what an attempt makes of its task', () => {
  it('a failure is repeated after its delay while attempts are left', () => {
    const { state, attempt, set, level, message } = settle(failure(), 1);
    expect([state, attempt, level]).toEqual(['RETRYING', 'FAILED', 'WARNING']);
    expect(set).toMatchObject({ 'engine.failures': 2, 'engine.wake_at': new Date(NOW + 10_000) });
    expect(message).toBe('task n failed after 2.00 s: boom; attempt 3 in 10.00 s');
  });

  it('the last failure is final, and so is one that is not worth repeating', () => {
    expect(settle(failure(), 2)).toMatchObject({ state: 'FAILED', cause: 'task n failed: boom' });
    expect(settle(failure(false))).toMatchObject({
      state: 'FAILED',
      cause: 'task n failed, which is not worth repeating: boom',
      level: 'INFO',
      message: 'task n ended FAILED after 2.00 s',
    });
  });

  it('a policy of the node replaces the deployment’s', () => {
    const policy = { max_attempts: 2, backoff_seconds: 0 };
    expect(settle(failure(), 0, policy).set['engine.wake_at']).toEqual(new Date(NOW));
    expect(settle(failure(), 1, policy).state).toBe('FAILED');
  });

  it('a node takes from the pipeline’s policy what its own leaves out', () => {
    const pipeline: RetryPolicy = { backoff_seconds: 7, backoff: 'fixed', abort_on: ['Fatal'] };
    const own = { max_attempts: 9, backoff_seconds: 2 };
    expect(settle(failure(), 3, own, { pipeline }).set['engine.wake_at']).toEqual(new Date(NOW + 2000));
    expect(settle(failure(), 1, undefined, { pipeline }).set['engine.wake_at']).toEqual(new Date(NOW + 7000));
    const fatal: Outcome = { kind: 'failure', error: { type: 'Fatal', message: 'x' }, retryable: true };
    expect(settle(fatal, 0, own, { pipeline }).state).toBe('FAILED');
  });

  it('a failure is final when the next attempt would come too late for all of them together', () => {
    const own = { max_attempts: 5, backoff_seconds: 5, backoff: 'fixed' } as const;
    expect(settle(failure(), 0, own, { total_timeout_seconds: 7.1 }).state).toBe('RETRYING');
    expect(settle(failure(), 0, own, { total_timeout_seconds: 7 })).toMatchObject({
      state: 'FAILED',
      cause: 'task n failed, and total_timeout_seconds leaves no time to repeat it: boom',
    });
  });

  it('what was not begun sleeps a little beyond its time and counts as no attempt', () => {
    const postponed: Outcome = { kind: 'postponed', until: new Date(NOW + 20_000), why: 'x is open' };
    const { state, unbegun, set, message } = settle(postponed, 2);
    expect([state, unbegun, message]).toEqual(['RETRYING', true, 'task n is postponed: x is open']);
    expect(set).toEqual({ 'engine.wake_at': new Date(NOW + 21_500), 'engine.postponed': 'x is open' });
    expect(settle(failure(), 0).set['engine.postponed']).toBeNull();
  });

  it('what was not begun fails when its time lies beyond that of all attempts', () => {
    const postponed: Outcome = { kind: 'postponed', until: new Date(NOW + 20_000), why: 'x is open' };
    expect(settle(postponed, 0, undefined, { total_timeout_seconds: 22.1 }).state).toBe('RETRYING');
    const late = settle(postponed, 0, undefined, { total_timeout_seconds: 22 });
    expect(late).toMatchObject({ state: 'FAILED', set: { error: { type: 'CircuitOpen' } } });
    expect(late.unbegun).toBeUndefined();
  });

  it('success keeps the output, a wait sleeps, a false condition skips', () => {
    expect(settle({ kind: 'success', output: { rows: 1 } })).toMatchObject({
      state: 'SUCCESS',
      set: { output: { rows: 1 }, error: null, 'engine.artifact': null },
    });
    const until = new Date(NOW + 1000);
    expect(settle({ kind: 'wait', until, output: null })).toMatchObject({
      state: 'WAITING',
      set: { 'engine.wake_at': until },
    });
    expect(settle({ kind: 'skipped', why: 'so' })).toMatchObject({ state: 'SKIPPED', attempt: 'SKIPPED' });
    expect(settle({ kind: 'cancelled' })).toMatchObject({ state: 'CANCELLED', attempt: 'CANCELLED' });
  });
});
