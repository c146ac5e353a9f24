import { Prop, Schema, SchemaFactory } from '@nestjs/mongoose';
import { Document } from './document.js';

/**
 * A project that was deleted; `_id` is the project's. It is written as the project goes, and goes last itself, so that
 * what a crash leaves of the project can always be found.
 */
@Schema({ collection: 'project_removals', versionKey: false })
export class ProjectRemoval extends Document {
  @Prop({ type: Date, required: true })
  created_at!: Date;

  /** When what is left of the project is removed (again). */
  @Prop({ type: Date, required: true })
  check_at!: Date;
}

export const ProjectRemovalSchema = SchemaFactory.createForClass(ProjectRemoval);
