import { type Client } from 'pg';
import { type OpenConnection } from '../connections/connection-kind.js';
import { type NodeContext, type NodeResult } from '../node-kind.js';
import { type TableSink } from '../sink/table-sink.js';
import { keyFaults, modeOf, targetExists } from '../sink/write-modes.js';
import { countOf, idents } from '../tables/sql-text.js';
import { shortened, type TableInput } from '../tables/table-output.js';
import { withClient } from './client.js';
import { copyIn } from './copy-in.js';
import { tableDataset } from './dataset.js';
import { POSTGRESQL_SINK_SCHEMA } from './sink.schema.js';
import { partsOf, tableName } from './table-name.js';
import { TargetTable } from './target-table.js';
import { writtenBefore, noteWritten } from './written.js';

/** Rows into a table, by the server's own bulk path. */
export const postgresqlSink: TableSink = {
  type: 'postgresql',
  connection: 'postgresql',
  schema: POSTGRESQL_SINK_SCHEMA,
  check: keyFaults,
  write,
};

async function write(context: NodeContext, table: TableInput): Promise<NodeResult> {
  const { config, connection, settings, signal } = context;
  const { egressAllowPrivate } = settings;
  const shown = config['table'] as string;
  const [name, schema] = partsOf(shown).reverse() as [string, string?];
  return withClient(connection!, { egressAllowPrivate, signal }, async (client) => {
    await client.query('BEGIN');
    const target = new TargetTable(client, { name, schema, sql: tableName(shown), shown });
    // Another attempt of this task, alive or dead, is waited for here and then seen.
    if (await writtenBefore(client, context, schema)) {
      await client.query('ROLLBACK');
      context.log('INFO', `an attempt before this one has written the rows to ${shown} already`);
      return resultOf(connection!, table, shown);
    }
    await writeAs({ context, client, target, table });
    await noteWritten(client, context, schema);
    // A worker that lost its claim meanwhile must not write beside the winner.
    signal.throwIfAborted();
    await client.query('COMMIT');
    context.log('INFO', `wrote ${countOf(table.rows, 'row')} to ${shown} of ${connection!.name}`);
    return resultOf(connection!, table, shown);
  });
}

function resultOf(connection: OpenConnection, { rows, columns }: TableInput, table: string): NodeResult {
  const use = { access: 'write' as const, ...tableDataset(connection, table), columns, rows };
  return { output: { rows, columns: shortened(columns), table }, rows, datasets: [use] };
}

interface Writing {
  context: NodeContext;
  client: Client;
  target: TargetTable;
  table: TableInput;
}

async function writeAs({ context, client, target, table }: Writing): Promise<void> {
  const { mode, key, drift } = modeOf(context, table);
  const exists = await target.exists();
  if (exists && mode === 'error') throw targetExists(`table ${target.shown}`);
  if (!exists) await target.make(table.columns, key);
  const columns = exists ? await target.fit(table.columns, drift) : table.columns;
  if (exists && mode === 'overwrite') await client.query(`TRUNCATE ${target.sql}`);
  if (mode !== 'upsert') return copyIn(context, client, target.sql, table, columns);
  const staged = '"tauro_staged"';
  const names = idents(columns.map(({ name }) => name));
  await client.query(
    `CREATE TEMP TABLE ${staged} ON COMMIT DROP AS SELECT ${names} FROM ${target.sql} WITH NO DATA`,
  );
  // Tells which of two rows came later.
  await client.query(`ALTER TABLE ${staged} ADD COLUMN tauro_row bigserial`);
  await copyIn(context, client, staged, table, columns);
  await target.merge(staged, columns, key);
}
