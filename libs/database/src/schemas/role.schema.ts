import { Prop, Schema, SchemaFactory } from '@nestjs/mongoose';
import { ApiProperty } from '@nestjs/swagger';
import { ALL_PERMISSIONS } from '@tauro/domain';
import { Document } from './document.js';

/** A name for a set of permissions, which keys and tokens carry. */
@Schema({ collection: 'roles', versionKey: false })
export class Role extends Document {
  @Prop({ type: String, required: true })
  name!: string;

  @Prop({ type: String, default: '' })
  description!: string;

  @ApiProperty({ type: 'array', items: { type: 'string', enum: ALL_PERMISSIONS } })
  @Prop({ type: [String], required: true })
  permissions!: string[];

  /** Part of the program, and as it is there: it cannot be changed. */
  @Prop({ type: Boolean, required: true })
  built_in!: boolean;

  @Prop({ type: Date, required: true })
  created_at!: Date;

  @Prop({ type: Date, required: true })
  updated_at!: Date;

  /** Counts the changes; what the ETag says. */
  @Prop({ type: Number, required: true })
  revision!: number;

  @Prop({ type: String, default: null })
  request_id!: string | null;
}

export const RoleSchema = SchemaFactory.createForClass(Role);
