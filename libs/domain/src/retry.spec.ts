import { type RetryPolicy } from './pipeline.js';
import { backoffSeconds, isRepeated } from './retry.js';

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

describe('which errors are repeated', () => {
  it.each<[string, RetryPolicy, string, boolean, boolean]>([
    ['without lists the error decides', {}, 'HttpConnection', true, true],
    ['without lists the error decides', {}, 'BadPath', false, false],
    ['retry_on limits', { retry_on: ['Timeout'] }, 'HttpConnection', true, false],
    ['retry_on names it', { retry_on: ['Timeout', 'HttpConnection'] }, 'HttpConnection', true, true],
    [
      'retry_on may name what is final by itself',
      { retry_on: ['FileNotFound'] },
      'FileNotFound',
      false,
      true,
    ],
    ['an empty retry_on repeats nothing', { retry_on: [] }, 'Timeout', true, false],
    ['abort_on forbids', { abort_on: ['QuotaExceeded'] }, 'QuotaExceeded', true, false],
    ['abort_on leaves the others', { abort_on: ['QuotaExceeded'] }, 'Timeout', true, true],
    ['abort_on makes nothing repeatable', { abort_on: ['Timeout'] }, 'BadPath', false, false],
    ['abort_on wins', { retry_on: ['Timeout'], abort_on: ['Timeout'] }, 'Timeout', true, false],
    ['names are compared as they are written', { retry_on: ['timeout'] }, 'Timeout', true, false],
  ])('%s: %j, %s', (_, policy, type, retryable, repeated) => {
    expect(isRepeated(policy, type, retryable)).toBe(repeated);
  });
});
