import { Prop, Schema, SchemaFactory } from '@nestjs/mongoose';
import { ApiProperty } from '@nestjs/swagger';
import {
  CHECK_SEVERITIES,
  CHECK_TYPES,
  type CheckSeverity,
  type CheckType,
  type JsonObject,
} from '@tauro/domain';
import { Document } from './document.js';

/** What one quality check of one attempt has found. It is stored with the end of that attempt, and goes with its run. */
@Schema({ collection: 'quality_results', versionKey: false, minimize: false })
export class QualityResult extends Document {
  @Prop({ type: String, required: true })
  project_id!: string;

  @Prop({ type: String, required: true })
  pipeline_id!: string;

  @Prop({ type: String, required: true })
  run_id!: string;

  @Prop({ type: String, required: true })
  task_id!: string;

  @Prop({ type: String, required: true })
  node_id!: string;

  /** The attempt that looked. */
  @Prop({ type: Number, required: true })
  attempt!: number;

  /** The check's name, unique among those of its node. */
  @Prop({ type: String, required: true })
  check!: string;

  @ApiProperty({ enum: CHECK_TYPES })
  @Prop({ type: String, enum: CHECK_TYPES, required: true })
  type!: CheckType;

  /** What it brings about when it does not hold. */
  @ApiProperty({ enum: CHECK_SEVERITIES })
  @Prop({ type: String, enum: CHECK_SEVERITIES, required: true })
  severity!: CheckSeverity;

  @Prop({ type: Boolean, required: true })
  passed!: boolean;

  /** Rows that do not fit; null for a check that looks at the table as a whole. */
  @Prop({ type: Number, default: null })
  failed_rows!: number | null;

  /** Rows that it looked at. */
  @Prop({ type: Number, required: true })
  total_rows!: number;

  /** What it found, in words. */
  @Prop({ type: String, required: true })
  message!: string;

  /** Some of the rows that do not fit, at most 10 with at most 10 columns; long values are cut. */
  @ApiProperty({ type: [Object] })
  @Prop({ type: [Object], default: [] })
  samples!: JsonObject[];

  @Prop({ type: Date, required: true })
  created_at!: Date;
}

export const QualityResultSchema = SchemaFactory.createForClass(QualityResult);
