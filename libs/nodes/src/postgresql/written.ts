import { type Client } from 'pg';
import { type NodeContext } from '../node-kind.js';
import { ident } from '../tables/sql-text.js';

/** Kept beside the tables that are written to, since only one transaction with the rows can tell whether they are there. */
const NAME = 'tauro_writes';
/** Entries are of use as long as an attempt may be repeated. */
const KEPT = '30 days';

const placed = (schema: string | undefined): string =>
  schema === undefined ? ident(NAME) : `${ident(schema)}.${ident(NAME)}`;

/**
 * Whether an attempt of this task has committed its rows. Two attempts at once come one after the other: the second
 * waits here until the first has ended.
 */
export async function isWritten(
  client: Client,
  { task: { id } }: NodeContext,
  schema: string | undefined,
): Promise<boolean> {
  // By number, because a lock needs no table; it is the transaction's and ends with it.
  await client.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`tauro/${id}`]);
  const table = placed(schema);
  if (!(await exists(client, table))) return false;
  const { rowCount } = await client.query(`SELECT 1 FROM ${table} WHERE task_id = $1`, [id]);
  return rowCount !== 0;
}

/** Notes, in the transaction of the rows, that they are there. */
export async function noteWritten(
  client: Client,
  { task: { id } }: NodeContext,
  schema: string | undefined,
): Promise<void> {
  const table = placed(schema);
  // What another transaction is making cannot be seen.
  await client.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`tauro/${table}`]);
  if (!(await exists(client, table))) {
    await client.query(
      `CREATE TABLE ${table} (task_id text PRIMARY KEY, written_at timestamptz NOT NULL DEFAULT now())`,
    );
  }
  await client.query(`INSERT INTO ${table} (task_id) VALUES ($1)`, [id]);
  await client.query(`DELETE FROM ${table} WHERE written_at < now() - interval '${KEPT}'`);
}

async function exists(client: Client, table: string): Promise<boolean> {
  const { rows } = await client.query<{ found: string | null }>('SELECT to_regclass($1) AS found', [table]);
  return rows[0]!.found !== null;
}
