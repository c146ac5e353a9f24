import { Prop, Schema, SchemaFactory } from '@nestjs/mongoose';
import { type TableRef } from '@tauro/domain';
import { Document } from './document.js';

/**
 * What a node with a `cache` has yielded; `_id` is the hash of all that it depended on. It is replaced as a whole by a
 * later result of the same, and removed by retention, because a file may belong to it.
 */
@Schema({ collection: 'node_cache', versionKey: false, minimize: false })
export class NodeCacheEntry extends Document {
  @Prop({ type: String, required: true })
  project_id!: string;

  /** The run and the node that made it. */
  @Prop({ type: String, required: true })
  run_id!: string;

  @Prop({ type: String, required: true })
  node_id!: string;

  @Prop({ type: Object, default: null })
  output!: unknown;

  /** Its own copy of the table, under `cache/` in the artifact store. */
  @Prop({ type: Object, default: null })
  table!: TableRef | null;

  @Prop({ type: Date, required: true })
  created_at!: Date;

  @Prop({ type: Date, required: true })
  expires_at!: Date;
}

export const NodeCacheEntrySchema = SchemaFactory.createForClass(NodeCacheEntry);
