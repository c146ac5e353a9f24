import { type Column, type TableRef } from '@tauro/domain';
import { type NodeContext } from '../node-kind.js';
import { type DuckDbSession } from '../tables/duckdb.js';
import { freeName, numbered } from '../tables/numbered.js';
import { ident, idents, literal } from '../tables/sql-text.js';
import { type TableMade, type TableTarget, writeTable } from '../tables/table-output.js';

/** The column of quarantined rows that names the checks they did not pass. */
export const FAILED_CHECK = 'failed_check';

/** Where the two parts of a table go that bad rows leave. */
export interface SplitTargets {
  clean: TableTarget;
  quarantine: TableTarget;
}

/** Keys of this attempt's own beside that of its table. */
export async function splitTargets({ artifacts, run, task }: NodeContext): Promise<SplitTargets> {
  const target = async (part: string): Promise<TableTarget> => {
    const key = artifacts.tableKey(run.id, task.node_id, `${task.claim_id}-${part}`);
    return { key, path: await artifacts.pathForWriting(key) };
  };
  return { clean: await target('clean'), quarantine: await target('quarantine') };
}

/**
 * Writes the rows of a table that are bad, with the names of what is wrong with them, and those that are left. Which are
 * bad is worked out once, so that every row is in exactly one of the two.
 * @param bad SQL that is true for bad rows, by the name of the check
 */
export async function split(
  session: DuckDbSession,
  table: { view: string; columns: Column[]; file: string },
  bad: readonly { name: string; where: string }[],
  targets: SplitTargets,
  context: NodeContext,
): Promise<{ clean: TableMade; quarantine: TableRef }> {
  const { columns } = table;
  const { query, position } = numbered(table);
  const row = ident(position);
  const failed = freeName(columns, FAILED_CHECK);
  const names = bad.map(({ name, where }) => `CASE WHEN ${where} THEN ${literal(name)} END`);
  // No node id has a space in it.
  const rows = ident('bad rows');
  await session.run(
    `CREATE TEMP TABLE ${rows} AS SELECT * FROM
      (SELECT ${row}, concat_ws(', ', ${names.join(', ')}) AS ${ident(failed)} FROM (${query}))
      WHERE ${ident(failed)} <> ''`,
  );
  const all = idents(columns.map(({ name }) => name));
  const without = `SELECT ${all} FROM (${query}) ANTI JOIN ${rows} USING (${row}) ORDER BY ${row}`;
  const only = `SELECT ${all}, ${ident(failed)} FROM (${query}) JOIN ${rows} USING (${row}) ORDER BY ${row}`;
  const clean = await writeTable(session, without, columns, targets.clean, context);
  const told = [...columns, { name: failed, type: 'VARCHAR' }];
  const { table: quarantine } = await writeTable(session, only, told, targets.quarantine, context);
  return { clean, quarantine };
}
