import { type NodeContext } from '../node-kind.js';
import { findColumn, ident, literal } from '../tables/sql-text.js';
import { inSession, parquetRows, type TableMade } from '../tables/table-output.js';
import { checkedMark, type IncrementalRows } from './incremental.js';

/** Of a query of DuckDB's those rows that are new. */
export function newRows(
  query: string,
  { column, inclusive = false }: IncrementalRows,
  after: string | undefined,
): string {
  const bound = after === undefined ? 'IS NOT NULL' : `${inclusive ? '>=' : '>'} ${literal(after)}`;
  return `SELECT * FROM (${query}) WHERE ${ident(column)} ${bound}`;
}

/** The largest value of a column of this attempt's table; a moment as services write it. */
export async function lastOf(context: NodeContext, { table }: TableMade, name: string): Promise<string> {
  const column = findColumn(table.columns, name)!;
  const path = context.artifacts.path(table.artifact);
  const largest = `max(${ident(column.name)})`;
  const text = column.type.startsWith('TIMESTAMP')
    ? `strftime(${largest}::TIMESTAMP, '%Y-%m-%dT%H:%M:%S.%fZ')`
    : `${largest}::VARCHAR`;
  const [last] = await inSession(context, { paths: [path] }, (session) =>
    session.texts(`SELECT ${text} FROM (${parquetRows(path)})`),
  );
  return checkedMark(name, last!);
}
