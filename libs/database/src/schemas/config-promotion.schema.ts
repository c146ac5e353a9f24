import { Prop, Schema, SchemaFactory } from '@nestjs/mongoose';
import { ApiProperty } from '@nestjs/swagger';
import { type Environment, ENVIRONMENTS, PROMOTION_STATES, type PromotionState } from '@tauro/domain';
import { Document } from './document.js';

/** The wish to have a version of a config in another environment, and what became of it. */
@Schema({ collection: 'config_promotions', versionKey: false })
export class ConfigPromotion extends Document {
  @Prop({ type: String, required: true })
  project_id!: string;

  /** The version whose data is promoted. */
  @Prop({ type: String, required: true })
  version_id!: string;

  /** Of the config, here as there. */
  @Prop({ type: String, required: true })
  name!: string;

  @ApiProperty({ enum: ENVIRONMENTS })
  @Prop({ type: String, enum: ENVIRONMENTS, required: true })
  from_environment!: Environment;

  @ApiProperty({ enum: ENVIRONMENTS })
  @Prop({ type: String, enum: ENVIRONMENTS, required: true })
  to_environment!: Environment;

  /** PENDING until it is approved (PROMOTED) or REJECTED. */
  @ApiProperty({ enum: PROMOTION_STATES })
  @Prop({ type: String, enum: PROMOTION_STATES, required: true })
  state!: PromotionState;

  /** Why it is wanted. */
  @Prop({ type: String, default: null })
  reason!: string | null;

  @Prop({ type: String, required: true })
  requested_by!: string;

  /** The version that was current there when it was asked for; null when there was none. It must still be to be approved. */
  @Prop({ type: String, default: null })
  replaces_version_id!: string | null;

  /** What was said with the decision. */
  @Prop({ type: String, default: null })
  comment!: string | null;

  @Prop({ type: String, default: null })
  decided_by!: string | null;

  @Prop({ type: Date, default: null })
  decided_at!: Date | null;

  /** The version that it made; null until it is PROMOTED. */
  @Prop({ type: String, default: null })
  result_version_id!: string | null;

  @Prop({ type: Date, required: true })
  created_at!: Date;

  /** The request that asked for it. */
  @Prop({ type: String, default: null })
  request_id!: string | null;
}

export const ConfigPromotionSchema = SchemaFactory.createForClass(ConfigPromotion);
