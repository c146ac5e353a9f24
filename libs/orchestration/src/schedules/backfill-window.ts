import { type BackfillProgress } from '@tauro/database';

/** Most runs of a backfill that have not ended: the others are made as these end. */
export const MOST_ACTIVE = 1000;
/** From here on it pays to make more. */
export const REFILL_BELOW = 500;

/** Slots that are done with, of all; 0..100 with two decimals. */
export function percentOf(progress: BackfillProgress): number {
  const { total_slots, created_runs, skipped_slots, failed_slots } = progress;
  const done = created_runs - activeRunsOf(progress) + skipped_slots + failed_slots;
  return Math.round((done / total_slots) * 10_000) / 100;
}

/** Runs of a backfill that were made and have not ended. */
export function activeRunsOf(progress: BackfillProgress): number {
  const { created_runs, successful_runs, failed_runs, cancelled_runs } = progress;
  return created_runs - successful_runs - failed_runs - cancelled_runs;
}
