import { type PlannedRun, type Schedule } from '@tauro/database';
import { type Due, type DueSlot, dueSlots, newId, type SlotSource } from '@tauro/domain';

/** What a schedule's rules make of its next slots up to a moment: some of them at a time, as `dueSlots` says. */
export function dueOf(schedule: Schedule, slots: SlotSource, cursor: Date, until: Date): Due {
  const { enabled_at, disabled_at } = schedule.engine;
  return dueSlots({
    slots,
    jitterMs: schedule.jitter_seconds * 1000,
    cursor,
    now: until,
    enabledAt: enabled_at,
    disabledAt: disabled_at,
    missed: schedule,
    onEnable: schedule.on_enable,
  });
}

/** The run that a slot is to get. */
export const plannedRun = ({ scheduled_for, interval }: DueSlot, now: Date): PlannedRun => ({
  run_id: newId('run', now.getTime()),
  scheduled_for,
  data_interval_start: interval.start,
  data_interval_end: interval.end,
});
