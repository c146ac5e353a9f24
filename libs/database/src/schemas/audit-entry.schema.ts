import { Prop, Schema, SchemaFactory } from '@nestjs/mongoose';
import { ApiProperty } from '@nestjs/swagger';
import { Document } from './document.js';

/** Who can have done something. */
export const ACTOR_KINDS = ['anonymous', 'key', 'token', 'cli'] as const;
export type ActorKind = (typeof ACTOR_KINDS)[number];

/** SUCCESS below 400, DENIED for 401 and 403, REFUSED for what else is the client's, FAILED from 500. */
export const AUDIT_OUTCOMES = ['SUCCESS', 'DENIED', 'REFUSED', 'FAILED'] as const;
export type AuditOutcome = (typeof AUDIT_OUTCOMES)[number];

/** What somebody did, or tried to do. Entries are only ever added: nothing changes or removes one. */
@Schema({ collection: 'audit', versionKey: false, minimize: false })
export class AuditEntry extends Document {
  /** When it had been done. */
  @Prop({ type: Date, required: true })
  created_at!: Date;

  @ApiProperty({ enum: ACTOR_KINDS })
  @Prop({ type: String, enum: ACTOR_KINDS, required: true })
  actor_kind!: ActorKind;

  /** Id of the key, subject of the token, `anonymous`, or who is logged in where the command was given. */
  @Prop({ type: String, required: true })
  actor_id!: string;

  @Prop({ type: String, required: true })
  actor_name!: string;

  /** The operation by its id in the OpenAPI document, such as `createRun`, or the command; null for no operation. */
  @Prop({ type: String, default: null })
  action!: string | null;

  /** Null for a command. */
  @Prop({ type: String, default: null })
  method!: string | null;

  /** What was asked, without its query. */
  @Prop({ type: String, default: null })
  path!: string | null;

  /** What sort of thing it was about, such as `run`; null when that is not known. */
  @Prop({ type: String, default: null })
  resource_kind!: string | null;

  /** Ids of all that it was about, at most 1,000. */
  @Prop({ type: [String], default: [] })
  resource_ids!: string[];

  /** The project it belongs to, where there is one. */
  @Prop({ type: String, default: null })
  project_id!: string | null;

  /** SHA-256 of the thing as it was before, as canonical JSON; null when it was not there, or is named otherwise than by its id. */
  @Prop({ type: String, default: null })
  before_hash!: string | null;

  /** The same afterwards; null when it is not there any more. */
  @Prop({ type: String, default: null })
  after_hash!: string | null;

  /** Of the answer; null for a command. */
  @Prop({ type: Number, default: null })
  status!: number | null;

  @ApiProperty({ enum: AUDIT_OUTCOMES })
  @Prop({ type: String, enum: AUDIT_OUTCOMES, required: true })
  outcome!: AuditOutcome;

  /** Whether an answer was repeated by its `Idempotency-Key`, and nothing done. */
  @Prop({ type: Boolean, default: false })
  replayed!: boolean;

  @Prop({ type: String, default: null })
  request_id!: string | null;

  /** Where the request came from; null for a command. */
  @Prop({ type: String, default: null })
  client_address!: string | null;
}

export const AuditEntrySchema = SchemaFactory.createForClass(AuditEntry);
