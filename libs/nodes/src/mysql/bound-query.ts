import { BoundText, type Json } from '@tauro/domain';
import { NodeError } from '../node-kind.js';

/** Texts and names in quotes, comments, casts of what templates become, and `$1`. */
const TOKENS =
  /'(?:[^'\\]|\\[^]|'')*'|"(?:[^"\\]|\\[^]|"")*"|`[^`]*`|--(?=\s|$)[^\r\n]*|#[^\r\n]*|(\/\*)|CAST\(\$(\d+) AS (VARCHAR|TIMESTAMP|TIMESTAMPTZ)\)|\$(\d+)/g;

/** A statement with `?` in it, and what stands for them. */
export interface Prepared {
  sql: string;
  values: string[];
}

/**
 * SQL for a prepared statement: its values never become part of it. Numbers do, since `LIMIT` takes no text; a list
 * stands for its elements, as after `IN`.
 */
export function preparedOf(query: unknown): Prepared {
  if (!(query instanceof BoundText)) return { sql: String(query), values: [] };
  const values: string[] = [];
  const seen = new Set<number>();
  const sql = query.text.replace(
    TOKENS,
    (token, comment?: string, castOf?: string, type?: string, number?: string) => {
      if (comment !== undefined) throw refused('a text with templates cannot have a block comment');
      if (castOf === undefined && number === undefined) return token;
      const index = Number(castOf ?? number);
      seen.add(index);
      const value = placed(query.values[index - 1]!, values);
      if (type === undefined) return value;
      // A text among texts needs no cast, and one would have a collation of its own.
      return type === 'VARCHAR' ? value : `TIMESTAMP(${value})`;
    },
  );
  // What the author sees as text may end elsewhere for the server, which knows backslashes and other quotes.
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
