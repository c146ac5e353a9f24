import { Prop, Schema, SchemaFactory } from '@nestjs/mongoose';
import { Document } from './document.js';

/** Who holds slots of a limit: the id of a run or of a task. */
export interface SlotHolder {
  id: string;
  weight: number;
  /** By the database's clock. */
  since: Date;
  /** Whether its start is in `starts` already; only where starts are counted. */
  started?: boolean;
}

/**
 * The slots of one limit, kept whole in one document, so that one guarded write decides who gets them. It lies
 * in the limit's own document: of a pool, of a run (`max_parallelism`), else in `limits`.
 */
export interface Slots {
  holders: SlotHolder[];
  /** How often somebody was refused, and up to which count nobody was left waiting: more refusals mean a queue. */
  refused: number;
  settled: number;
  /** Starts within the window of the rate limit. */
  starts?: Date[];
  /** When the reconciler compares the holders with what is alive; absent while there is nothing to compare. */
  check_at?: Date;
}

/** A limit that has no document of its own: `runs` of the deployment, `pipeline:<id>` of a pipeline. */
@Schema({ collection: 'limits', versionKey: false })
export class Limit extends Document {
  @Prop({ type: Object, required: true })
  engine!: { limit?: Slots };
}

export const LimitSchema = SchemaFactory.createForClass(Limit);
