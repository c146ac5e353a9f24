import { NodeError } from '../node-kind.js';
import { type DuckDbSession } from './duckdb.js';
import { literal } from './sql-text.js';

/** A part of DuckDB's syntax tree. Numbers are `NumberText`, so that 64 bits survive. */
export type SqlNode = { [key: string]: SqlValue };
export type SqlValue = null | boolean | string | NumberText | SqlValue[] | SqlNode;

/** A number exactly as it was written. */
export class NumberText {
  constructor(readonly text: string) {}
}

const MAX_SQL = 100_000;

/**
 * DuckDB's own syntax tree of a text, one per statement; only SELECT has one.
 * @param place for messages, such as `sql`
 * @param from where the author's own text begins; what stands before it is not counted
 * @throws NodeError when the text is no SQL, with the line and column, or something other than SELECT
 */
export async function parseSql(
  session: DuckDbSession,
  sql: string,
  place: string,
  from = 0,
): Promise<SqlNode[]> {
  if (sql.length > MAX_SQL) throw badSql(place, `is longer than ${MAX_SQL} characters`);
  if (sql.includes('\0')) throw badSql(place, 'contains a NUL character');
  const [json] = await session.texts(`SELECT json_serialize_sql(${literal(sql)})`);
  const tree = parseLossless(json!) as SqlNode;
  if (tree['error'] === true) {
    const message = String(tree['error_message']);
    if (message.startsWith('Only SELECT')) throw badSql(place, 'only one SELECT is allowed');
    throw badSql(place, message + whereIn(sql, tree['position'], from));
  }
  return (tree['statements'] ?? []) as SqlNode[];
}

/**
 * DuckDB tells the place of a fault as the number of characters before it, each counted once. After a parameter,
 * which stands for a template of another length, the column would be wrong.
 */
function whereIn(sql: string, position: SqlValue | undefined, from: number): string {
  if (typeof position !== 'string' || !/^\d+$/.test(position)) return '';
  const before = Array.from(sql).slice(from, Number(position)).join('').split('\n');
  const line = before.at(-1)!;
  const column = /\$\d/.test(line) ? '' : `, column ${Array.from(line).length + 1}`;
  return ` (line ${before.length}${column})`;
}

/** SQL from a tree: what was checked is what runs, whatever the author's text looked like. */
export async function printSql(session: DuckDbSession, statement: SqlNode): Promise<string> {
  const json = printLossless({ error: false, statements: [statement] });
  const [sql] = await session.texts(`SELECT json_deserialize_sql(${literal(json)}::JSON)`);
  return sql!;
}

export const badSql = (place: string, problem: string): NodeError =>
  new NodeError('SqlRefused', `${place}: ${problem}`, false);

const TOKENS = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
const MARK = '\u0000';

/** `JSON.parse` rounds beyond 2^53, so numbers travel through it as marked strings. */
function parseLossless(json: string): SqlValue {
  const marked = json.replace(TOKENS, (token) => (token.startsWith('"') ? token : `"\\u0000${token}"`));
  return JSON.parse(marked, (_key, value: unknown) =>
    typeof value === 'string' && value.startsWith(MARK) ? new NumberText(value.slice(1)) : value,
  ) as SqlValue;
}

function printLossless(value: SqlValue): string {
  if (value instanceof NumberText) return value.text;
  if (Array.isArray(value)) return `[${value.map(printLossless).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}:${printLossless(item)}`);
  return `{${entries.join(',')}}`;
}
