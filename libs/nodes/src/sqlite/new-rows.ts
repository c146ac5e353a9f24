import { NodeError, type NodeContext } from '../node-kind.js';
import { checkedMark, type IncrementalRows, readAfter, tellMark } from '../source/incremental.js';
import { type Prepared } from '../source/prepared-query.js';
import { ident } from '../tables/sql-text.js';
import { type Database } from './database.js';

const NUMBER = /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** What of a query is new, and how far that goes. */
export interface NewRows {
  sql: string;
  values: unknown[];
  /** The largest value that there is; undefined when there is none. */
  last?: string;
}

/**
 * Of a query those rows that are new. A column of SQLite holds values of any type, and is in order only when all of them are
 * numbers or all are texts: since it sorts by type first, the smallest and the largest tell. Texts go by their bytes.
 * Both statements have to see the same moment: it is called within a transaction. @throws NodeError
 */
export function newRows(context: NodeContext, database: Database, { sql, values }: Prepared): NewRows {
  const { column, inclusive = false } = context.config['incremental'] as IncrementalRows;
  const after = readAfter(context);
  tellMark(context, after);
  assertColumn(database, sql, column);
  const all = `WITH tauro_all AS (${sql})`;
  const key = `${ident(column)} COLLATE BINARY`;
  const [first, last, ...kinds] = database
    .prepare(
      `${all}, ends AS (SELECT (SELECT min(${key}) FROM tauro_all) AS first, (SELECT max(${key}) FROM tauro_all) AS last) ` +
        'SELECT first, last, typeof(first), typeof(last) FROM ends',
    )
    .safeIntegers(true)
    .raw(true)
    .get(values) as [unknown, unknown, string, string];
  const rows = `${all} SELECT * FROM tauro_all WHERE ${key}`;
  if (first === null) return { sql: `${rows} IS NOT NULL`, values };
  const [numbers, texts] = [/^(?:integer|real)$/, /^text$/].map((kind) =>
    kinds.every((one) => kind.test(one)),
  );
  if (!numbers && !texts) {
    const message = `incremental.column: '${column}' must have numbers only or texts only; it has ${[...new Set(kinds)].join(' and ')}`;
    throw new NodeError('InvalidConfig', message, false);
  }
  const told = { last: checkedMark(column, String(last)) };
  if (after === undefined) return { sql: `${rows} IS NOT NULL`, values, ...told };
  if (numbers && !NUMBER.test(after)) {
    throw new NodeError('BadValue', `incremental: '${after}' is no value of '${column}'`, false);
  }
  const bound = numbers ? numberOf(after) : after;
  return { sql: `${rows} ${inclusive ? '>=' : '>'} ?`, values: [...values, bound], ...told };
}

/** To SQLite a name in quotes that is none of a column is a text. */
function assertColumn(database: Database, sql: string, name: string): void {
  const columns = database
    .prepare(sql)
    .columns()
    .map((column) => column.name);
  if (columns.includes(name)) return;
  const message = `incremental.column: column '${name}' does not exist (columns: ${columns.join(', ')})`;
  throw new NodeError('ColumnNotFound', message, false);
}

/** Integers without losing digits, as far as SQLite has them. */
function numberOf(text: string): number | bigint {
  if (!/^-?\d+$/.test(text)) return Number(text);
  const value = BigInt(text);
  return BigInt.asIntN(64, value) === value ? value : Number(text);
}
