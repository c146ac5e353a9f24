import { Prop, Schema, SchemaFactory } from '@nestjs/mongoose';
import { ApiHideProperty } from '@nestjs/swagger';
import {
  type JsonObject,
  MISFIRES,
  type Misfire,
  type NotificationSettings,
  OVERLAPS,
  type Overlap,
  type TimingKind,
  TIMING_KINDS,
  type SealedSecret,
} from '@tauro/domain';
import { Document } from './document.js';

/** What becomes of slots that passed while the schedule was disabled. */
export class OnEnable {
  misfire!: Misfire;
  misfire_window_seconds!: number | null;
  coalesce!: boolean;
}

/** What applies to the runs of a schedule. */
export class ScheduleConfig {
  max_concurrency?: number;
  timeout_seconds?: number;
  retry_on_failure?: boolean;
  notifications?: NotificationSettings | null;
}

/** Runs that a schedule has made, counted; its runs may be gone by now, the figures stay. */
export class ScheduleStatistics {
  total_runs!: number;
  successful_runs!: number;
  failed_runs!: number;
  cancelled_runs!: number;
}

/** A run that was decided upon and may not exist yet. */
export interface PlannedRun {
  run_id: string;
  scheduled_for: Date;
  data_interval_start: Date;
  data_interval_end: Date;
}

/** A slot that makes no run; with `until` it stands for all slots up to there. */
export interface SkippedSlot {
  scheduled_for: Date;
  until?: Date;
  reason: string;
}

/** What was decided by one write, until it is carried out. */
export interface Decision {
  id: string;
  kind: 'SCHEDULED' | 'MANUAL';
  /** When; one that is old was left behind by a crash. */
  at: Date;
  runs: PlannedRun[];
  skips: SkippedSlot[];
  /** How many of the oldest active runs are cancelled for its own. */
  replaces: number;
  /** Of a run by hand, over the schedule's. */
  params?: JsonObject;
  request_id?: string | null;
}

/** What only the engine reads. */
export interface ScheduleEngine {
  /** Every slot up to here has been decided upon. */
  cursor: Date;
  /** What an INTERVAL without `start_at` counts from. */
  anchor: Date;
  /** When it was enabled and disabled last: what passed between the two passed while it was disabled. */
  enabled_at: Date;
  disabled_at: Date | null;
  /** Of the webhooks that are told of its runs. */
  webhook_secrets: SealedSecret[];
  /** Not carried out yet. */
  decisions: Decision[];
  /** When somebody should look at it if nothing has woken it; absent when nothing will ever be due. */
  check_at?: Date;
}

/** When a pipeline runs by itself. */
@Schema({ collection: 'schedules', versionKey: false, minimize: false })
export class Schedule extends Document {
  @Prop({ type: String, required: true })
  project_id!: string;

  @Prop({ type: String, required: true })
  pipeline_id!: string;

  @Prop({ type: String, required: true })
  pipeline_name!: string;

  @Prop({ type: String, enum: TIMING_KINDS, required: true })
  kind!: TimingKind;

  /** A CRON of 5 fields (6 with seconds first), a macro such as `@daily`, or an INTERVAL such as `1h30m`. */
  @Prop({ type: String, required: true })
  expression!: string;

  @Prop({ type: Boolean, required: true })
  enabled!: boolean;

  /** IANA name. */
  @Prop({ type: String, required: true })
  timezone!: string;

  @Prop({ type: String, default: '' })
  description!: string;

  @Prop({ type: Object, default: {} })
  params!: JsonObject;

  /** Of its runs, beside `triggered_by`. */
  @Prop({ type: Object, default: {} })
  tags!: Record<string, string>;

  @Prop({ type: Object, default: {} })
  config!: ScheduleConfig;

  /** No slot before it. */
  @Prop({ type: Date, default: null })
  start_at!: Date | null;

  /** No slot after it. */
  @Prop({ type: Date, default: null })
  end_at!: Date | null;

  /** Which slots that no worker took in time are made up for. */
  @Prop({ type: String, enum: MISFIRES, required: true })
  misfire!: Misfire;

  /** Those that are later than this are not; null for however late. */
  @Prop({ type: Number, default: null })
  misfire_window_seconds!: number | null;

  /** Make one run of several slots that are made up for; it is about the data of all of them. */
  @Prop({ type: Boolean, required: true })
  coalesce!: boolean;

  /** The same for slots that passed while it was disabled. */
  @Prop({ type: Object, required: true })
  on_enable!: OnEnable;

  /** Most of its runs at once. */
  @Prop({ type: Number, required: true })
  max_concurrency!: number;

  /** What becomes of a slot when as many are under way. */
  @Prop({ type: String, enum: OVERLAPS, required: true })
  overlap!: Overlap;

  /** A run starts up to so many seconds after its slot, always the same for the same slot. */
  @Prop({ type: Number, required: true })
  jitter_seconds!: number;

  /** Null while it is disabled, and when no slot is left. */
  @Prop({ type: Date, default: null })
  next_run_at!: Date | null;

  /** The slot of its latest run, or when it was triggered by hand. */
  @Prop({ type: Date, default: null })
  last_run_at!: Date | null;

  @Prop({ type: Object, required: true })
  statistics!: ScheduleStatistics;

  @Prop({ type: Date, required: true })
  created_at!: Date;

  @Prop({ type: Date, required: true })
  updated_at!: Date;

  /** Counts the changes; what the ETag says. */
  @Prop({ type: Number, required: true })
  revision!: number;

  @Prop({ type: String, default: null })
  request_id!: string | null;

  @ApiHideProperty()
  @Prop({ type: Object, required: true })
  engine!: ScheduleEngine;
}

export const ScheduleSchema = SchemaFactory.createForClass(Schedule);
