import { Prop, Schema, SchemaFactory } from '@nestjs/mongoose';
import { type LogLine } from '@tauro/domain';
import { type Types } from 'mongoose';

/**
 * A batch of log lines. A chunk always begins where the one before it ends, and the unique index on
 * (run_id, first_seq) lets only one writer have a place: numbers are gapless and in the order of the inserts,
 * so a reader that follows them can neither skip a slower writer nor wait for a number that never comes.
 */
@Schema({ collection: 'run_logs', versionKey: false })
export class RunLogChunk {
  _id!: Types.ObjectId;

  @Prop({ type: String, required: true })
  run_id!: string;

  /** 1 for the first line of a run. */
  @Prop({ type: Number, required: true })
  first_seq!: number;

  @Prop({ type: Number, required: true })
  count!: number;

  @Prop({ type: [Object], required: true })
  lines!: LogLine[];

  /** Set on the chunk that ends a run's log. */
  @Prop({ type: Boolean })
  final?: boolean;
}

export const RunLogChunkSchema = SchemaFactory.createForClass(RunLogChunk);
