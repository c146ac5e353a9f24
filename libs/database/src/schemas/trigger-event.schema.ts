import { Prop, Schema, SchemaFactory } from '@nestjs/mongoose';
import { ApiHideProperty } from '@nestjs/swagger';
import { type JsonObject, TRIGGER_EVENT_STATES, type TriggerEventState } from '@tauro/domain';
import { Document } from './document.js';

/** What only the engine reads. */
export interface TriggerEventEngine {
  /** Of the run; gone once that is there. */
  params?: JsonObject;
  /** What the run is about, as the one before it was. */
  scheduled_for: Date | null;
  data_interval_start: Date | null;
  data_interval_end: Date | null;
  /** How many triggered runs are before the one it makes, this one counted. */
  depth: number;
  /** When somebody looks whether its run is there; absent when there is nothing to look for. */
  check_at?: Date;
  /** SHA-256 of a signature that covers the time, so that the same call counts once whatever it calls itself. */
  signature?: string;
  /** Of what happened: its run belongs to the same trace. */
  traceparent?: string;
  /** SHA-256 of the call's body: one that comes again must be the same. */
  digest?: string;
}

/** Something that a trigger waits for has happened, and what became of it. */
@Schema({ collection: 'trigger_events', versionKey: false, minimize: false })
export class TriggerEvent extends Document {
  @Prop({ type: String, required: true })
  trigger_id!: string;

  @Prop({ type: String, required: true })
  project_id!: string;

  /** Unique in its trigger: the run that ended (the first, for a rerun), or the call's own id. */
  @Prop({ type: String, required: true })
  key!: string;

  @Prop({ type: String, enum: TRIGGER_EVENT_STATES, required: true })
  state!: TriggerEventState;

  /** Why there is no run. */
  @Prop({ type: String, default: null })
  reason!: string | null;

  /** The run that it started, or counted for. */
  @Prop({ type: String, default: null })
  run_id!: string | null;

  /** The run whose end it is, and that run's pipeline; null for a call. */
  @Prop({ type: String, default: null })
  source_run_id!: string | null;

  @Prop({ type: String, default: null })
  source_pipeline_id!: string | null;

  @Prop({ type: Date, required: true })
  created_at!: Date;

  @Prop({ type: Date, required: true })
  updated_at!: Date;

  /** When retention removes it, unless it is WAITING or PENDING. */
  @Prop({ type: Date, required: true })
  expires_at!: Date;

  @Prop({ type: String, default: null })
  request_id!: string | null;

  @ApiHideProperty()
  @Prop({ type: Object, required: true })
  engine!: TriggerEventEngine;
}

export const TriggerEventSchema = SchemaFactory.createForClass(TriggerEvent);
