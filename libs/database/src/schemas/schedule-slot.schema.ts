import { Prop, Schema, SchemaFactory } from '@nestjs/mongoose';
import {
  SCHEDULE_SLOT_KINDS,
  SCHEDULE_SLOT_STATES,
  type ScheduleSlotKind,
  type ScheduleSlotState,
} from '@tauro/domain';
import { Document } from './document.js';

/** A point in time at which a schedule was due, and what became of it. Never removed by retention. */
@Schema({ collection: 'schedule_slots', versionKey: false })
export class ScheduleSlot extends Document {
  @Prop({ type: String, required: true })
  schedule_id!: string;

  /** Unique in its schedule. */
  @Prop({ type: Date, required: true })
  scheduled_for!: Date;

  /** On a skipped one that stands for all slots from `scheduled_for` up to here. */
  @Prop({ type: Date, default: null })
  until!: Date | null;

  /** STARTED once it has a run, then how that ended; FAILED without a run when none could be made. */
  @Prop({ type: String, enum: SCHEDULE_SLOT_STATES, required: true })
  state!: ScheduleSlotState;

  /** Why it was skipped, or why there is no run. */
  @Prop({ type: String, default: null })
  reason!: string | null;

  @Prop({ type: String, default: null })
  run_id!: string | null;

  @Prop({ type: String, enum: SCHEDULE_SLOT_KINDS, required: true })
  kind!: ScheduleSlotKind;

  /** The backfill that made it. */
  @Prop({ type: String, default: null })
  backfill_id!: string | null;

  @Prop({ type: Date, required: true })
  created_at!: Date;

  /** When its run ended. */
  @Prop({ type: Date, default: null })
  finished_at!: Date | null;
}

export const ScheduleSlotSchema = SchemaFactory.createForClass(ScheduleSlot);
