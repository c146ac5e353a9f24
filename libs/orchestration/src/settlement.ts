import { type Attempt, type Failure, type Task, type TaskMetrics } from '@tauro/database';
import {
  backoffSeconds,
  type CheckResult,
  type DatasetUse,
  isRepeated,
  isTerminalTask,
  subRunId,
  ItemCollector,
  taskLabel,
  type Json,
  type MarkMove,
  type NodeDefinition,
  type RetryPolicy,
  type TableRef,
  type TaskState,
} from '@tauro/domain';
import { type ApprovalRequest, type SubRunRequest } from '@tauro/nodes';
import { type Env } from '@tauro/platform';
import { type PinnedVersion } from './pinned-versions.js';
import { retryPolicyOf, totalDeadline, waitDeadline } from './task-policy.js';

/** When the reconciler acts for a wake-up or a follow-up that did not come. */
const FOLLOW_UP_MS = 5000;

/** Where a result that was taken from the cache comes from. */
export interface CachedFrom {
  run_id: string;
  created_at: Date;
}

/** What checks of the rows that an attempt made have left. */
export interface Checked {
  quality?: CheckResult[];
  quarantine?: TableRef;
}

/** How an attempt ended. */
export type Outcome =
  | ({
      kind: 'success';
      output: Json;
      table?: TableRef;
      metrics?: TaskMetrics;
      /** What was read and written outside of the run. */
      datasets?: DatasetUse[];
      cached?: CachedFrom;
      /** Where the mark of its source is to stand once the run has succeeded. */
      mark?: MarkMove;
    } & Checked)
  | ({ kind: 'failure'; error: Failure; retryable: boolean } & Checked)
  | { kind: 'wait'; until: Date; output: Json }
  /** A person has to decide. */
  | ({ kind: 'approval' } & ApprovalRequest)
  /** Another pipeline is to run; the task ends as its run does. */
  | ({ kind: 'sub_run' } & SubRunRequest)
  /** A mapped node's list: from here on the tasks of its items run. */
  | { kind: 'expand'; items: Json[] }
  /** Not begun, for a reason outside of it that passes by itself; it costs the task no attempt. */
  | { kind: 'postponed'; until: Date; why: string }
  /** Its condition was false. */
  | { kind: 'skipped'; why: string }
  | { kind: 'cancelled' };

/** The part of an outcome's write that depends on how the attempt ended. */
export interface Settlement {
  state: TaskState;
  attempt: Attempt['state'];
  set: Record<string, unknown>;
  /** Why it failed for good, as a line of its own: the end itself is only information. */
  cause?: string;
  level: 'INFO' | 'WARNING';
  message: string;
  /** The attempt did not take place: it is neither counted nor kept. */
  unbegun?: boolean;
}

/** Part of the time a breaker stays open, over which those who wait for it come back. */
const SPREAD = 0.1;

/** What an outcome makes of its task: the next state, what is stored with it, and what the log says. */
export function settlementOf(
  outcome: Outcome,
  { task, node, version }: { task: Task; node: NodeDefinition; version: PinnedVersion },
  env: Env,
  now = Date.now(),
  random = Math.random(),
): Settlement {
  const took = `after ${((now - task.attempts.at(-1)!.started_at.getTime()) / 1000).toFixed(2)} s`;
  const name = `task ${taskLabel(task)}`;
  switch (outcome.kind) {
    case 'success': {
      const { cached, datasets = [], mark } = outcome;
      const how = cached
        ? `: taken from the cache (made by ${cached.run_id}, ${Math.round((now - cached.created_at.getTime()) / 1000)} s ago)`
        : ` ${took}`;
      return {
        state: 'SUCCESS',
        attempt: 'SUCCESS',
        set: {
          output: outcome.output,
          metrics: outcome.metrics ?? null,
          'engine.artifact': outcome.table ?? null,
          progress: 1,
          error: null,
          ...quarantineOf(outcome, task),
          ...(datasets.length > 0 && { 'engine.datasets': datasets }),
          ...(cached && { cached: true }),
          ...(mark && { 'engine.mark': mark }),
        },
        level: 'INFO',
        message: `${name} ended SUCCESS${how}`,
      };
    }
    case 'wait': {
      const latest = waitDeadline(node, task);
      if (latest && outcome.until > latest) {
        const message = `would wait until ${outcome.until.toISOString()}, but must be over at ${latest.toISOString()}`;
        const error = { type: 'Timeout', message };
        const late: Outcome = { kind: 'failure', error, retryable: false };
        return settlementOf(late, { task, node, version }, env, now, random);
      }
      return {
        state: 'WAITING',
        attempt: 'WAITING',
        set: { output: outcome.output, 'engine.wake_at': outcome.until },
        level: 'INFO',
        message: `${name} waits until ${outcome.until.toISOString()}`,
      };
    }
    case 'approval': {
      const { message } = outcome;
      const latest = waitDeadline(node, task) ?? null;
      const deadline = latest && !(outcome.deadline && outcome.deadline < latest) ? latest : outcome.deadline;
      return {
        state: 'WAITING',
        attempt: 'WAITING',
        set: { 'engine.approval': { message }, 'engine.wake_at': deadline },
        level: 'INFO',
        message: `${name} ${waitsForApproval(message, deadline)}`,
      };
    }
    case 'sub_run': {
      const sub_run_id = subRunId(task);
      return {
        state: 'WAITING',
        attempt: 'WAITING',
        set: { sub_run_id },
        level: 'INFO',
        message: `${name} waits for its run ${sub_run_id}`,
      };
    }
    case 'expand': {
      const count = outcome.items.length;
      if (count === 0) {
        const { output } = new ItemCollector().result();
        return settlementOf({ kind: 'success', output }, { task, node, version }, env, now, random);
      }
      const atOnce = node.for_each?.max_parallelism ?? count;
      return {
        state: 'WAITING',
        attempt: 'WAITING',
        set: {
          'engine.expanded': count,
          ...(atOnce < count && {
            'engine.open': Array.from({ length: atOnce }, (_, i) => i),
            'engine.next': atOnce,
          }),
        },
        level: 'INFO',
        message: `${name} runs once for each of ${count} items`,
      };
    }
    case 'postponed': {
      const { until, why } = outcome;
      const deadline = totalDeadline(node, task);
      if (deadline && until >= deadline) {
        const message = `${why}, and total_timeout_seconds leaves no time to wait for it`;
        return {
          state: 'FAILED',
          attempt: 'FAILED',
          set: { error: { type: 'CircuitOpen', message }, 'engine.failures': task.engine.failures + 1 },
          cause: `${name} failed: ${message}`,
          level: 'INFO',
          message: `${name} ended FAILED ${took}`,
        };
      }
      const spread = random * SPREAD * env.BREAKER_OPEN_SECONDS * 1000;
      return {
        state: 'RETRYING',
        attempt: 'FAILED',
        unbegun: true,
        set: { 'engine.wake_at': new Date(until.getTime() + spread), 'engine.postponed': why },
        level: 'WARNING',
        message: `${name} is postponed: ${why}`,
      };
    }
    case 'skipped':
      return {
        state: 'SKIPPED',
        attempt: 'SKIPPED',
        set: {},
        level: 'INFO',
        message: `${name} ended SKIPPED: ${outcome.why}`,
      };
    case 'cancelled':
      return {
        state: 'CANCELLED',
        attempt: 'CANCELLED',
        set: {},
        level: 'INFO',
        message: `${name} ended CANCELLED ${took}`,
      };
    case 'failure': {
      const { error } = outcome;
      const failures = task.engine.failures + 1;
      const set = { error, 'engine.failures': failures, ...quarantineOf(outcome, task) };
      const policy = retryPolicyOf(node, version.definition, env);
      const seconds = backoffSeconds(policy, failures, random);
      const againAt = new Date(now + seconds * 1000);
      const refusal =
        failures >= task.max_attempts ? '' : refusalOf(policy, outcome, againAt, totalDeadline(node, task));
      if (refusal === null) {
        return {
          state: 'RETRYING',
          attempt: 'FAILED',
          set: { ...set, 'engine.wake_at': againAt, 'engine.postponed': null },
          level: 'WARNING',
          message: `${name} failed ${took}: ${error.message}; attempt ${task.attempt + 1} in ${seconds.toFixed(2)} s`,
        };
      }
      return {
        state: 'FAILED',
        attempt: 'FAILED',
        set,
        cause: `${name} failed${refusal}: ${error.message}`,
        level: 'INFO',
        message: `${name} ended FAILED ${took}`,
      };
    }
  }
}

/** The quarantined rows of this attempt in the place of those of one before. */
const quarantineOf = ({ quarantine }: Checked, { engine }: Task): Record<string, unknown> =>
  quarantine || engine.quarantine ? { 'engine.quarantine': quarantine ?? null } : {};

/** The fields that end a task's last attempt, or let it sleep; the claim is the caller's to take care of. */
export function attemptEnd(
  task: Task,
  {
    state,
    attempt,
    set,
    error,
    unbegun = false,
  }: Pick<Settlement, 'state' | 'attempt' | 'set' | 'unbegun'> & { error?: Failure },
  now = new Date(),
): Record<string, unknown> {
  const last = `attempts.${task.attempts.length - 1}`;
  return {
    ...set,
    state,
    ...(!unbegun && {
      [`${last}.state`]: attempt,
      [`${last}.finished_at`]: attempt === 'WAITING' ? null : now,
      [`${last}.error`]: error ?? set.error ?? null,
    }),
    ...(isTerminalTask(state) && { finished_at: now, 'engine.advanced': false }),
    'engine.check_at': new Date(now.getTime() + FOLLOW_UP_MS),
  };
}

/** `waits for approval: Ship it? (until 2026-01-31T06:00:00.000Z)` */
export function waitsForApproval(message: string, deadline: Date | null): string {
  const question = message === '' ? '' : `: ${message}`;
  return `waits for approval${question}${deadline ? ` (until ${deadline.toISOString()})` : ''}`;
}

/** Why a failure with attempts left is final all the same, to be read behind `failed`; null when it is not. */
function refusalOf(
  policy: RetryPolicy,
  { error, retryable }: Outcome & { kind: 'failure' },
  againAt: Date,
  deadline?: Date,
): string | null {
  if (!isRepeated(policy, error.type, retryable)) return ', which is not worth repeating';
  return deadline && againAt >= deadline ? ', and total_timeout_seconds leaves no time to repeat it' : null;
}
