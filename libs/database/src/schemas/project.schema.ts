import { Prop, Schema, SchemaFactory } from '@nestjs/mongoose';
import { ApiHideProperty } from '@nestjs/swagger';
import { type JsonObject, type NotificationSettings, type SealedSecret } from '@tauro/domain';
import { Document } from './document.js';
import { NotificationsProperty } from './notifications-property.js';

/** A workspace that groups pipelines, runs and schedules. */
@Schema({ collection: 'projects', versionKey: false, minimize: false })
export class Project extends Document {
  /** Unique without regard to case. */
  @Prop({ type: String, required: true })
  name!: string;

  /** The name in lower case: what the unique index compares. */
  @ApiHideProperty()
  @Prop({ type: String, required: true })
  name_key!: string;

  @Prop({ type: String, default: '' })
  description!: string;

  @Prop({ type: String, default: null })
  owner!: string | null;

  /** Whatever the owner wants to keep beside the project. */
  @Prop({ type: Object, default: {} })
  metadata!: JsonObject;

  /** Days that its finished runs are kept, for runs created from then on; null for the deployment's default. */
  @Prop({ type: Number, default: null })
  retention_days!: number | null;

  /** Who is told how its runs end. */
  @NotificationsProperty()
  @Prop({ type: Object, default: null })
  notifications!: NotificationSettings | null;

  @Prop({ type: Date, required: true })
  created_at!: Date;

  @Prop({ type: Date, required: true })
  updated_at!: Date;

  /** Counts accepted changes; the `ETag` is made of it. */
  @Prop({ type: Number, default: 1 })
  revision!: number;

  /** The request that created it. */
  @Prop({ type: String, default: null })
  request_id!: string | null;

  @ApiHideProperty()
  @Prop({ type: Object, default: {} })
  engine?: {
    webhook_secrets?: SealedSecret[];
    /** When runs were last created in a batch: written with them, so that the project cannot go in the meantime. */
    batch_at?: Date;
  };
}

export const ProjectSchema = SchemaFactory.createForClass(Project);
