import { Prop, Schema, SchemaFactory } from '@nestjs/mongoose';
import { ApiHideProperty, ApiProperty } from '@nestjs/swagger';
import {
  CONFIG_CHANGES,
  type ConfigChange,
  type Environment,
  ENVIRONMENTS,
  type JsonObject,
} from '@tauro/domain';
import { Document } from './document.js';

/** Settings of a project in one environment, as they are now. */
@Schema({ collection: 'configs', versionKey: false, minimize: false })
export class Config extends Document {
  @Prop({ type: String, required: true })
  project_id!: string;

  @ApiProperty({ enum: ENVIRONMENTS })
  @Prop({ type: String, enum: ENVIRONMENTS, required: true })
  environment!: Environment;

  /** Unique in its project and environment without regard to case. */
  @Prop({ type: String, required: true })
  name!: string;

  /** The name in lower case: what the unique index compares. */
  @ApiHideProperty()
  @Prop({ type: String, required: true })
  name_key!: string;

  @Prop({ type: String, default: '' })
  description!: string;

  /** What templates read as `{{ config.x }}`; secrets only by reference. */
  @ApiProperty({ type: 'object', additionalProperties: true })
  @Prop({ type: Object, required: true })
  data!: JsonObject;

  /** Number of the current version, from 1. */
  @Prop({ type: Number, required: true })
  version!: number;

  /** Id of the current version. */
  @Prop({ type: String, required: true })
  version_id!: string;

  /** SHA-256 of the data as canonical JSON. */
  @Prop({ type: String, required: true })
  hash!: string;

  @Prop({ type: Date, required: true })
  created_at!: Date;

  @Prop({ type: Date, required: true })
  updated_at!: Date;

  /** Counts accepted changes, those of the description too; the `ETag` is made of it. */
  @Prop({ type: Number, default: 1 })
  revision!: number;

  /** The request that created it. */
  @Prop({ type: String, default: null })
  request_id!: string | null;
}

export const ConfigSchema = SchemaFactory.createForClass(Config);

/** A config as it was after one change; it never changes, and stays when its config is deleted. */
@Schema({ collection: 'config_versions', versionKey: false, minimize: false })
export class ConfigVersion extends Document {
  @Prop({ type: String, required: true })
  config_id!: string;

  @Prop({ type: String, required: true })
  project_id!: string;

  @ApiProperty({ enum: ENVIRONMENTS })
  @Prop({ type: String, enum: ENVIRONMENTS, required: true })
  environment!: Environment;

  @Prop({ type: String, required: true })
  name!: string;

  /** Counts from 1 in each config, without gaps. */
  @Prop({ type: Number, required: true })
  version!: number;

  @ApiProperty({ type: 'object', additionalProperties: true })
  @Prop({ type: Object, required: true })
  data!: JsonObject;

  /** SHA-256 of the data as canonical JSON; checked whenever the version is read or used. */
  @Prop({ type: String, required: true })
  hash!: string;

  /** What made it. */
  @ApiProperty({ enum: CONFIG_CHANGES })
  @Prop({ type: String, enum: CONFIG_CHANGES, required: true })
  change!: ConfigChange;

  /** The version whose data it took: the one that was promoted, or rolled back to. */
  @Prop({ type: String, default: null })
  source_version_id!: string | null;

  /** Why it was made, in the words of who made it. */
  @Prop({ type: String, default: null })
  reason!: string | null;

  /** Who made it. */
  @Prop({ type: String, required: true })
  created_by!: string;

  @Prop({ type: Date, required: true })
  created_at!: Date;

  /** The request that made it. */
  @Prop({ type: String, default: null })
  request_id!: string | null;
}

export const ConfigVersionSchema = SchemaFactory.createForClass(ConfigVersion);
