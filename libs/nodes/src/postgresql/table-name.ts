import { NodeError } from '../node-kind.js';
import { ident } from '../tables/sql-text.js';

/** Bytes of a name that the server keeps. */
const MAX_NAME = 63;

/**
 * A table as SQL, from how people write it: `orders`, `sales.orders`, `"Odd name".orders`. Names are taken as they are
 * written, whatever their case. @throws NodeError 'InvalidConfig'
 */
export function tableName(text: string): string {
  return partsOf(text).map(ident).join('.');
}

/** Schema, when there is one, and table. */
export function partsOf(text: string): string[] {
  const parts = [...text.matchAll(/"((?:[^"]|"")+)"|([^".]+)/g)].map(([, quoted, plain]) =>
    quoted === undefined ? plain!.trim() : quoted.replaceAll('""', '"'),
  );
  const again = parts.length === 1 || parts.length === 2;
  const fits = parts.every(
    (part) => part !== '' && !part.includes('\0') && Buffer.byteLength(part) <= MAX_NAME,
  );
  if (again && fits) return parts;
  const message = `'${text}' is no name of a table: write orders, or sales.orders; each part has at most ${MAX_NAME} bytes`;
  throw new NodeError('InvalidConfig', message, false);
}
