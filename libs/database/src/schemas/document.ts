import { Prop } from '@nestjs/mongoose';
import { ApiHideProperty } from '@nestjs/swagger';

/** What every stored thing has: its id, kept as `_id` and shown as `id`. */
export abstract class Document {
  @ApiHideProperty()
  @Prop({ type: String, required: true })
  _id!: string;
}

/** A document as a client sees it. */
export type Public<D extends { _id: string }> = { id: string } & Omit<D, '_id' | 'engine' | 'name_key'>;

/** `_id` becomes `id`; what only the engine needs (`engine`, `name_key`) stays inside. */
export function toPublic<D extends { _id: string }>(document: D): Public<D> {
  const { _id, engine: _e, name_key: _k, ...rest } = document as D & { engine?: unknown; name_key?: unknown };
  return { id: _id, ...rest } as unknown as Public<D>;
}
