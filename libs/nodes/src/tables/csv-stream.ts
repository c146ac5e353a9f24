import { pipeline } from 'node:stream/promises';
import { NodeError, type NodeContext } from '../node-kind.js';
import { NamedPipe } from './named-pipe.js';
import { ident, literal, structLiteral } from './sql-text.js';
import { nodeErrorOf } from './table-errors.js';
import { inSession, type TableMade, tableTarget, writeTable } from './table-output.js';

/** The longest row as text; two of them is what the reader has in memory. */
const MAX_ROW_BYTES = 16 * 1024 * 1024;

/** How a column comes over as text: what it is read as, and what is made of that. */
export interface TextColumn {
  name: string;
  /** The type as which DuckDB reads the text. */
  read: string;
  /** An expression of DuckDB's. */
  taken: string;
}

/** What comes as CSV: without a header, nothing for NULL, and `""` for an empty text. */
export type CsvText = NodeJS.ReadableStream | AsyncIterable<string>;

/**
 * Makes this attempt's table of what another system sends as CSV, whatever its size: only what a pipe holds is ever in
 * memory. @param send begins to send, once somebody listens
 */
export async function tableOfCsv(
  context: NodeContext,
  columns: readonly TextColumn[],
  send: () => CsvText,
): Promise<TableMade> {
  const { settings, signal } = context;
  const pipe = await NamedPipe.create(settings.duckdb.tempDirectory);
  const target = await tableTarget(context);
  const types = Object.fromEntries(columns.map(({ name, read }) => [name, read]));
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
    `columns = ${structLiteral(types)}`,
  ];
  const taken = columns.map((column) => column.taken).join(', ');
  const rows = `SELECT ${taken} FROM read_csv(${reader.join(', ')})`;
  try {
    return await inSession(context, { paths: [pipe.path, target.path] }, async (session) => {
      const typed = await session.columns(`SELECT ${taken} FROM (SELECT ${nulls(types)})`);
      const failed = new AbortController();
      const stop = AbortSignal.any([signal, failed.signal]);
      const writing = writeTable(session, rows, typed, target, context).catch((error: unknown) => {
        failed.abort(error);
        throw error;
      });
      const sending = pipe.writer(stop).then((writer) => pipeline(send(), writer, { signal: stop }));
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

/** @throws NodeError when a table cannot have these columns, or when one was declared that is not there */
export function checkNames(names: readonly string[], declared: Readonly<Record<string, string>>): void {
  const unknown = Object.keys(declared).find((name) => !names.includes(name));
  if (unknown !== undefined) {
    const message = `columns: column '${unknown}' does not exist (columns: ${names.join(', ')})`;
    throw new NodeError('ColumnNotFound', message, false);
  }
  const twice = names.find(
    (name, i) => names.findIndex((one) => one.toLowerCase() === name.toLowerCase()) < i,
  );
  if (twice === undefined) return;
  throw new NodeError('DuplicateColumn', `two columns are called '${twice}'`, false);
}
