import { type DueSlot, type PassedSlot } from './due-slots.js';
import { type Overlap } from './schedule.js';

/** Who gets a run, with how many of those under way giving way for it. */
export interface Admitted {
  runs: DueSlot[];
  skips: PassedSlot[];
  /** How many of the oldest active runs are cancelled. */
  replaces: number;
}

/** So many runs of a schedule may wait for their turn; a slot beyond is skipped. */
export const MOST_WAITING = 1000;

/**
 * What becomes of slots while as many runs are under way as may be. A slot that is made up for always waits its turn:
 * who asked for it to be made up for does not want it skipped for the one before it.
 * @param active runs of the schedule that have not ended.
 */
export function admitSlots(due: DueSlot[], overlap: Overlap, most: number, active: number): Admitted {
  const admitted: Admitted = { runs: [], skips: [], replaces: 0 };
  const onTime = due.filter(({ late }) => !late);
  for (const slot of due) {
    const { scheduled_for } = slot;
    const underWay = active + admitted.runs.length;
    if (slot.late || overlap === 'queue') {
      if (underWay < most + MOST_WAITING) admitted.runs.push(slot);
      else
        admitted.skips.push({
          scheduled_for,
          reason: `overlap: ${MOST_WAITING} runs wait for their turn already`,
        });
    } else if (overlap === 'skip') {
      // A moment without a worker must not cost slots that an outage would not.
      const room = slot.behind ? most + MOST_WAITING : most;
      if (underWay < room) admitted.runs.push(slot);
      else admitted.skips.push({ scheduled_for, reason: `overlap: max_concurrency of ${most} is reached` });
    } else if (onTime.indexOf(slot) < onTime.length - most) {
      // It would be cancelled at once for a later one.
      const next = onTime.at(-1)!.scheduled_for.toISOString();
      admitted.skips.push({ scheduled_for, reason: `overlap: replaced by the slot of ${next}` });
    } else {
      admitted.runs.push(slot);
      // As many as are too many, also those that wait, or were started by hand.
      admitted.replaces = Math.min(active, Math.max(0, underWay + 1 - most));
    }
  }
  return admitted;
}
