import { type Schedule } from '@tauro/database';
import { parseTiming, type Timing } from '@tauro/domain';
import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';

/** What the slots of a schedule follow from. */
export type Timed = Pick<Schedule, 'kind' | 'expression' | 'timezone' | 'start_at' | 'end_at'> & {
  engine: Pick<Schedule['engine'], 'anchor'>;
};

const known = new LRUCache<string, Timing>({ max: 10_000 });

/** The slots of a schedule. @throws DomainError VALIDATION_ERROR that names the part that is wrong. */
export function timingOf({
  kind,
  expression,
  timezone,
  start_at,
  end_at,
  engine: { anchor },
}: Timed): Timing {
  const input = { kind, expression, timezone, start_at, end_at, anchor };
  const key = JSON.stringify(input);
  let timing = known.get(key);
  if (!timing) known.set(key, (timing = parseTiming(input)));
  return timing;
}

/** Seconds after its slot at which a run starts: always the same for a slot, and spread evenly over slots. */
export function jitterOf(
  { _id, jitter_seconds }: Pick<Schedule, '_id' | 'jitter_seconds'>,
  slot: Date,
): number {
  if (jitter_seconds === 0) return 0;
  const digest = createHash('sha1').update(`${_id}/${slot.getTime()}`).digest();
  return (digest.readUInt32BE() / 2 ** 32) * jitter_seconds;
}

/** When a slot's run starts. */
export const dueAt = (schedule: Pick<Schedule, '_id' | 'jitter_seconds'>, slot: Date): Date =>
  new Date(slot.getTime() + jitterOf(schedule, slot) * 1000);
