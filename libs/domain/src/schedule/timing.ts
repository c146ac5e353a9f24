import { type ErrorDetail, invalid } from '../errors.js';
import { parseCronExpression } from './cron-expression.js';
import { CronSlots } from './cron-slots.js';
import { IntervalSlots, parseInterval } from './interval.js';
import { type Slots } from './slots.js';
import { Zone } from './zone.js';

export const TIMING_KINDS = ['CRON', 'INTERVAL'] as const;
export type TimingKind = (typeof TIMING_KINDS)[number];

/** When a schedule fires, as its owner wrote it. */
export interface TimingInput {
  kind: TimingKind;
  /** CRON: 5 or 6 fields or a macro; INTERVAL: `15s`, `1h30m`. */
  expression: string;
  /** IANA name; an INTERVAL runs in absolute time and only has it checked. */
  timezone: string;
  /** First and last instant at which a slot may lie. */
  start_at?: Date | null;
  end_at?: Date | null;
  /** When the schedule was made: an INTERVAL without `start_at` counts from its whole second. */
  anchor: Date;
}

/** Slots lie between these years; what is asked beyond them has no slot. */
const FIRST = Date.UTC(1900, 0, 1);
const LAST = Date.UTC(2900, 0, 1) - 1;

/** The slots of a schedule: the instants it fires at. Knows no present: every question names its own instant. */
export class Timing {
  /** @param first and last: the instants, in ms, between which slots count; both inclusive. */
  constructor(
    private readonly slots: Slots,
    private readonly first: number,
    private readonly last: number,
  ) {}

  /** The first slot strictly after; null when there is none. */
  next(after: Date): Date | null {
    if (ms(after) >= this.last) return null;
    const slot = this.slots.next(Math.max(ms(after), this.first - 1));
    return slot === null || slot > this.last ? null : new Date(slot);
  }

  /**
   * The last slot strictly before; null when there is none. An INTERVAL without `start_at` has slots before its anchor,
   * too, on the same grid.
   */
  previous(before: Date): Date | null {
    if (ms(before) <= this.first) return null;
    const slot = this.slots.previous(Math.min(ms(before), this.last + 1));
    return slot === null || slot < this.first ? null : new Date(slot);
  }

  /** The slots strictly after, ascending and one by one as they are taken; may never end. */
  *after(from: Date): Generator<Date, void, void> {
    for (let slot = this.next(from); slot; slot = this.next(slot)) yield slot;
  }

  /** The slots strictly before, latest first and one by one as they are taken. */
  *before(to: Date): Generator<Date, void, void> {
    for (let slot = this.previous(to); slot; slot = this.previous(slot)) yield slot;
  }

  /** The slots in (from, to], one by one as they are taken. */
  *between(
    from: Date,
    to: Date,
    order: 'ascending' | 'descending' = 'ascending',
  ): Generator<Date, void, void> {
    const ascending = order === 'ascending';
    for (const slot of ascending ? this.after(from) : this.before(new Date(ms(to) + 1))) {
      if (ascending ? slot > to : slot <= from) return;
      yield slot;
    }
  }

  /**
   * The stretch of data that a slot is about: from the slot before it, also where `start_at` leaves that out. For an
   * instant that is no slot, such as a trigger by hand, it begins with the last slot before.
   */
  dataInterval(slot: Date): { start: Date; end: Date } {
    return { start: new Date(this.slots.previous(ms(slot)) ?? slot), end: slot };
  }
}

/**
 * @throws DomainError 422 with a detail per fault, for the fields `expression`, `timezone`, `start_at` and `end_at`.
 */
export function parseTiming(input: TimingInput): Timing {
  const result = readTiming(input);
  if (result instanceof Timing) return result;
  throw invalid(result);
}

/** As parseTiming, for those who name the fields differently: returns the faults. */
export function readTiming(input: TimingInput): Timing | ErrorDetail[] {
  const faults: ErrorDetail[] = [];
  const fault = (field: string, message: string): void => {
    faults.push({ field, message, type: 'value_error' });
  };

  const zone = Zone.named(input.timezone);
  if (!zone) {
    const name = input.timezone.slice(0, 60);
    fault('timezone', `unknown time zone '${name}'; use an IANA name such as Europe/Berlin`);
  }
  const slots = readSlots(input, zone, (message) => fault('expression', message));
  const start = input.start_at?.getTime();
  const end = input.end_at?.getTime();
  for (const [field, at] of Object.entries({ start_at: start, end_at: end })) {
    if (at === undefined || (at >= FIRST && at <= LAST)) continue;
    fault(field, 'must be a date of the years 1900 to 2899');
  }
  if (faults.length === 0 && start !== undefined && end !== undefined && end < start) {
    fault('end_at', 'is before start_at');
  }
  if (faults.length > 0 || !slots) return faults;

  const timing = new Timing(slots, start ?? FIRST, end ?? LAST);
  // Without `start_at` there are slots in the past for ever; what counts is whether it could fire since it was made.
  const first = slots.next(start === undefined ? input.anchor.getTime() : start - 1);
  if (first === null || first > LAST) fault('expression', 'never fires: no date has all that it asks for');
  else if (end !== undefined && first > end) {
    fault('end_at', `leaves no slot: the first would be ${new Date(first).toISOString()}`);
  }
  return faults.length > 0 ? faults : timing;
}

function readSlots(
  { kind, expression, start_at, anchor }: TimingInput,
  zone: Zone | null,
  fault: (message: string) => void,
): Slots | null {
  if (kind === 'INTERVAL') {
    const length = parseInterval(expression);
    if (typeof length === 'number') {
      return new IntervalSlots(start_at?.getTime() ?? Math.floor(anchor.getTime() / 1000) * 1000, length);
    }
    fault(length);
    return null;
  }
  const cron = parseCronExpression(expression);
  if (Array.isArray(cron)) cron.forEach(fault);
  else if (zone) return new CronSlots(cron, zone);
  return null;
}

function ms(date: Date): number {
  const time = date.getTime();
  if (Number.isNaN(time)) throw new RangeError('a timing was asked about an invalid date');
  return time;
}
