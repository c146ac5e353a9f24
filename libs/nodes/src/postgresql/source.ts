import { pipeline } from 'node:stream/promises';
import { type Client } from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import { columnMap, SQL_TYPE } from '../tables/schema-parts.js';
import { connectionName } from '../connections/schema-parts.js';
import { NodeError, type NodeContext, type NodeResult } from '../node-kind.js';
import { type TableSource } from '../source/table-source.js';
import { NamedPipe } from '../tables/named-pipe.js';
import { countOf, ident, literal, structLiteral } from '../tables/sql-text.js';
import { nodeErrorOf } from '../tables/table-errors.js';
import { inSession, type TableMade, tableTarget, writeTable } from '../tables/table-output.js';
import { sqlOf } from './bound-query.js';
import { withClient } from './client.js';
import { tableDataset } from './dataset.js';
import { tableName } from './table-name.js';
import { type Passage, passageOf, type ServerColumn } from './types.js';

/** The longest row as text; two of them is what the reader has in memory. */
const MAX_ROW_BYTES = 16 * 1024 * 1024;

/** Rows of a table or a query, by the server's own bulk path. */
export const postgresqlSource: TableSource = {
  type: 'postgresql',
  connection: 'postgresql',
  read,
  schema: {
    type: 'object',
    required: ['source_type'],
    additionalProperties: false,
    properties: {
      source_type: { const: 'postgresql' },
      connection: connectionName('postgresql'),
      table: {
        type: 'string',
        minLength: 1,
        maxLength: 255,
        description: 'A table or view, such as `orders` or `sales.orders`.',
      },
      query: {
        type: 'string',
        minLength: 1,
        maxLength: 100_000,
        description:
          'Or one SELECT. It may only read. Templates become values, never SQL; a list stands for its elements, as in `IN ({{ params.ids }})`.',
      },
      columns: columnMap(
        SQL_TYPE,
        'Types of columns by name, where they should be others than those that the server tells: a `numeric` without digits becomes DOUBLE.',
      ),
    },
  },

  check({ config = {} }) {
    const { table, query } = config;
    if ((table === undefined) !== (query === undefined)) return [];
    return table === undefined
      ? [{ field: 'config.table', message: 'a postgresql source needs table or query', type: 'missing' }]
      : [{ field: 'config.query', message: 'give table or query, not both', type: 'value_error' }];
  },
};

async function read(context: NodeContext): Promise<NodeResult> {
  const { config, connection, settings, signal } = context;
  const { egressAllowPrivate } = settings;
  return withClient(connection!, { egressAllowPrivate, signal }, async (client) => {
    // A query that writes fails, and everything is seen as of one moment.
    await client.query('BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY');
    const table = config['table'] as string | undefined;
    const query =
      table === undefined ? withoutEnd(sqlOf(config['query'])) : `SELECT * FROM ${tableName(table)}`;
    const columns = await describe(client, query);
    const passages = passagesOf(columns, (config['columns'] ?? {}) as Record<string, string>);
    const result = await copy(context, client, query, columns, passages);
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

/** A text is one query, or the server says where it is not. A line comment at its end must not swallow what comes after. */
const withoutEnd = (sql: string): string => `${sql.trim().replace(/;\s*$/, '')}\n`;

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

function passagesOf(columns: ServerColumn[], declared: Record<string, string>): Passage[] {
  const names = columns.map(({ name }) => name);
  const unknown = Object.keys(declared).find((name) => !names.includes(name));
  if (unknown !== undefined) {
    const message = `columns: column '${unknown}' does not exist (columns: ${names.join(', ')})`;
    throw new NodeError('ColumnNotFound', message, false);
  }
  const twice = names.find(
    (name, i) => names.findIndex((one) => one.toLowerCase() === name.toLowerCase()) < i,
  );
  if (twice !== undefined) {
    throw new NodeError('DuplicateColumn', `two columns of the query are called '${twice}'`, false);
  }
  return columns.map((column) => passageOf(column, declared[column.name]));
}

/** From the server into this attempt's table; only what a pipe holds is ever in memory. */
async function copy(
  context: NodeContext,
  client: Client,
  query: string,
  columns: ServerColumn[],
  passages: Passage[],
): Promise<TableMade> {
  const { settings, signal } = context;
  const pipe = await NamedPipe.create(settings.duckdb.tempDirectory);
  const target = await tableTarget(context);
  const asked = passages.map((passage) => passage.asked).join(', ') || '*';
  const statement = `COPY (SELECT ${asked} FROM (${query}) AS tauro_query) TO STDOUT (FORMAT csv)`;
  const read = Object.fromEntries(columns.map(({ name }, i) => [name, passages[i]!.read]));
  const reader = [
    literal(pipe.path),
    'auto_detect = false',
    'parallel = false',
    'header = false',
    `delim = ','`,
    `quote = '"'`,
    `escape = '"'`,
    `nullstr = ''`,
    'allow_quoted_nulls = false',
    `max_line_size = ${MAX_ROW_BYTES}`,
    `buffer_size = ${2 * MAX_ROW_BYTES}`,
    `columns = ${structLiteral(read)}`,
  ];
  const taken = passages.map((passage) => passage.taken).join(', ');
  const rows = `SELECT ${taken} FROM read_csv(${reader.join(', ')})`;
  try {
    return await inSession(context, { paths: [pipe.path, target.path] }, async (session) => {
      const typed = await session.columns(`SELECT ${taken} FROM (SELECT ${nulls(read)})`);
      const failed = new AbortController();
      const stop = AbortSignal.any([signal, failed.signal]);
      const writing = writeTable(session, rows, typed, target, context).catch((error: unknown) => {
        failed.abort(error);
        throw error;
      });
      const sending = pipe
        .writer(stop)
        .then((writer) => pipeline(client.query(copyTo(statement)), writer, { signal: stop }));
      // The end of the pipe ends the other side too, whatever became of this one; the first to fail tells why.
      const [sent, wrote] = await Promise.allSettled([sending, writing]);
      if (failed.signal.aborted) throw failed.signal.reason;
      if (sent.status === 'rejected') throw sent.reason;
      if (wrote.status === 'rejected') throw wrote.reason;
      return wrote.value;
    });
  } catch (error) {
    throw nodeErrorOf(error, 'rows of the query');
  } finally {
    await pipe.remove();
  }
}

const nulls = (types: Record<string, string>): string =>
  Object.entries(types)
    .map(([name, type]) => `NULL::${type} AS ${ident(name)}`)
    .join(', ');
