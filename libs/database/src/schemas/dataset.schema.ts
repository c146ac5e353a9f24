import { Prop, Schema, SchemaFactory } from '@nestjs/mongoose';
import { ApiHideProperty } from '@nestjs/swagger';
import { Document } from './document.js';

/** A column of a table or dataset. */
export class DatasetColumn {
  name!: string;
  /** As the engine that read or wrote it calls it: `VARCHAR`, `BIGINT`, `TIMESTAMP`, … */
  type!: string;
}

/** The use that a run has made of a dataset. */
export class DatasetRunUse {
  run_id!: string;
  node_id!: string;
  pipeline_id!: string;
  pipeline_name!: string;
  /** When the node's task ended. */
  at!: Date;
  rows!: number | null;
  bytes!: number | null;
}

/** Data outside of runs that runs of a project have read or written. */
@Schema({ collection: 'datasets', versionKey: false, minimize: false })
export class Dataset extends Document {
  @Prop({ type: String, required: true })
  project_id!: string;

  /** Where it lies: `file`, `https://api.example.com`, … */
  @Prop({ type: String, required: true })
  namespace!: string;

  /** Its name there, such as the absolute path of a file. */
  @Prop({ type: String, required: true })
  name!: string;

  /** As they were in its last use; null while nobody knows. */
  @Prop({ type: [Object], default: null })
  columns!: DatasetColumn[] | null;

  /** Null when it was never written by a run. */
  @Prop({ type: Object, default: null })
  last_written!: DatasetRunUse | null;

  /** Null when it was never read by a run. */
  @Prop({ type: Object, default: null })
  last_read!: DatasetRunUse | null;

  @Prop({ type: Date, required: true })
  created_at!: Date;

  /** Its last use. */
  @Prop({ type: Date, required: true })
  updated_at!: Date;

  /** When retention removes it, unless it is used again: with the last run that has used it. */
  @Prop({ type: Date, required: true })
  expires_at!: Date;

  /** When its columns were seen. */
  @ApiHideProperty()
  @Prop({ type: Object })
  engine?: { columns_at?: Date };
}

export const DatasetSchema = SchemaFactory.createForClass(Dataset);
