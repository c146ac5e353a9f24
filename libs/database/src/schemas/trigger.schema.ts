import { Prop, Schema, SchemaFactory } from '@nestjs/mongoose';
import { ApiHideProperty } from '@nestjs/swagger';
import {
  type JsonObject,
  TRIGGER_ENDS,
  TRIGGER_KINDS,
  type TriggerEnd,
  type TriggerKind,
} from '@tauro/domain';
import { Document } from './document.js';

/** At most so many calls within a window of that length, which begins with a call. */
export class CallLimit {
  calls!: number;
  per_seconds!: number;
}

/** What only the engine reads. */
export interface TriggerEngine {
  /** SHA-256 of the token in its address, in hex; absent on one that has no address. */
  token_hash?: string;
  /** The sealed secret that calls are signed with; null when the token is enough. */
  secret: string | null;
}

/** Starts a pipeline when something happens: runs of others end, or a call comes in. */
@Schema({ collection: 'triggers', versionKey: false, minimize: false })
export class Trigger extends Document {
  @Prop({ type: String, required: true })
  project_id!: string;

  /** What it starts. */
  @Prop({ type: String, required: true })
  pipeline_id!: string;

  @Prop({ type: String, required: true })
  pipeline_name!: string;

  @Prop({ type: String, enum: TRIGGER_KINDS, required: true })
  kind!: TriggerKind;

  @Prop({ type: Boolean, required: true })
  enabled!: boolean;

  @Prop({ type: String, default: '' })
  description!: string;

  /** Of its runs; may hold templates. */
  @Prop({ type: Object, default: {} })
  params!: JsonObject;

  /** Of its runs, beside `triggered_by`. */
  @Prop({ type: Object, default: {} })
  tags!: Record<string, string>;

  /** PIPELINE: the pipelines whose runs it waits for; each of them must have a new one. Null for a WEBHOOK. */
  @Prop({ type: [String], default: null })
  after!: string[] | null;

  /** Their names, when the trigger was last changed. */
  @Prop({ type: [String], default: null })
  after_names!: string[] | null;

  /** PIPELINE: which ends of these runs count. */
  @Prop({ type: String, enum: [...TRIGGER_ENDS, null], default: null })
  on!: TriggerEnd | null;

  /** WEBHOOK: params made of the call by templates; null: the fields of the body are params. */
  @Prop({ type: Object, default: null })
  params_mapping!: JsonObject | null;

  /** WEBHOOK: how often it may be called; null for any number of times. */
  @Prop({ type: Object, default: null })
  rate_limit!: CallLimit | null;

  /** WEBHOOK: whether calls must be signed. */
  @Prop({ type: Boolean, required: true })
  has_secret!: boolean;

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
  engine!: TriggerEngine;
}

export const TriggerSchema = SchemaFactory.createForClass(Trigger);
