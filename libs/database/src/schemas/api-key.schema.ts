import { Prop, Schema, SchemaFactory } from '@nestjs/mongoose';
import { ApiHideProperty, ApiProperty } from '@nestjs/swagger';
import { ALL_PERMISSIONS, type StoredSecret } from '@tauro/domain';
import { Document } from './document.js';

/** Credentials of a program or a person. Of its secret only a keyed hash is stored. */
@Schema({ collection: 'api_keys', versionKey: false, minimize: false })
export class ApiKey extends Document {
  @Prop({ type: String, required: true })
  name!: string;

  /** The beginning of its secret, by which its owner recognises it. */
  @Prop({ type: String, required: true })
  prefix!: string;

  /** Names of roles; what they allow is looked up whenever it is used. */
  @Prop({ type: [String], required: true })
  roles!: string[];

  /** What it may do besides what its roles allow. */
  @ApiProperty({ type: 'array', items: { type: 'string', enum: ALL_PERMISSIONS } })
  @Prop({ type: [String], required: true })
  permissions!: string[];

  /** The only projects it can see and change; null: all of them, and what concerns the whole deployment. */
  @ApiProperty({ type: [String], nullable: true })
  @Prop({ type: [String], default: null })
  project_ids!: string[] | null;

  /** Null: never. */
  @Prop({ type: Date, default: null })
  expires_at!: Date | null;

  /** To the minute. */
  @Prop({ type: Date, default: null })
  last_used_at!: Date | null;

  /** When it got the secret it has now. */
  @Prop({ type: Date, default: null })
  rotated_at!: Date | null;

  /** Since when it does not count any more. */
  @Prop({ type: Date, default: null })
  revoked_at!: Date | null;

  /** Who made it: the id of a key, the subject of a token, `anonymous` while auth was off, or `cli`. */
  @Prop({ type: String, required: true })
  created_by!: string;

  @Prop({ type: Date, required: true })
  created_at!: Date;

  @Prop({ type: Date, required: true })
  updated_at!: Date;

  /** Counts the changes; what the ETag says. */
  @Prop({ type: Number, required: true })
  revision!: number;

  @Prop({ type: String, default: null })
  request_id!: string | null;

  @ApiHideProperty()
  @Prop({ type: Object, required: true })
  engine!: { secrets: StoredSecret[] };
}

export const ApiKeySchema = SchemaFactory.createForClass(ApiKey);
