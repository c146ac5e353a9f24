import { type mongo } from 'mongoose';
import { type RunCount, type RunTotals } from './schemas/run-count.js';
import { type Run } from './schemas/run.schema.js';

const DAY_MS = 86_400_000;
/** How far back runs are told apart by the minute; before that by the day. */
const FINE_DAYS = 30;
/** Hours are kept longer than they are read, so that a reader whose clock is behind finds them. */
const HOURS_KEPT_DAYS = FINE_DAYS + 5;

/** Every run belongs to this scope, and to those of its ids. */
export const ALL = 'all';

/** What runs took, in seconds: those within a bound and beyond the one before it are counted together, the rest as the last. */
export const DURATION_BOUNDS = [1, 5, 15, 60, 300, 900, 3600, 14_400];

/** The place of the bound. */
export function durationPlace(seconds: number): number {
  const place = DURATION_BOUNDS.findIndex((bound) => seconds <= bound);
  return place < 0 ? DURATION_BOUNDS.length : place;
}

/** What is read of a run to count it. */
export type EndedRun = Pick<
  Run,
  '_id' | 'project_id' | 'pipeline_id' | 'schedule_id' | 'state' | 'created_at' | 'duration_seconds'
>;

/** What has to be read for it. */
export const COUNTED_FIELDS = {
  project_id: 1,
  pipeline_id: 1,
  schedule_id: 1,
  state: 1,
  created_at: 1,
  duration_seconds: 1,
} as const;

/** What runs that ended add to the counts: one write for each day, and each hour that is still told, of each scope. */
export function countsOf(runs: EndedRun[], now: Date): mongo.AnyBulkWriteOperation<RunCount>[] {
  const days = new Map<string, Record<string, number>>();
  const hours = new Map<string, { $inc: Record<string, number>; expires_at: Date }>();
  for (const run of runs) {
    const at = run.created_at.toISOString();
    const expires_at = new Date(run.created_at.getTime() + HOURS_KEPT_DAYS * DAY_MS);
    for (const scope of scopesOf(run)) {
      const day = emplace(days, `${scope}/d/${dayOf(at)}`, () => ({}));
      add(day, run, '');
      if (scope === ALL) addDuration(day, run);
      if (expires_at <= now) continue;
      const hour = emplace(hours, `${scope}/h/${hourOf(at)}`, () => ({ $inc: {}, expires_at }));
      add(hour.$inc, run, `minutes.${minuteOf(at)}.`);
    }
  }
  const ofDays = [...days].map(([_id, $inc]) => ({ filter: { _id }, update: { $inc }, upsert: true }));
  const ofHours = [...hours].map(([_id, { $inc, expires_at }]) => ({
    filter: { _id },
    update: { $inc, $max: { expires_at } },
    upsert: true,
  }));
  return [...ofDays, ...ofHours].map((updateOne) => ({ updateOne }));
}

/**
 * Since when runs are told apart: the full minute, or the full day (UTC) for what is long ago. A window that begins in
 * the middle of one has all of it.
 */
export function beginning(since: Date, now: Date): Date {
  const step = now.getTime() - since.getTime() > FINE_DAYS * DAY_MS ? DAY_MS : 60_000;
  return new Date(Math.floor(since.getTime() / step) * step);
}

/** What to read for a window: whole days, and the hours of the day in which it begins. @param since see `beginning`. */
export function windowOf(scope: string, since?: Date): mongo.Filter<RunCount> {
  if (!since) return { _id: { $gte: `${scope}/d/`, $lt: `${scope}/d~` } };
  const at = since.toISOString();
  if (at.endsWith('T00:00:00.000Z')) return { _id: { $gte: `${scope}/d/${dayOf(at)}`, $lt: `${scope}/d~` } };
  const days = { _id: { $gt: `${scope}/d/${dayOf(at)}`, $lt: `${scope}/d~` } };
  const hours = { _id: { $gte: `${scope}/h/${hourOf(at)}`, $lte: `${scope}/h/${dayOf(at)}T23` } };
  return { $or: [days, hours] };
}

/** The sum of what was read for a window. */
export function sumOf(counts: RunCount[], since?: Date): RunTotals {
  const at = since?.toISOString();
  const first = at && hourOf(at);
  const parts = counts.flatMap(({ _id, minutes, ...totals }) => {
    if (!minutes) return [totals];
    const wanted = Object.entries(minutes).filter(
      ([minute]) => !_id.endsWith(`/h/${first}`) || minute >= minuteOf(at!),
    );
    return wanted.map(([, part]) => part);
  });
  return parts.reduce<RunTotals>((sum, part) => merge(sum, part), {});
}

/** @param from is left as it is. */
export function merge(into: RunTotals, from: RunTotals): RunTotals {
  for (const field of FIELDS) if (from[field]) into[field] = (into[field] ?? 0) + from[field];
  return into;
}

const FIELDS = ['SUCCESS', 'FAILED', 'CANCELLED', 'timed', 'milliseconds'] as const;

function add(to: Record<string, number>, run: EndedRun, prefix: string): void {
  const increase = (field: string, by: number): void => {
    to[prefix + field] = (to[prefix + field] ?? 0) + by;
  };
  increase(run.state, 1);
  if (run.duration_seconds === null) return;
  increase('timed', 1);
  // Whole numbers add up exactly, in any order.
  increase('milliseconds', Math.round(run.duration_seconds * 1000));
}

function addDuration(to: Record<string, number>, { duration_seconds }: EndedRun): void {
  if (duration_seconds === null) return;
  const field = `durations.${durationPlace(duration_seconds)}`;
  to[field] = (to[field] ?? 0) + 1;
}

const scopesOf = (run: EndedRun): string[] => [
  ALL,
  run.project_id,
  run.pipeline_id,
  ...(run.schedule_id ? [run.schedule_id] : []),
];

const dayOf = (iso: string): string => iso.slice(0, 10);
const hourOf = (iso: string): string => iso.slice(0, 13);
const minuteOf = (iso: string): string => iso.slice(14, 16);

function emplace<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const found = map.get(key);
  if (found !== undefined) return found;
  const made = make();
  map.set(key, made);
  return made;
}
