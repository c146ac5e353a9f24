import { Prop, Schema, SchemaFactory } from '@nestjs/mongoose';
import { Document } from './document.js';
import { AnyJson } from './json-property.js';

/** A value that templates read as it is at the time: not a secret, and not pinned. */
@Schema({ collection: 'variables', versionKey: false, minimize: false })
export class Variable extends Document {
  /** Null for one that every project may use. */
  @Prop({ type: String, default: null })
  project_id!: string | null;

  /** What templates call it: `{{ variables.name }}`. Unique in its project, or among those of all projects. */
  @Prop({ type: String, required: true })
  name!: string;

  @Prop({ type: String, default: '' })
  description!: string;

  /** Any JSON, at most 32 KB. */
  @AnyJson()
  @Prop({ type: Object, default: null })
  value!: unknown;

  /** Who made it. */
  @Prop({ type: String, required: true })
  created_by!: string;

  /** Who changed it last. */
  @Prop({ type: String, required: true })
  updated_by!: string;

  @Prop({ type: Date, required: true })
  created_at!: Date;

  @Prop({ type: Date, required: true })
  updated_at!: Date;

  /** Counts accepted changes, those of the description too; the `ETag` is made of it. */
  @Prop({ type: Number, required: true })
  revision!: number;

  @Prop({ type: String, default: null })
  request_id!: string | null;
}

export const VariableSchema = SchemaFactory.createForClass(Variable);
