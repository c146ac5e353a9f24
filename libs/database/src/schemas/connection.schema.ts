import { Prop, Schema, SchemaFactory } from '@nestjs/mongoose';
import { ApiHideProperty, ApiProperty } from '@nestjs/swagger';
import { Document } from './document.js';

/** A way to another system, which nodes name. */
@Schema({ collection: 'connections', versionKey: false, minimize: false })
export class Connection extends Document {
  /** Null for one that every project may use. */
  @Prop({ type: String, default: null })
  project_id!: string | null;

  /** What nodes call it. Unique in its project, or among those of all projects. */
  @Prop({ type: String, required: true })
  name!: string;

  /** What it leads to, such as `postgresql`. */
  @Prop({ type: String, required: true })
  kind!: string;

  @Prop({ type: String, default: '' })
  description!: string;

  /** Where and how, by the rules of its kind. Nothing in it is secret. */
  @ApiProperty({ type: 'object', additionalProperties: true })
  @Prop({ type: Object, required: true })
  config!: Record<string, unknown>;

  /** What it has of secrets: `***` for a value that is kept sealed, else the reference to one of `/secrets`. */
  @ApiProperty({ type: 'object', additionalProperties: { type: 'string' } })
  @Prop({ type: Object, required: true })
  secret!: Record<string, string>;

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

  /** Counts accepted changes; the `ETag` is made of it. */
  @Prop({ type: Number, required: true })
  revision!: number;

  @Prop({ type: String, default: null })
  request_id!: string | null;

  /** Sealed: the JSON of those secrets that were given as such. Null when there are none. */
  @ApiHideProperty()
  @Prop({ type: Object, required: true })
  engine!: { sealed: string | null };
}

export const ConnectionSchema = SchemaFactory.createForClass(Connection);
