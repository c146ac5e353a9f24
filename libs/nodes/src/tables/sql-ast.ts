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
 * @throws NodeError when the text is no SQL, or something other than SELECT
 */
export async function parseSql(session: DuckDbSession, sql: string, place: string): Promise<SqlNode[]> {
  if (sql.length > MAX_SQL) throw badSql(place, `is longer than ${MAX_SQL} characters`);
  if (sql.includes('\0')) throw badSql(place, 'contains a NUL character');
  const [json] = await session.texts(`SELECT json_serialize_sql(${literal(sql)})`);
  const tree = parseLossless(json!) as SqlNode;
  if (tree['error'] === true) {
    const message = String(tree['error_message']);
    throw badSql(place, message.startsWith('Only SELECT') ? 'only one SELECT is allowed' : message);
  }
  return (tree['statements'] ?? []) as SqlNode[];
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
