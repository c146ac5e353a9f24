import { type Failure, type Run } from '@tauro/database';

/** Which bound of a run's time was reached, for people. */
export function overdue({ timeout_seconds, deadline }: Pick<Run, 'timeout_seconds' | 'deadline'>): string {
  const bounds = [
    ...(timeout_seconds ? [`its timeout_seconds of ${timeout_seconds} s`] : []),
    ...(deadline ? [`its deadline, ${deadline.toISOString()}`] : []),
  ];
  return bounds.length > 0 ? `it took longer than ${bounds.join(' or ')}` : 'its clean-up took too long';
}

/** Why a run failed that was stopped because of its time. */
export const timedOut = (run: Run): Failure => ({ type: 'RunTimeout', message: overdue(run) });
