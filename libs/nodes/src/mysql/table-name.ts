import { NodeError } from '../node-kind.js';

/** Characters of a name that the server keeps. */
const MAX_NAME = 64;

/** A name as SQL, whatever the session's quotes are. */
export const ident = (name: string): string => `\`${name.replaceAll('`', '``')}\``;

/** `a`, `b`, quoted. */
export const idents = (names: readonly string[]): string => names.map(ident).join(', ');

/** A table of the connection's database, or of another one. */
export interface TableName {
  database: string;
  name: string;
  /** As SQL. */
  sql: string;
  /** As its author wrote it. */
  shown: string;
}

/**
 * From how people write it: `orders`, `sales.orders`, `` `odd.name`.orders ``. @param database of names without one
 * @throws NodeError 'InvalidConfig'
 */
export function tableName(text: string, database: string): TableName {
  const parts = [...text.matchAll(/`((?:[^`]|``)+)`|([^`.]+)/g)].map(([, quoted, plain]) =>
    quoted === undefined ? plain!.trim() : quoted.replaceAll('``', '`'),
  );
  const fits = parts.every((part) => part !== '' && !part.includes('\0') && part.length <= MAX_NAME);
  if ((parts.length !== 1 && parts.length !== 2) || !fits) {
    const message = `'${text}' is no name of a table: write orders, or sales.orders; each part has at most ${MAX_NAME} characters`;
    throw new NodeError('InvalidConfig', message, false);
  }
  const [name, own = database] = parts.reverse() as [string, string?];
  return { database: own, name, sql: `${ident(own)}.${ident(name)}`, shown: text };
}
