import { NodeError, type NodeContext } from '../node-kind.js';
import { checkedMark, type IncrementalRows, readAfter, tellMark } from '../source/incremental.js';
import { type Prepared } from '../source/prepared-query.js';
import { type TextColumn } from '../tables/csv-stream.js';
import { findColumn, ident as duckIdent } from '../tables/sql-text.js';
import { inSession, parquetRows, type TableMade } from '../tables/table-output.js';
import { ident } from './table-name.js';

const NUMBER = /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
/** The clock is that of UTC, which the server does not want to be told. */
const MOMENT = /^(\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)?)(?:Z|\+00(?::?00)?)?$/;
/** Types whose values the server compares as numbers. */
const IS_NUMBER = /INT|DECIMAL|DOUBLE/;
/** And as texts, once they are no longer of a language. */
const IS_TEXT = /^VARCHAR$/;
const IS_TIME = /^(?:DATE|TIMESTAMP)/;

/**
 * Of a query those rows that are new; the server compares, texts by their bytes, since by the rules of a language what is
 * later need not be larger. @param columns as they come over @throws NodeError
 */
export function newRows(
  context: NodeContext,
  { sql, values }: Prepared,
  columns: readonly TextColumn[],
): Prepared {
  const { column: name, inclusive = false } = context.config['incremental'] as IncrementalRows;
  const { read, key } = keyOf(context, columns, name);
  const after = readAfter(context);
  tellMark(context, after);
  const rows = `SELECT * FROM (${sql}) AS tauro_all WHERE ${key}`;
  if (after === undefined) return { sql: `${rows} IS NOT NULL`, values };
  const than = inclusive ? '>=' : '>';
  if (IS_TEXT.test(read)) return { sql: `${rows} ${than} ?`, values: [...values, after] };
  if (IS_TIME.test(read)) {
    const moment = MOMENT.exec(after)?.[1];
    if (moment !== undefined) return { sql: `${rows} ${than} ?`, values: [...values, moment] };
  }
  // As a text a number would be compared as a double, which loses digits.
  if (IS_NUMBER.test(read) && NUMBER.test(after)) return { sql: `${rows} ${than} ${after}`, values };
  throw new NodeError('BadValue', `incremental: '${after}' is no value of '${name}'`, false);
}

/** The column by which rows are new, and what of it is compared. */
function keyOf(
  { config }: NodeContext,
  columns: readonly TextColumn[],
  name: string,
): { read: string; key: string } {
  const column = columns.find((one) => one.name === name);
  if (!column) {
    const message = `incremental.column: column '${name}' does not exist (columns: ${columns.map((one) => one.name).join(', ')})`;
    throw new NodeError('ColumnNotFound', message, false);
  }
  const { read, taken } = column;
  const isDeclared = name in ((config['columns'] ?? {}) as object);
  const isText = IS_TEXT.test(read) && taken === duckIdent(name);
  if (!isDeclared && (isText || IS_NUMBER.test(read) || IS_TIME.test(read))) {
    return { read, key: isText ? `CAST(${ident(name)} AS BINARY)` : ident(name) };
  }
  const message = `incremental.column: '${name}' must be an integer, a decimal, a double, a time or a text, as the server has it`;
  throw new NodeError('InvalidConfig', message, false);
}

/** The largest value of the column among the rows that have been read, as the server writes it. */
export async function markOf(context: NodeContext, { table, rows }: TableMade): Promise<{ mark?: string }> {
  const { column: name } = context.config['incremental'] as IncrementalRows;
  if (rows === 0) return {};
  const column = findColumn(table.columns, name)!;
  const largest = `max(${duckIdent(column.name)})`;
  const text = /WITH TIME ZONE/.test(column.type) ? `(${largest} AT TIME ZONE 'UTC')` : largest;
  const path = context.artifacts.path(table.artifact);
  const [last] = await inSession(context, { paths: [path] }, (session) =>
    session.texts(`SELECT ${text}::VARCHAR FROM (${parquetRows(path)})`),
  );
  return { mark: checkedMark(name, last!) };
}
