import { type Column } from '@tauro/domain';
import { literal } from './sql-text.js';

/** JSON Schema of one value of a column. */
export const VALUE = { type: ['string', 'number', 'boolean'] };
export type Value = string | number | boolean;

/** A value as SQL, of the type of the column that it is put into. */
export const valueFor = ({ type }: Column, value: Value): string =>
  `CAST(${literal(String(value))} AS ${type})`;

/** A value as SQL that a column is compared with: numbers exactly, texts read as the column's type. */
export function comparedTo({ type }: Column, value: Value): string {
  if (type === 'VARCHAR') return literal(String(value));
  return typeof value === 'string' ? `CAST(${literal(value)} AS ${type})` : String(value);
}
