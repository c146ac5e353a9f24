import { type Column, type Json, type JsonObject } from '@tauro/domain';
import { ident, literal } from './sql-text.js';

/**
 * The SQL of a row as the text of one JSON object. Put together column by column: `to_json(t)` means a column that is
 * called `t`. @param value the SQL of a column's value as JSON text
 */
export function jsonObject(
  columns: readonly Column[],
  value: (column: Column) => string = jsonValue,
): string {
  const fields = columns.map((column, i) => {
    const before = `${i > 0 ? ',' : ''}${JSON.stringify(column.name)}:`;
    return `${literal(before)}, coalesce(${value(column)}, 'null')`;
  });
  return `concat('{', ${fields.join(', ')}, '}')`;
}

/** Numbers of which `to_json` would make doubles. */
const WIDE_NUMBER = /^(?:U?HUGEINT|DECIMAL\(\d+,\d+\))$/;

/** The SQL of a column's value as JSON text; NULL for NULL. */
export const jsonValue = ({ name, type }: Column): string =>
  WIDE_NUMBER.test(type) ? `${ident(name)}::VARCHAR` : `to_json(${ident(name)})::VARCHAR`;

/** DuckDB writes exact numbers, and NaN and infinities, which JSON has no number for. */
const TOKENS = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|-?(?:[Ii]nf(?:inity)?|[Nn]a[Nn])\b/g;

/** The same JSON with text in the place of what a reader would refuse as a number, or round. */
export const exactJson = (json: string): string =>
  json.replace(TOKENS, (token) => (token.startsWith('"') || isExact(token) ? token : JSON.stringify(token)));

/** The same JSON with text in the place of what is no JSON at all. */
export const validJson = (json: string): string =>
  json.replace(TOKENS, (token) => (/^"|\d/.test(token) ? token : JSON.stringify(token)));

export const parseRow = (json: string): JsonObject => JSON.parse(exactJson(json)) as { [key: string]: Json };

/** Every decimal of so many digits survives the way through a double. */
const SAFE_DIGITS = 15;

/** Whether a JavaScript number holds exactly what the text says. */
function isExact(token: string): boolean {
  const value = Number(token);
  if (!Number.isFinite(value)) return false;
  if (/^-?\d+$/.test(token)) return Number.isSafeInteger(value);
  const digits = digitsOf(token);
  return digits.length <= SAFE_DIGITS || digits === digitsOf(String(value));
}

/** What there is of a number besides its size: `-0.0120e3` is `12`. */
const digitsOf = (text: string): string =>
  text
    .replace(/[eE].*$/, '')
    .replace(/[-.]/g, '')
    .replace(/^0+|0+$/g, '');
