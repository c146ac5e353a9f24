import { Prop, Schema, SchemaFactory } from '@nestjs/mongoose';
import { Document } from './document.js';

/**
 * A run that is being removed; `_id` is the run's. It is written before anything is taken away and goes last, so
 * that what a crash leaves behind can always be found.
 */
@Schema({ collection: 'run_removals', versionKey: false })
export class RunRemoval extends Document {
  @Prop({ type: Date, required: true })
  created_at!: Date;

  /** When what is left of the run is removed (again). */
  @Prop({ type: Date, required: true })
  check_at!: Date;
}

export const RunRemovalSchema = SchemaFactory.createForClass(RunRemoval);
