import { type Json } from '@tauro/domain';
import { type Client } from 'pg';
import { type NodeContext } from '../node-kind.js';
import { ident } from '../tables/sql-text.js';

/** Kept beside the tables that are written to, since only one transaction with the rows can tell whether they are there. */
const NAME = 'tauro_writes';
/** Entries are of use as long as an attempt may be repeated. */
const KEPT = '30 days';

const placed = (schema: string | undefined): string =>
  schema === undefined ? ident(NAME) : `${ident(schema)}.${ident(NAME)}`;

/** What is kept of an attempt that has committed. */
export interface Written {
  /** What the node was to put out; null where it can be told without. */
  output: Json;
}

/**
 * Whether an attempt of this task has committed. Two attempts at once come one after the other: the second waits here
 * until the first has ended.
 */
export async function writtenBefore(
  client: Client,
  { task: { id } }: NodeContext,
  schema?: string,
): Promise<Written | undefined> {
  // By number, because a lock needs no table; it is the transaction's and ends with it.
  await client.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`tauro/${id}`]);
  const table = placed(schema);
  if (!(await exists(client, table))) return undefined;
  const { rows } = await client.query<Written>(`SELECT output FROM ${table} WHERE task_id = $1`, [id]);
  return rows[0];
}

/** Notes, in the transaction of what was done, that it is done. */
export async function noteWritten(
  client: Client,
  { task: { id } }: NodeContext,
  schema?: string,
  output: Json = null,
): Promise<void> {
  const table = placed(schema);
  // What another transaction is making cannot be seen.
  await client.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`tauro/${table}`]);
  if (!(await exists(client, table))) {
    await client.query(
      `CREATE TABLE ${table} (task_id text PRIMARY KEY, written_at timestamptz NOT NULL DEFAULT now(), output jsonb)`,
    );
  }
  const text = output === null ? null : JSON.stringify(output);
  await client.query(`INSERT INTO ${table} (task_id, output) VALUES ($1, $2)`, [id, text]);
  await client.query(`DELETE FROM ${table} WHERE written_at < now() - interval '${KEPT}'`);
}

async function exists(client: Client, table: string): Promise<boolean> {
  const { rows } = await client.query<{ found: string | null }>('SELECT to_regclass($1) AS found', [table]);
  return rows[0]!.found !== null;
}
