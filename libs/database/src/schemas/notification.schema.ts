import { Prop, Schema, SchemaFactory } from '@nestjs/mongoose';
import { ApiHideProperty } from '@nestjs/swagger';
import {
  type JsonObject,
  NOTIFICATION_CHANNELS,
  NOTIFICATION_EVENTS,
  NOTIFICATION_STATES,
  type NotificationChannel,
  type NotificationEvent,
  type NotificationState,
} from '@tauro/domain';
import { Document } from './document.js';

/** What only the engine reads. */
export interface NotificationEngine {
  /** The address or the whole URL. */
  to: string;
  /** Whom it keeps busy: a URL's scheme, host and port, or the mail server. */
  receiver: string;
  /** The sealed secret that signs it; null when nothing does. */
  sealed: string | null;
  /** The fencing token of whoever sends it at the moment. */
  claim: string | null;
  /** Of the run it tells of; absent when that belongs to no trace. */
  traceparent?: string;
  /** Attempts since it was made, or since somebody asked for it again. */
  tries: number;
  retention_days: number;
}

/** One message to one target about one event of one run. Its id follows from these, so there is only one. */
@Schema({ collection: 'notifications', versionKey: false, minimize: false })
export class Notification extends Document {
  @Prop({ type: String, enum: NOTIFICATION_EVENTS, required: true })
  event!: NotificationEvent;

  @Prop({ type: String, enum: NOTIFICATION_CHANNELS, required: true })
  channel!: NotificationChannel;

  /** An address, or a URL without its query. */
  @Prop({ type: String, required: true })
  target!: string;

  /** DEAD once it is given up. */
  @Prop({ type: String, enum: NOTIFICATION_STATES, required: true })
  state!: NotificationState;

  /** Attempts that were begun. */
  @Prop({ type: Number, required: true })
  attempt!: number;

  /** While one is under way, when it counts as lost; null once none follows. */
  @Prop({ type: Date, default: null })
  next_attempt_at!: Date | null;

  /** Why the last attempt that failed did. */
  @Prop({ type: String, default: null })
  last_error!: string | null;

  @Prop({ type: String, required: true })
  run_id!: string;

  @Prop({ type: String, required: true })
  project_id!: string;

  @Prop({ type: String, required: true })
  pipeline_id!: string;

  @Prop({ type: String, default: null })
  schedule_id!: string | null;

  /** What the message says, as it was when the event happened. */
  @Prop({ type: Object, required: true })
  data!: JsonObject;

  @Prop({ type: Date, required: true })
  created_at!: Date;

  @Prop({ type: Date, required: true })
  updated_at!: Date;

  @Prop({ type: Date, default: null })
  sent_at!: Date | null;

  /** When retention removes it; null while it is PENDING. */
  @Prop({ type: Date, default: null })
  expires_at!: Date | null;

  @ApiHideProperty()
  @Prop({ type: Object, required: true })
  engine!: NotificationEngine;
}

export const NotificationSchema = SchemaFactory.createForClass(Notification);
