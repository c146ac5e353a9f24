import { type Client } from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import { connectionName } from '../connections/schema-parts.js';
import { type NodeContext, type NodeResult } from '../node-kind.js';
import { incrementalRows } from '../source/incremental.js';
import { TABLE_OR_QUERY, tableOrQueryFaults, withoutEnd } from '../source/table-or-query.js';
import { type TableSource } from '../source/table-source.js';
import { checkNames, tableOfCsv } from '../tables/csv-stream.js';
import { countOf } from '../tables/sql-text.js';
import { sqlOf } from './bound-query.js';
import { withClient } from './client.js';
import { tableDataset } from './dataset.js';
import { newRows } from './new-rows.js';
import { tableName } from './table-name.js';
import { passageOf, type ServerColumn } from './types.js';

/** Rows of a table or a query, by the server's own bulk path. */
export const postgresqlSource: TableSource = {
  type: 'postgresql',
  connection: 'postgresql',
  check: tableOrQueryFaults,
  read,
  schema: {
    type: 'object',
    required: ['source_type'],
    additionalProperties: false,
    properties: {
      source_type: { const: 'postgresql' },
      connection: connectionName('postgresql'),
      ...TABLE_OR_QUERY('a `numeric` without digits becomes DOUBLE'),
      incremental: incrementalRows(),
    },
  },
};

async function read(context: NodeContext): Promise<NodeResult> {
  const { config, connection, settings, signal } = context;
  const { egressAllowPrivate } = settings;
  return withClient(connection!, { egressAllowPrivate, signal }, async (client) => {
    // A query that writes fails, and everything is seen as of one moment.
    await client.query('BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY');
    const table = config['table'] as string | undefined;
    const whole =
      table === undefined ? withoutEnd(sqlOf(config['query'])) : `SELECT * FROM ${tableName(table)}`;
    const columns = await describe(client, whole);
    const declared = (config['columns'] ?? {}) as Record<string, string>;
    checkNames(
      columns.map(({ name }) => name),
      declared,
    );
    const news = newRows(context, columns, whole);
    const query = news?.query ?? whole;
    const passages = columns.map((column) => passageOf(column, declared[column.name]));
    const asked = passages.map((passage) => passage.asked).join(', ') || '*';
    const statement = `COPY (SELECT ${asked} FROM (${query}) AS tauro_query) TO STDOUT (FORMAT csv)`;
    const copied = await tableOfCsv(context, passages, () => client.query(copyTo(statement)));
    const result = news && copied.rows > 0 ? { ...copied, ...(await news.mark(client)) } : copied;
    await client.query('COMMIT');
    const from = table ?? 'a query';
    context.log('INFO', `read ${countOf(result.rows, 'row')} of ${from} from ${connection!.name}`);
    // What a query reads, only the server knows.
    if (table === undefined) return result;
    const { rows, table: made } = result;
    const use = { access: 'read' as const, ...tableDataset(connection!, table), columns: made.columns, rows };
    return { ...result, datasets: [use] };
  });
}

/** The columns of a query, which the server plans and does not run. */
async function describe(client: Client, query: string): Promise<ServerColumn[]> {
  const { fields } = await client.query({
    text: `SELECT * FROM (${query}) AS tauro_query LIMIT 0`,
    rowMode: 'array',
  });
  const { rows } = await client.query<{ oid: number; typname: string; typtype: string; typcategory: string }>(
    'SELECT oid, typname, typtype, typcategory FROM pg_type WHERE oid = ANY($1::oid[])',
    [fields.map(({ dataTypeID }) => dataTypeID)],
  );
  const types = new Map(rows.map((row) => [Number(row.oid), row]));
  return fields.map(({ name, dataTypeID, dataTypeModifier }) => {
    const { typname = '', typtype = 'b', typcategory = 'U' } = types.get(dataTypeID) ?? {};
    return { name, type: typname, sort: typtype, category: typcategory, modifier: dataTypeModifier };
  });
}
