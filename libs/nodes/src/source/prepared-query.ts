import { BoundText, type Json } from '@tauro/domain';
import { NodeError } from '../node-kind.js';
import { withoutEnd } from './table-or-query.js';

/** A statement with `?` in it, and what stands for them. */
export interface Prepared {
  sql: string;
  values: string[];
}

/** How a database reads SQL. */
export interface Dialect {
  /** Matches what holds no parameter: texts and names in quotes, and comments of a line. */
  quoted: RegExp;
  /** What a template in a text with a type becomes, such as `TIMESTAMP '{{ params.t }}'`. */
  cast: (value: string, type: string) => string;
}

/**
 * SQL for a prepared statement: its values never become part of it. Numbers do, since `LIMIT` may take no text; a list
 * stands for its elements, as after `IN`.
 */
export function preparedOf(query: unknown, { quoted, cast }: Dialect): Prepared {
  if (!(query instanceof BoundText)) return { sql: String(query), values: [] };
  const tokens = new RegExp(`${quoted.source}|(/\\*)|CAST\\(\\$(\\d+) AS ([A-Z]+)\\)|\\$(\\d+)`, 'g');
  const values: string[] = [];
  const seen = new Set<number>();
  const replace = (
    token: string,
    comment?: string,
    castOf?: string,
    type?: string,
    number?: string,
  ): string => {
    if (comment !== undefined) throw refused('a text with templates cannot have a block comment');
    if (castOf === undefined && number === undefined) return token;
    const index = Number(castOf ?? number);
    seen.add(index);
    const value = placed(query.values[index - 1]!, values);
    return type === undefined ? value : cast(value, type);
  };
  const sql = query.text.replace(tokens, replace);
  // What the author sees as text may end elsewhere for the server, which knows other quotes.
  if (seen.size !== query.values.length) {
    throw refused('a template stands where the server sees a text, a name or a comment');
  }
  return { sql, values };
}

const refused = (message: string): NodeError => new NodeError('InvalidConfig', `query: ${message}`, false);

function placed(value: Json, values: string[]): string {
  if (value === null) return 'NULL';
  if (typeof value === 'boolean') return value ? 'TRUE' : 'FALSE';
  // With a space: `-` before it must not become a comment.
  if (typeof value === 'number') return ` ${value}`;
  // `IN ()` is no SQL; nothing is equal to NULL, which gives the same rows.
  if (Array.isArray(value)) {
    return value.length === 0 ? 'NULL' : value.map((item) => placed(item, values)).join(', ');
  }
  values.push(typeof value === 'string' ? value : JSON.stringify(value));
  return '?';
}

/** A query that gives rows, without its end. @throws NodeError for any other statement */
export function onlySelect(sql: string): string {
  const text = withoutEnd(sql);
  if (/^(?:\(|SELECT\b|WITH\b|TABLE\b|VALUES\b)/i.test(text)) return text;
  throw new NodeError('InvalidConfig', 'query: it must be one SELECT (or WITH, TABLE, VALUES)', false);
}
