import { BoundText, maskTemplates } from '@tauro/domain';
import { type NodeSettings } from '../settings.js';
import { bindValues } from './bound-values.js';
import { boundSizes } from './sql-sizes.js';
import { DuckDbSession } from './duckdb.js';
import { badSql, parseSql, printSql, type SqlNode } from './sql-ast.js';
import { guardSql } from './sql-guard.js';
import { EngineFault } from './table-errors.js';

/** SQL as it stands in a config: plain, or with parameters where its templates were. */
export type UserSql = string | BoundText;

/**
 * Checks one SELECT and returns what may run: printed from the syntax tree that was checked, with every
 * template's value in its place.
 * @throws NodeError when it is not exactly one SELECT, or reaches outside its inputs
 */
export async function userQuery(
  session: DuckDbSession,
  sql: UserSql,
  inputs: readonly string[],
  place: string,
): Promise<string> {
  const query = await bounded(place, async () =>
    printSql(session, await checked(session, sql, inputs, place)),
  );
  return /^(?:SUMMARIZE|DESCRIBE)\b/.test(query) ? `SELECT * FROM (${query})` : query;
}

/**
 * Checks one expression, such as a filter's `where`, and returns what may stand inside a larger statement.
 * @throws NodeError when it is more than one expression, or reaches outside its inputs
 */
export async function userExpression(
  session: DuckDbSession,
  sql: UserSql,
  inputs: readonly string[],
  place: string,
): Promise<string> {
  const text = typeof sql === 'string' ? sql : sql.text;
  const select = `SELECT ${text}`;
  const whole = typeof sql === 'string' ? select : new BoundText(select, sql.values);
  return bounded(place, async () => {
    const statement = await checked(session, whole, inputs, place, select.length - text.length);
    checkOneExpression(statement, place);
    return `(${(await printSql(session, statement)).slice('SELECT '.length)})`;
  });
}

/** Parsing has little memory and a stack; text that needs more of them is refused like any other. */
async function bounded<T>(place: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof RangeError || error instanceof EngineFault) throw badSql(place, 'is too complex');
    throw error;
  }
}

async function checked(
  session: DuckDbSession,
  sql: UserSql,
  inputs: readonly string[],
  place: string,
  from = 0,
): Promise<SqlNode> {
  const [text, values] = typeof sql === 'string' ? [sql, []] : [sql.text, sql.values];
  const statements = await parseSql(session, text, place, from);
  if (statements.length !== 1) {
    throw badSql(place, statements.length === 0 ? 'is empty' : 'only one SELECT is allowed');
  }
  guardSql(statements[0]!, inputs, place);
  const bound = bindValues(statements[0]!, values, place);
  boundSizes(bound, place);
  return bound;
}

/** A statement `SELECT <expression>` has nothing else in it: no FROM, WHERE, alias or second column. */
function checkOneExpression(statement: SqlNode, place: string): void {
  const { type: _, select_list, from_table, aggregate_handling, ...rest } = statement['node'] as SqlNode;
  const columns = (select_list ?? []) as SqlNode[];
  const plain =
    (from_table as SqlNode | undefined)?.['type'] === 'EMPTY' &&
    columns.length === 1 &&
    columns[0]!['class'] !== 'STAR' &&
    aggregate_handling === 'STANDARD_HANDLING' &&
    Object.values(rest).every(isNothing);
  if (!plain) throw badSql(place, 'must be one expression');
  if (columns[0]!['alias']) throw badSql(place, 'must be an expression without AS');
}

function isNothing(value: unknown): boolean {
  if (value === null || value === '' || (Array.isArray(value) && value.length === 0)) return true;
  return typeof value === 'object' && Object.values(value).every(isNothing);
}

/** Enough to parse with; one thread, and nothing to read. */
const PARSER_LIMITS: Omit<NodeSettings['duckdb'], 'tempDirectory'> = {
  memoryLimitMb: 256,
  threads: 1,
  maxTempDiskMb: 0,
};
let parser: Promise<DuckDbSession> | undefined;

/** A session for checking SQL before there is a run: opened on first use, kept, shared. */
export function parserSession(tempDirectory: string): Promise<DuckDbSession> {
  parser ??= DuckDbSession.open({ limits: { ...PARSER_LIMITS, tempDirectory } }).catch((error: unknown) => {
    parser = undefined;
    throw error;
  });
  return parser;
}

/** SQL whose templates have no values yet, with NULL in their place. @throws TemplateError where none can be bound. */
export function withoutValues(sql: string, at: string): UserSql {
  if (!sql.includes('{{')) return sql;
  const nulls = Array.from(sql.matchAll(/\{\{/g), () => null);
  return new BoundText(maskTemplates(sql, at), nulls);
}
