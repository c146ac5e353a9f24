import { NodeError } from '../node-kind.js';
import { ident } from '../tables/sql-text.js';
import { type DuckDbSession } from '../tables/duckdb.js';
import { parquetRows, type TableInput } from '../tables/table-output.js';
import { serverTypeOf } from './types.js';

type Column = TableInput['columns'][number];
/** What the engine takes for a value. */
export type Bound = string | number | bigint | Buffer | null;

const integer = (text: string): bigint => BigInt(text);

/** By the type of the column. */
const BIND: Readonly<Record<string, (text: string) => Bound>> = {
  BOOLEAN: (text) => (text === 'true' ? 1n : 0n),
  INTEGER: integer,
  REAL: (text) => {
    const value = text === 'inf' ? Infinity : text === '-inf' ? -Infinity : Number(text);
    // The engine would store null.
    if (Number.isNaN(value)) throw new NodeError('BadValue', 'SQLite has no NaN', false);
    return value;
  },
  BLOB: (text) => Buffer.from(text, 'hex'),
};

/** The rows of a Parquet file as values to bind, some at a time. */
export async function* boundRows(
  session: DuckDbSession,
  path: string,
  columns: readonly Column[],
): AsyncGenerator<Bound[][]> {
  const binds = columns.map(({ type }) => BIND[serverTypeOf(type)] ?? ((text: string): Bound => text));
  const row = `to_json([${columns.map(textOf).join(', ')}])::VARCHAR`;
  for await (const lines of session.stream(`SELECT ${row} FROM (${parquetRows(path)})`)) {
    yield lines.map((line) =>
      (JSON.parse(line) as (string | null)[]).map((text, i) => (text === null ? null : binds[i]!(text))),
    );
  }
}

/** The SQL of a value as text. */
function textOf({ name, type }: Column): string {
  const column = ident(name);
  if (type === 'BLOB') return `hex(${column})`;
  if (type === 'TIMESTAMP WITH TIME ZONE') return `(${column} AT TIME ZONE 'UTC')::VARCHAR || 'Z'`;
  return serverTypeOf(type) === 'JSON' && type !== 'JSON'
    ? `to_json(${column})::VARCHAR`
    : `${column}::VARCHAR`;
}
