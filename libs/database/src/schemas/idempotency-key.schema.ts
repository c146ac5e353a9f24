import { Prop, Schema, SchemaFactory } from '@nestjs/mongoose';
import { Document } from './document.js';

/**
 * A request that carried an `Idempotency-Key`. `_id` is a digest of the key and of who sent it, so that there is one per
 * key and caller whoever asks at the same time.
 */
@Schema({ collection: 'idempotency_keys', versionKey: false })
export class IdempotencyKey extends Document {
  /** Digest of method, path and body: the same key for anything else is refused. */
  @Prop({ type: String, required: true })
  fingerprint!: string;

  /** Of the process that carries the request out; a new one whenever another takes over. */
  @Prop({ type: String, required: true })
  claim!: string;

  /** Until when nobody else may take over; by the database's clock, renewed while the request is being carried out. */
  @Prop({ type: Date, required: true })
  lease_until!: Date;

  /** Of the answer; null until there is one. */
  @Prop({ type: Number, default: null })
  status!: number | null;

  /** The answer, sealed by the key itself; null when it is too large to be kept. */
  @Prop({ type: Buffer, default: null })
  answer!: Buffer | null;

  /** Then it is forgotten. */
  @Prop({ type: Date, required: true })
  expires_at!: Date;
}

export const IdempotencyKeySchema = SchemaFactory.createForClass(IdempotencyKey);
