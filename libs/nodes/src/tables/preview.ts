import { tmpdir } from 'node:os';
import { type Column, type JsonObject } from '@tauro/domain';
import { NodeError } from '../node-kind.js';
import { type NodeSettings } from '../settings.js';
import { type DuckDbSession, withDuckDb } from './duckdb.js';
import { formatOf, type FileFormat } from './file-format.js';
import { jsonObject, parseRow } from './json-rows.js';
import { literal } from './sql-text.js';
import { nodeErrorOf } from './table-errors.js';

/** The first rows of a table as plain JSON. */
export interface TablePreview {
  columns: Column[];
  rows: JsonObject[];
}

const LIMITS = { memoryLimitMb: 256, threads: 1, maxTempDiskMb: 256 };

const READERS: Partial<Record<FileFormat, string>> = {
  csv: 'read_csv',
  json: 'read_json',
  ndjson: 'read_ndjson',
  parquet: 'read_parquet',
};

/**
 * Reads the first rows of one file that a node wrote (Parquet, CSV, JSON, by its ending). Numbers that JavaScript
 * would round and what JSON has no number for come as text, and so do dates and times.
 * @param path absolute
 * @throws NodeError when the file cannot be read
 */
export async function readTablePreview(
  path: string,
  { limit = 20, duckdb }: { limit?: number; duckdb?: NodeSettings['duckdb'] } = {},
): Promise<TablePreview> {
  const { format } = formatOf(path);
  if (!format || !READERS[format])
    throw new NodeError('UnknownFormat', `cannot tell the format of ${path}`, false);
  const limits = duckdb ?? { ...LIMITS, tempDirectory: tmpdir() };
  try {
    return await withDuckDb({ limits, paths: [path] }, (session) =>
      previewOf(session, `SELECT * FROM ${READERS[format]}(${literal(path)})`, limit),
    );
  } catch (error) {
    throw nodeErrorOf(error, 'preview');
  }
}

/** The first rows of a query as plain JSON. */
export async function previewOf(session: DuckDbSession, query: string, limit: number): Promise<TablePreview> {
  const columns = await session.columns(query);
  const rows = await session.texts(`SELECT ${jsonObject(columns)} FROM (${query} LIMIT ${limit})`);
  return { columns, rows: rows.map(parseRow) };
}
