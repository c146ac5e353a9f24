/** Words that schedules are described with. */

/** Which slots that passed without anybody taking them are made up for. */
export const MISFIRES = ['none', 'last', 'all'] as const;
export type Misfire = (typeof MISFIRES)[number];

/** What becomes of a slot while as many runs as allowed are under way. */
export const OVERLAPS = ['skip', 'queue', 'cancel_running'] as const;
export type Overlap = (typeof OVERLAPS)[number];

export const SCHEDULE_SLOT_STATES = ['STARTED', 'SKIPPED', 'SUCCESS', 'FAILED', 'CANCELLED'] as const;
export type ScheduleSlotState = (typeof SCHEDULE_SLOT_STATES)[number];

/** RUNNING until every slot is done with. */
export const BACKFILL_STATES = ['RUNNING', 'COMPLETED', 'FAILED', 'CANCELLED'] as const;
export type BackfillState = (typeof BACKFILL_STATES)[number];

/** Where a slot comes from: the expression, a person, or a backfill. */
export const SCHEDULE_SLOT_KINDS = ['SCHEDULED', 'MANUAL', 'BACKFILL'] as const;
export type ScheduleSlotKind = (typeof SCHEDULE_SLOT_KINDS)[number];

/** A slot so late was missed: `misfire` says what becomes of it. A restart of the workers is not an outage. */
export const MISFIRE_GRACE_SECONDS = 60;
