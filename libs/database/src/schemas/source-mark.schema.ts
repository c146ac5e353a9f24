import { Prop, Schema, SchemaFactory } from '@nestjs/mongoose';
import { Document } from './document.js';

/**
 * Where a source that reads only what is new stands. The end of a run that succeeds moves it, in the same transaction,
 * if nobody has moved it since the source read it. A reset keeps the record, so that a run which began before is told.
 */
@Schema({ collection: 'source_marks', versionKey: false, minimize: false })
export class SourceMark extends Document {
  /** Of the runs that move it; a pipeline for all projects has a mark in each of them. */
  @Prop({ type: String, required: true })
  project_id!: string;

  @Prop({ type: String, required: true })
  pipeline_id!: string;

  @Prop({ type: String, required: true })
  node_id!: string;

  /** What the value is one of: the name of a column, or `key` or `modified` of files. */
  @Prop({ type: String, required: true })
  by!: string;

  /** The next run reads what comes after it; null to begin where `initial` says, or with everything. */
  @Prop({ type: String, default: null })
  value!: string | null;

  /** The run whose success moved it there; null when somebody set it. */
  @Prop({ type: String, default: null })
  run_id!: string | null;

  /** Who set it; null when a run did. */
  @Prop({ type: String, default: null })
  updated_by!: string | null;

  @Prop({ type: Date, required: true })
  created_at!: Date;

  @Prop({ type: Date, required: true })
  updated_at!: Date;

  @Prop({ type: Number, required: true })
  revision!: number;
}

export const SourceMarkSchema = SchemaFactory.createForClass(SourceMark);
