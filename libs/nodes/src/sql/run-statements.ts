import { type Json, type JsonObject } from '@tauro/domain';
import { type Client, type QueryArrayConfig, type QueryArrayResult } from 'pg';
import { NodeError, type NodeContext, type NodeResult } from '../node-kind.js';
import { sqlOf } from '../postgresql/bound-query.js';
import { withClient } from '../postgresql/client.js';
import { noteWritten, writtenBefore } from '../postgresql/written.js';
import { countOf } from '../tables/sql-text.js';

/** Rows that an output shows, and their bytes: it holds 64 KB. */
const MAX_ROWS = 100;
const MAX_BYTES = 32_000;
/** SQLSTATE of a statement that changes something, and so can have no cursor. */
const NO_CURSOR = '42P11';

/** Runs the statements of the config in one transaction, which an attempt that is repeated finds done. */
export async function runStatements(context: NodeContext): Promise<NodeResult> {
  const { config, connection, settings, signal } = context;
  const statements = [config['sql']].flat().map((statement) => sqlOf(statement).trim());
  assertPlain(statements);
  const { egressAllowPrivate } = settings;
  return withClient(connection!, { egressAllowPrivate, signal }, async (client) => {
    await client.query('BEGIN');
    const before = await writtenBefore(client, context);
    if (before) {
      await client.query('ROLLBACK');
      context.log('INFO', 'an attempt before this one has run the statements already');
      return { output: before.output };
    }
    let output: JsonObject = {};
    for (const [i, statement] of statements.entries()) {
      const began = performance.now();
      output = await run(client, statement);
      const took = Math.round(performance.now() - began);
      context.log('INFO', `statement ${i + 1}: ${countOf(Number(output['row_count']), 'row')} in ${took} ms`);
      context.progress((i + 1) / statements.length);
    }
    // What only reads needs no note, and no right to write one.
    const { rows } = await client.query<{ wrote: boolean }>(
      'SELECT pg_current_xact_id_if_assigned() IS NOT NULL AS wrote',
    );
    if (rows[0]!.wrote) await noteWritten(client, context, undefined, output);
    // A worker that lost its claim meanwhile must not do beside the winner what is to be done once.
    signal.throwIfAborted();
    await client.query('COMMIT');
    return { output };
  });
}

/** Whose transaction it is must stay ours to say. */
function assertPlain(statements: readonly string[]): void {
  const ending = statements.find((text) =>
    /^(?:BEGIN|START|COMMIT|END|ROLLBACK|ABORT|PREPARE\s+TRANSACTION)\b/i.test(text),
  );
  if (ending === undefined) return;
  throw new NodeError(
    'InvalidConfig',
    `sql: '${ending.slice(0, 40)}': the node's statements are one transaction already`,
    false,
  );
}

async function run(client: Client, statement: string): Promise<JsonObject> {
  return (await page(client, statement)) ?? answerOf(await direct(client, statement));
}

/** The first rows of what only reads, and how many there are; undefined for anything else. */
async function page(client: Client, statement: string): Promise<JsonObject | undefined> {
  if (!/^(?:SELECT|WITH|VALUES|TABLE)\b/i.test(statement)) return undefined;
  await client.query('SAVEPOINT tauro_page');
  try {
    await direct(client, `DECLARE tauro_rows NO SCROLL CURSOR FOR ${statement}`);
  } catch (error) {
    if ((error as { code?: string }).code !== NO_CURSOR) throw error;
    await client.query('ROLLBACK TO SAVEPOINT tauro_page');
    return undefined;
  }
  const first = await direct(client, `FETCH ${MAX_ROWS} FROM tauro_rows`);
  const { rowCount } = await client.query('MOVE ALL FROM tauro_rows');
  await client.query('CLOSE tauro_rows');
  return answerOf({ ...first, rowCount: first.rows.length + (rowCount ?? 0) });
}

/** By the protocol that takes one statement at a time. */
async function direct(client: Client, text: string): Promise<QueryArrayResult<unknown[]>> {
  try {
    return await client.query<unknown[]>({
      text,
      rowMode: 'array',
      queryMode: 'extended',
    } as QueryArrayConfig);
  } catch (error) {
    if (!/multiple commands/.test((error as Error).message)) throw error;
    throw new NodeError('InvalidConfig', 'sql: give each statement as an entry of its own', false);
  }
}

function answerOf({
  fields,
  rows,
  rowCount,
}: Pick<QueryArrayResult<unknown[]>, 'fields' | 'rows' | 'rowCount'>): JsonObject {
  let left = MAX_BYTES;
  const shown = rows
    .slice(0, MAX_ROWS)
    .map((row) => Object.fromEntries(row.map((value, i) => [fields[i]!.name, jsonOf(value)])))
    .filter((row) => (left -= JSON.stringify(row).length) > 0);
  return { row_count: rowCount ?? 0, ...(fields.length > 0 && { rows: shown }) };
}

const jsonOf = (value: unknown): Json => JSON.parse(JSON.stringify(value ?? null)) as Json;
