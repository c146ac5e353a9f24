import { type RetryPolicy } from './pipeline.js';

/** Growth of the delay by strategy; `n` is the number of failures so far, 1 for the first. */
const GROWTH: Record<NonNullable<RetryPolicy['backoff']>, (n: number) => number> = {
  fixed: () => 1,
  linear: (n) => n,
  exponential: (n) => 2 ** (n - 1),
};

/**
 * Seconds to wait before the attempt after `failures` failed ones.
 * @param random 0..1, for jitter, which keeps half of the delay and spreads the rest.
 */
export function backoffSeconds(policy: RetryPolicy, failures: number, random: number): number {
  const { backoff_seconds = 0, backoff = 'exponential', max_backoff_seconds = 3600, jitter = false } = policy;
  const delay = Math.min(backoff_seconds * GROWTH[backoff](Math.min(failures, 1024)), max_backoff_seconds);
  return jitter ? delay * (0.5 + random / 2) : delay;
}

/**
 * Whether an error is worth another attempt: `abort_on` wins, then `retry_on` decides alone when it is there, and
 * without either it is the error's own nature that counts.
 * @param retryable whether the error may pass by itself, as far as whoever raised it knows.
 */
export function isRepeated(policy: RetryPolicy, errorType: string, retryable: boolean): boolean {
  if (policy.abort_on?.includes(errorType)) return false;
  return policy.retry_on ? policy.retry_on.includes(errorType) : retryable;
}
