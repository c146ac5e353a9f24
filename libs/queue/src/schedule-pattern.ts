import { parseTiming, type TimingInput } from '@tauro/domain';
import { type RepeatStrategy } from 'bullmq';

/** What BullMQ keeps of a schedule, so that it can work out by our rules when to wake next. */
export function schedulePattern({
  kind,
  expression,
  timezone,
  start_at,
  end_at,
  anchor,
}: TimingInput): string {
  return JSON.stringify({ kind, expression, timezone, start_at, end_at, anchor });
}

/**
 * When a job scheduler fires next: by the timing in its pattern instead of BullMQ's own cron, whose rules for DST
 * are others. @returns undefined when no slot is left.
 */
export const scheduleRepeat: RepeatStrategy = (millis, { pattern }) => {
  const { start_at, end_at, anchor, ...rest } = JSON.parse(pattern!) as Record<string, string | null>;
  const date = (text: string | null | undefined): Date | null => (text ? new Date(text) : null);
  const timing = parseTiming({
    ...(rest as unknown as TimingInput),
    start_at: date(start_at),
    end_at: date(end_at),
    anchor: date(anchor)!,
  });
  return timing.next(new Date(millis))?.getTime();
};
