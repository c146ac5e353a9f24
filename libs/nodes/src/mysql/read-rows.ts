import { type Readable } from 'node:stream';
import { type FieldPacket } from 'mysql2';
import { NodeError, type NodeContext, type NodeResult } from '../node-kind.js';
import { onlySelect, type Prepared } from '../source/prepared-query.js';
import { checkNames, tableOfCsv } from '../tables/csv-stream.js';
import { countOf } from '../tables/sql-text.js';
import { queryOf } from './bound-query.js';
import { type Client, withClient } from './client.js';
import { tableDataset } from './dataset.js';
import { markOf, newRows } from './new-rows.js';
import { tableName } from './table-name.js';
import { type Passage, passageOf } from './types.js';

/** Rows that are here and not yet in the pipe; the server waits with the others. */
const ROWS_AHEAD = 256;
/** Characters that go into the pipe at once. */
const CHUNK = 64 * 1024;

/** Makes this attempt's table of what the server answers. */
export async function readRows(context: NodeContext): Promise<NodeResult> {
  const { config, connection, settings, signal } = context;
  const { egressAllowPrivate } = settings;
  const table =
    config['table'] === undefined
      ? undefined
      : tableName(String(config['table']), String(connection!.config['database']));
  const asked = table ? { sql: `SELECT * FROM ${table.sql}`, values: [] } : queryOf(config['query']);
  const query = { ...asked, sql: onlySelect(asked.sql) };
  return withClient(connection!, { egressAllowPrivate, signal }, async (client) => {
    // As standard SQL has it, `||` joins texts: templates within a text become that.
    await client.query(`SET sql_mode = 'PIPES_AS_CONCAT,STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION'`);
    // However long it takes until the rows that were sent have been taken.
    await client.query('SET net_write_timeout = 3600');
    await client.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ');
    // A query that writes fails, and everything is seen as of one moment.
    await client.query('START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY');
    const isIncremental = config['incremental'] !== undefined;
    const wanted = isIncremental ? newRows(context, query, await describe(client, query)) : query;
    const { fields, rows } = await ask(client, wanted);
    const declared = (config['columns'] ?? {}) as Record<string, string>;
    checkNames(
      fields.map(({ name }) => name),
      declared,
    );
    const passages = fields.map((field) => passageOf(field, declared[field.name]));
    const made = await tableOfCsv(context, passages, () => linesOf(rows, passages));
    const result = isIncremental ? { ...made, ...(await markOf(context, made)) } : made;
    await client.query('COMMIT');
    const from = table?.shown ?? 'a query';
    context.log('INFO', `read ${countOf(result.rows, 'row')} of ${from} from ${connection!.name}`);
    // What a query reads, only the server knows.
    if (table === undefined) return result;
    const use = { access: 'read' as const, ...tableDataset(connection!, table) };
    return { ...result, datasets: [{ ...use, columns: made.table.columns, rows: made.rows }] };
  });
}

/** The columns of a query, of which no row is asked for. */
async function describe({ raw }: Client, { sql, values }: Prepared): Promise<Passage[]> {
  const none = `SELECT * FROM (${sql}) AS tauro_query LIMIT 0`;
  const [, fields] = await raw.promise().execute({ sql: none, values });
  return fields.map((field) => passageOf(field));
}

/** By the protocol of prepared statements, in which numbers and times lose nothing. */
async function ask(
  { raw }: Client,
  { sql, values }: Prepared,
): Promise<{ fields: FieldPacket[]; rows: Readable }> {
  const rows = raw.execute({ sql, values, rowsAsArray: true }).stream({ highWaterMark: ROWS_AHEAD });
  const fields = await new Promise<FieldPacket[] | undefined>((resolve, reject) => {
    rows.once('fields', resolve);
    // Kept for good: an error that comes before anybody reads must not be nobody's.
    rows.on('error', reject);
    rows.once('end', () => resolve(undefined));
  });
  if (fields === undefined) throw new NodeError('InvalidConfig', 'query: it gives no rows', false);
  return { fields, rows };
}

async function* linesOf(rows: Readable, passages: readonly Passage[]): AsyncGenerator<string> {
  let text = '';
  for await (const row of rows as AsyncIterable<unknown[]>) {
    text += `${passages.map((passage, i) => passage.text(row[i])).join(',')}\n`;
    if (text.length < CHUNK) continue;
    yield text;
    text = '';
  }
  if (text !== '') yield text;
}
