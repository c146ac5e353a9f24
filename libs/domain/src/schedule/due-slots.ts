import { type Misfire, MISFIRE_GRACE_SECONDS } from './schedule.js';

/** What of a schedule's timing is needed to find its slots. */
export interface SlotSource {
  /** The first strictly after; null when there is none. */
  next(after: Date): Date | null;
  /** The last strictly before. */
  previous(before: Date): Date | null;
  dataInterval(slot: Date): DataInterval;
}

/** The data that a run is about: from the slot before it up to its own. */
export interface DataInterval {
  start: Date;
  end: Date;
}

/** Which missed slots are made up for. */
export interface MissedPolicy {
  misfire: Misfire;
  /** Null: however late. */
  misfire_window_seconds: number | null;
  coalesce: boolean;
}

/** A slot that gets a run. */
export interface DueSlot {
  scheduled_for: Date;
  interval: DataInterval;
  /** It is made up for: it had been missed, so it waits its turn rather than being skipped. */
  late: boolean;
  /** It came up together with later ones, because nobody looked for a moment. */
  behind?: boolean;
}

/** A slot that gets none, or with `until` all slots up to there. */
export interface PassedSlot {
  scheduled_for: Date;
  until?: Date;
  reason: string;
}

/** What to do about the slots up to `cursor`, in their order. */
export interface Due {
  cursor: Date;
  runs: DueSlot[];
  skips: PassedSlot[];
}

export interface DueQuestion {
  slots: SlotSource;
  /** Milliseconds after its slot at which a run may start at the latest, by jitter: so much later is a slot missed. */
  jitterMs: number;
  /** Up to where everything was decided. */
  cursor: Date;
  now: Date;
  /** When it was disabled and enabled last: slots between the two passed while it was disabled. */
  disabledAt: Date | null;
  enabledAt: Date;
  missed: MissedPolicy;
  onEnable: MissedPolicy;
}

const MISSED = 'no worker took it in time';
/** Most runs that are decided upon at once. */
const MOST_RUNS = 100;
/** Most skipped slots that are recorded one by one; those before them in one record. */
const MOST_SKIPS = 200;

const seconds = (date: Date, offset: number): Date => new Date(date.getTime() + offset * 1000);
const earlier = (a: Date, b: Date): Date => (a < b ? a : b);
const later = (a: Date, b: Date): Date => (a > b ? a : b);
const justAfter = (date: Date): Date => new Date(date.getTime() + 1);

/**
 * What is due. A range of slots of one sort at a time: those that passed while the schedule was disabled, those that
 * were missed, those that are due now. The caller asks again until the cursor has come to `now`.
 */
export function dueSlots(question: DueQuestion): Due {
  const { slots, jitterMs, cursor, now, disabledAt, enabledAt, onEnable } = question;
  const missed = waited(question.missed, jitterMs);
  if (cursor < enabledAt && cursor < now) {
    if (disabledAt && cursor < disabledAt && disabledAt < enabledAt) {
      return passed(slots, cursor, earlier(disabledAt, now), now, missed, MISSED);
    }
    return passed(slots, cursor, earlier(enabledAt, now), now, onEnable, 'the schedule was disabled');
  }
  const grace = seconds(now, -MISFIRE_GRACE_SECONDS - jitterMs / 1000);
  const first = slots.next(cursor);
  if (first && first <= grace) return passed(slots, cursor, grace, now, missed, MISSED);
  const runs: DueSlot[] = [];
  let slot = first;
  for (; slot && slot <= now && runs.length < MOST_RUNS; slot = slots.next(slot)) {
    runs.push({ scheduled_for: slot, interval: slots.dataInterval(slot), late: false });
  }
  const all = !slot || slot > now;
  if (missed.misfire !== 'none') for (const one of runs.slice(0, -1)) one.behind = true;
  return { cursor: all ? later(cursor, now) : runs.at(-1)!.scheduled_for, runs, skips: [] };
}

/** The time that a slot waits for its jitter is not held against it. */
const waited = (policy: MissedPolicy, jitterMs: number): MissedPolicy => ({
  ...policy,
  misfire_window_seconds:
    policy.misfire_window_seconds === null ? null : policy.misfire_window_seconds + jitterMs / 1000,
});

/** Slots in (from, to] that passed without a run. */
function passed(slots: SlotSource, from: Date, to: Date, now: Date, policy: MissedPolicy, why: string): Due {
  const last = slots.previous(justAfter(to));
  if (!last || last <= from) return { cursor: to, runs: [], skips: [] };
  const { misfire, misfire_window_seconds: window, coalesce } = policy;
  const skip = (until: Date, reason: string): PassedSlot[] =>
    skippedSlots(slots, from, until, `${why}; ${reason}`);
  if (misfire === 'none') return { cursor: to, runs: [], skips: skip(to, "misfire is 'none'") };

  // What is too late for the window goes first.
  const oldest = window === null ? from : seconds(now, -window);
  if (oldest > from && (slots.next(from) ?? to) < oldest) {
    const until = earlier(new Date(oldest.getTime() - 1), to);
    return { cursor: until, runs: [], skips: skip(until, `it is later than ${window} s`) };
  }
  const before = new Date(last.getTime() - 1);
  const run = { scheduled_for: last, interval: slots.dataInterval(last), late: true };
  if (misfire === 'last') return { cursor: to, runs: [run], skips: skip(before, "misfire is 'last'") };
  if (coalesce) {
    const { start } = slots.dataInterval(slots.next(from)!);
    const interval = { start, end: run.interval.end };
    const skips = skip(before, `its data is in the run of ${last.toISOString()}`);
    return { cursor: to, runs: [{ ...run, interval }], skips };
  }
  const runs: DueSlot[] = [];
  let slot = slots.next(from);
  for (; slot && slot <= to && runs.length < MOST_RUNS; slot = slots.next(slot)) {
    runs.push({ scheduled_for: slot, interval: slots.dataInterval(slot), late: true });
  }
  return { cursor: slot && slot <= to ? runs.at(-1)!.scheduled_for : to, runs, skips: [] };
}

/** Slots in (from, to] that get no run: the latest one by one, those before them in one record. */
export function skippedSlots(slots: SlotSource, from: Date, to: Date, reason: string): PassedSlot[] {
  const latest: PassedSlot[] = [];
  let slot = slots.previous(justAfter(to));
  for (; slot && slot > from && latest.length < MOST_SKIPS; slot = slots.previous(slot)) {
    latest.push({ scheduled_for: slot, reason });
  }
  const first = slots.next(from);
  if (slot && slot > from && first) latest.push({ scheduled_for: first, until: slot, reason });
  return latest.reverse();
}
