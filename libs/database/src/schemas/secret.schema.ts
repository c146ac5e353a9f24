import { Prop, Schema, SchemaFactory } from '@nestjs/mongoose';
import { ApiHideProperty } from '@nestjs/swagger';
import { Document } from './document.js';

/** Something that nodes need and nobody reads: its value goes in and never comes out. */
@Schema({ collection: 'secrets', versionKey: false, minimize: false })
export class Secret extends Document {
  /** Null for one that every project may use. */
  @Prop({ type: String, default: null })
  project_id!: string | null;

  /** What templates call it: `{{ secrets.name }}`. Unique in its project, or among those of all projects. */
  @Prop({ type: String, required: true })
  name!: string;

  @Prop({ type: String, default: '' })
  description!: string;

  /** Counts the values it has had, from 1. */
  @Prop({ type: Number, required: true })
  version!: number;

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

  /** The value, sealed. */
  @ApiHideProperty()
  @Prop({ type: Object, required: true })
  engine!: { sealed: string };
}

export const SecretSchema = SchemaFactory.createForClass(Secret);
