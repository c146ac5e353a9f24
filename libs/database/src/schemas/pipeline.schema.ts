import { Prop, Schema, SchemaFactory } from '@nestjs/mongoose';
import { ApiHideProperty } from '@nestjs/swagger';
import { type PipelineDefinition } from '@tauro/domain';
import { Document } from './document.js';

/** Where a pipeline came from: the API, a YAML/JSON file, or a TypeScript module. */
export const PIPELINE_SOURCES = ['api', 'file', 'code'] as const;
export type PipelineSource = (typeof PIPELINE_SOURCES)[number];

/**
 * The head of a pipeline: its name and which version is current. What it does is in `pipeline_versions`,
 * which never change, so that a run can be pinned to one.
 */
@Schema({ collection: 'pipelines', versionKey: false, minimize: false })
export class Pipeline extends Document {
  /** Unique within the project, and among those without one. */
  @Prop({ type: String, required: true })
  name!: string;

  /** The name in lower case: what the unique index compares. */
  @ApiHideProperty()
  @Prop({ type: String, required: true })
  name_key!: string;

  /** Null for discovered pipelines, which every project may run. */
  @Prop({ type: String, default: null })
  project_id!: string | null;

  @Prop({ type: String, default: '' })
  description!: string;

  @Prop({ type: String, enum: PIPELINE_SOURCES, required: true })
  source!: PipelineSource;

  /** The file it was read from, relative to `PIPELINES_PATH`. */
  @Prop({ type: String, default: null })
  path!: string | null;

  /** Number of the current version. */
  @Prop({ type: Number, required: true })
  version!: number;

  @Prop({ type: Number, required: true })
  node_count!: number;

  @Prop({ type: Date, required: true })
  created_at!: Date;

  @Prop({ type: Date, required: true })
  updated_at!: Date;

  @Prop({ type: String, default: null })
  request_id!: string | null;
}

export const PipelineSchema = SchemaFactory.createForClass(Pipeline);

/** One immutable version of a pipeline. `_id` is `<pipeline id>.<number>`. */
@Schema({ collection: 'pipeline_versions', versionKey: false, minimize: false })
export class PipelineVersion extends Document {
  @Prop({ type: String, required: true })
  pipeline_id!: string;

  @Prop({ type: Number, required: true })
  version!: number;

  @Prop({ type: Object, required: true })
  definition!: PipelineDefinition;

  /** SHA-256 of the definition's canonical JSON: an unchanged definition makes no new version. */
  @Prop({ type: String, required: true })
  checksum!: string;

  @Prop({ type: Date, required: true })
  created_at!: Date;

  @Prop({ type: String, default: null })
  request_id!: string | null;
}

export const PipelineVersionSchema = SchemaFactory.createForClass(PipelineVersion);

/** The `_id` of a version. */
export const versionId = (pipelineId: string, version: number): string => `${pipelineId}.${version}`;
