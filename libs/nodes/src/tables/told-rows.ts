import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { NodeError, type NodeContext } from '../node-kind.js';
import { checkNames, type TextColumn } from './csv-stream.js';
import { literal, structLiteral } from './sql-text.js';
import { nodeErrorOf } from './table-errors.js';
import { inSession, type TableMade, tableTarget, writeTable } from './table-output.js';
import { columnOf, ToldColumns } from './told-columns.js';
import { type Told } from './told-value.js';

const MAX_COLUMNS = 5000;
/** Bytes of one row as JSON. */
const MAX_ROW_BYTES = 64 * 1024 * 1024;
/** Characters that are written at once. */
const CHUNK = 64 * 1024;

/** Rows whose values say what they are. */
export interface ToldRows {
  /** Names and values of each. */
  rows: AsyncIterable<[string, Told][]> | Iterable<[string, Told][]>;
  columns?: ToldColumns;
  /** What messages call them. */
  what: string;
}

/**
 * Makes this attempt's table of rows of which only the last one tells what the columns are, by way of a file of the scratch
 * folder. @param declared all columns with their types; others are left out
 */
export async function tableOfTold(
  context: NodeContext,
  { columns = new ToldColumns(), ...rows }: ToldRows,
  declared?: Record<string, string>,
): Promise<TableMade> {
  const { settings, signal } = context;
  const { tempDirectory, maxTempDiskMb } = settings.duckdb;
  const file = join(tempDirectory, `rows-${randomUUID()}.ndjson`);
  await mkdir(tempDirectory, { recursive: true });
  try {
    await writeTold(file, { ...rows, columns }, maxTempDiskMb, signal);
    return await tableOfLines(context, file, columnsOf(columns, declared), rows.what);
  } finally {
    await rm(file, { force: true });
  }
}

/** Writes rows as lines of JSON, whatever there are; `columns` then know what they are. @throws NodeError beyond `mostMb` */
export async function writeTold(
  file: string,
  { rows, columns, what }: Required<ToldRows>,
  mostMb: number,
  signal: AbortSignal,
): Promise<void> {
  const lines = linesOf(rows, columns, what, mostMb * 1024 * 1024);
  await pipeline(Readable.from(lines, { highWaterMark: 4 }), createWriteStream(file), { signal });
}

async function* linesOf(
  rows: ToldRows['rows'],
  columns: ToldColumns,
  what: string,
  most: number,
): AsyncGenerator<string> {
  let bytes = 0;
  let text = '';
  for await (const row of rows) {
    for (const [name, value] of row) columns.see(name, value);
    if (columns.size > MAX_COLUMNS) {
      const message = `${what} have more than ${MAX_COLUMNS} different keys; name those that matter`;
      throw new NodeError('InvalidConfig', message, false);
    }
    text += `{${row.map(([name, { json }]) => `${JSON.stringify(name)}:${json}`).join(',')}}\n`;
    if (text.length < CHUNK) continue;
    bytes += Buffer.byteLength(text);
    if (bytes > most) {
      const message = `${what} need more than DUCKDB_TEMP_DISK_MB lets a node use`;
      throw new NodeError('OutOfMemory', message, false);
    }
    yield text;
    text = '';
  }
  if (text !== '') yield text;
}

function columnsOf(seen: ToldColumns, declared?: Record<string, string>): TextColumn[] {
  if (declared) return Object.entries(declared).map(([name, type]) => columnOf(name, type));
  // A table has a column at least.
  return seen.size === 0 ? [columnOf('_id', 'VARCHAR')] : seen.all;
}

/** Makes this attempt's table of a file of such lines. */
export async function tableOfLines(
  context: NodeContext,
  file: string,
  columns: readonly TextColumn[],
  what: string,
): Promise<TableMade> {
  checkNames(
    columns.map(({ name }) => name),
    {},
  );
  const target = await tableTarget(context);
  const types = Object.fromEntries(columns.map(({ name, read }) => [name, read]));
  const options = `format = 'newline_delimited', maximum_object_size = ${MAX_ROW_BYTES}, columns = ${structLiteral(types)}`;
  const query = `SELECT ${columns.map(({ taken }) => taken).join(', ')} FROM read_json(${literal(file)}, ${options})`;
  try {
    return await inSession(context, { paths: [file, target.path] }, async (session) =>
      writeTable(session, query, await session.columns(query), target, context),
    );
  } catch (error) {
    throw nodeErrorOf(error, what);
  }
}
