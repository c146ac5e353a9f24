import { Prop, Schema, SchemaFactory } from '@nestjs/mongoose';
import { ApiHideProperty } from '@nestjs/swagger';
import { Document } from './document.js';
import { type Slots } from './limit.schema.js';

/** At most so many task starts within any window of that length. */
export class RateLimit {
  tasks!: number;
  per_seconds!: number;
}

/** Slots that tasks of all runs share: a node names the pool and how many slots it takes. */
@Schema({ collection: 'pools', versionKey: false, minimize: false })
export class Pool extends Document {
  @Prop({ type: String, required: true })
  name!: string;

  /** Slots that tasks may hold at once; 0 lets nobody in. */
  @Prop({ type: Number, required: true })
  slots!: number;

  @Prop({ type: String, default: '' })
  description!: string;

  @Prop({ type: Object, default: null })
  rate_limit!: RateLimit | null;

  /** Slots taken at the moment. */
  used_slots?: number;

  /** Tasks that hold them. */
  running_tasks?: number;

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
  @Prop({ type: Object, default: {} })
  engine!: { limit?: Slots };
}

export const PoolSchema = SchemaFactory.createForClass(Pool);
