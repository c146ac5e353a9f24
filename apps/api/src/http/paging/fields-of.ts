import { type Schema } from 'mongoose';

const INTERNAL = new Set(['_id', 'engine', 'name_key']);

/** The fields of a collection's documents that clients see. */
export function fieldsOf(schema: Schema, ...computed: string[]): string[] {
  return ['id', ...Object.keys(schema.paths).filter((path) => !INTERNAL.has(path)), ...computed];
}
