import { Prop, Schema, SchemaFactory } from '@nestjs/mongoose';
import { ApiHideProperty } from '@nestjs/swagger';
import { BACKFILL_STATES, type BackfillState } from '@tauro/domain';
import { Document } from './document.js';
import { type PlannedRun } from './schedule.schema.js';

/** How far a backfill is, counted in slots. */
export class BackfillProgress {
  total_slots!: number;
  /** Slots that got a run. */
  created_runs!: number;
  /** Slots that had one already. */
  skipped_slots!: number;
  successful_runs!: number;
  failed_runs!: number;
  cancelled_runs!: number;
  /** Slots for which no run could be made. */
  failed_slots!: number;
  /** Slots that are done with, of all; 0..100 with two decimals. Worked out when it is read. */
  percent_complete?: number;
}

/** Slots that are being turned into runs, until all of them are. */
export interface BackfillChunk {
  id: string;
  /** When; one that is old was left behind by a crash. */
  at: Date;
  runs: (PlannedRun & { was?: string | null })[];
  skipped: number;
}

/** What only the engine reads. */
export interface BackfillEngine {
  /** The slot up to which, in its order, everything is decided; null before the first. */
  cursor: Date | null;
  /** No slot is left to decide about. */
  done: boolean;
  chunk: BackfillChunk | null;
  /** When somebody should look at it if nothing has woken it; absent once there is nothing left to do. */
  check_at?: Date;
}

/** Runs for slots of a schedule that lie in the past. */
@Schema({ collection: 'backfills', versionKey: false })
export class Backfill extends Document {
  @Prop({ type: String, required: true })
  schedule_id!: string;

  @Prop({ type: String, required: true })
  project_id!: string;

  /** RUNNING until every slot has a run that ended; then FAILED if one of them failed. */
  @Prop({ type: String, enum: BACKFILL_STATES, required: true })
  state!: BackfillState;

  /** Its first slot. */
  @Prop({ type: Date, required: true })
  start!: Date;

  /** Its last slot. */
  @Prop({ type: Date, required: true })
  end!: Date;

  /** Most of its runs at once. */
  @Prop({ type: Number, required: true })
  max_concurrency!: number;

  /** The latest slot first. */
  @Prop({ type: Boolean, required: true })
  reverse!: boolean;

  /** Also slots that have a run already. */
  @Prop({ type: Boolean, required: true })
  rerun!: boolean;

  @Prop({ type: Object, required: true })
  progress!: BackfillProgress;

  /** What went wrong, when it FAILED. */
  @Prop({ type: String, default: null })
  error!: string | null;

  @Prop({ type: Date, required: true })
  created_at!: Date;

  @Prop({ type: Date, required: true })
  updated_at!: Date;

  @Prop({ type: Date, default: null })
  finished_at!: Date | null;

  @Prop({ type: String, default: null })
  request_id!: string | null;

  @ApiHideProperty()
  @Prop({ type: Object, required: true })
  engine!: BackfillEngine;
}

export const BackfillSchema = SchemaFactory.createForClass(Backfill);
