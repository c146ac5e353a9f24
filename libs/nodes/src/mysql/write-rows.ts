import { type NodeContext, type NodeResult } from '../node-kind.js';
import { modeOf, targetExists } from '../sink/write-modes.js';
import { countOf } from '../tables/sql-text.js';
import { shortened, type TableInput } from '../tables/table-output.js';
import { type Client, withClient } from './client.js';
import { tableDataset } from './dataset.js';
import { insertRows } from './insert-rows.js';
import { StagedRows } from './staged-rows.js';
import { type TableName, tableName } from './table-name.js';
import { TargetTable } from './target-table.js';
import { Writes } from './written.js';

/** Quotes are doubled and nothing else is special in a text; what does not fit fails instead of being cut. */
const MODE = 'NO_BACKSLASH_ESCAPES,STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,NO_AUTO_VALUE_ON_ZERO';

interface Writing {
  context: NodeContext;
  client: Client;
  target: TargetTable;
  table: TableInput;
  writes: Writes;
}

/** Writes the rows of the table, once. */
export async function writeRows(context: NodeContext, table: TableInput): Promise<NodeResult> {
  const { config, connection, settings, signal } = context;
  const { egressAllowPrivate } = settings;
  const name = tableName(String(config['table']), String(connection!.config['database']));
  return withClient(connection!, { egressAllowPrivate, signal }, async (client) => {
    await client.query(`SET sql_mode = '${MODE}'`);
    const target = new TargetTable(client, name, context.task.id);
    const writes = new Writes(client, context.task.id, name);
    const wrote = !(await writes.has()) && (await write({ context, client, target, table, writes }));
    const said = wrote
      ? `wrote ${countOf(table.rows, 'row')} to ${name.shown} of ${connection!.name}`
      : `an attempt before this one has written the rows to ${name.shown} already`;
    context.log('INFO', said);
    return resultOf(context, table, name);
  });
}

function resultOf({ connection }: NodeContext, { rows, columns }: TableInput, name: TableName): NodeResult {
  const use = { access: 'write' as const, ...tableDataset(connection!, name), columns, rows };
  return { output: { rows, columns: shortened(columns), table: name.shown }, rows, datasets: [use] };
}

/**
 * Whatever changes a table ends the server's transaction, so it all comes before: a table is made empty, or gets columns.
 * @returns false when another attempt of this task was faster.
 */
async function write(writing: Writing): Promise<boolean> {
  const { context, client, target, table, writes } = writing;
  const { mode, key, drift } = modeOf(context, table);
  const found = await target.find();
  // One that an attempt of this task has made is still to be filled.
  if (found && mode === 'error' && !found.ours) throw targetExists(`table ${target.shown}`);
  if (!found) await target.make(table.columns, key);
  try {
    const columns = found ? await target.fit(table.columns, drift) : table.columns;
    const staged = mode === 'upsert' ? await StagedRows.make(target, columns, key) : undefined;
    await writes.prepare();
    await client.query('START TRANSACTION');
    if (!(await writes.note())) {
      await client.query('ROLLBACK');
      return false;
    }
    // Two that replace rows of one table come one after the other.
    if (mode === 'overwrite' || mode === 'upsert') await writes.lock(target.sql);
    if (mode === 'overwrite') await client.query(`DELETE FROM ${target.sql}`);
    if (staged) await staged.merge(context, table.path);
    else await insertRows(context, client, { into: target.sql, path: table.path, columns });
    // A worker that lost its claim meanwhile must not write beside the winner.
    context.signal.throwIfAborted();
    await client.query('COMMIT');
    return true;
  } catch (error) {
    if (!found) await target.removeEmpty();
    throw error;
  }
}
