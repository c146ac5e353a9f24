import { type Client, escapeLiteral } from 'pg';
import { NodeError, type NodeContext } from '../node-kind.js';
import { checkedMark, type IncrementalRows, readAfter, tellMark } from '../source/incremental.js';
import { ident } from '../tables/sql-text.js';
import { type ServerColumn } from './types.js';

/** The rows of a query that are new, and up to where they go. */
export interface NewRows {
  query: string;
  /** Asked in the same transaction, which sees one moment, so that it is the last of exactly these rows. */
  mark(client: Client): Promise<{ mark: string }>;
}

/**
 * What an incremental source reads of a query; undefined when it reads all. The server compares and orders, as it knows
 * its types exactly; texts go by their bytes, since by the rules of a language what is later need not be larger.
 * @throws NodeError 'ColumnNotFound'
 */
export function newRows(context: NodeContext, columns: ServerColumn[], query: string): NewRows | undefined {
  const incremental = context.config['incremental'] as IncrementalRows | undefined;
  if (!incremental) return undefined;
  const { column: name, inclusive = false } = incremental;
  const column = columns.find((one) => one.name === name);
  if (!column) {
    const message = `incremental.column: column '${name}' does not exist (columns: ${columns.map((one) => one.name).join(', ')})`;
    throw new NodeError('ColumnNotFound', message, false);
  }
  const after = readAfter(context);
  tellMark(context, after);
  const isText = column.category === 'S';
  const key = isText ? `${ident(name)}::text COLLATE "C"` : ident(name);
  const type = isText ? 'text' : ident(column.type);
  const bound =
    after === undefined
      ? 'IS NOT NULL'
      : `${inclusive ? '>=' : '>'} CAST(${escapeLiteral(after)} AS ${type})`;
  const rows = `SELECT * FROM (${query}) AS tauro_all WHERE ${key} ${bound}`;
  return {
    query: rows,
    async mark(client) {
      const last = `SELECT ${ident(name)}::text AS tauro_mark FROM (${rows}) AS tauro_new ORDER BY ${key} DESC LIMIT 1`;
      const found = await client.query<{ tauro_mark: string }>(last);
      return { mark: checkedMark(name, found.rows[0]!.tauro_mark) };
    },
  };
}
