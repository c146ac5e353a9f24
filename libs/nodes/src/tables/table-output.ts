import { type Column, type ErrorDetail, type NodeDefinition } from '@tauro/domain';
import { type Done, NodeError, type NodeContext, type TableRef } from '../node-kind.js';
import { type DuckDbSession, type FileAccess, withDuckDb } from './duckdb.js';
import { literal } from './sql-text.js';

/**
 * Between nodes speed counts more than size: snappy is as fast to write as no compression and faster to read
 * than zstd. The file is nobody's until the finish of this claim names it, so it needs no temporary name.
 */
const PARQUET = 'FORMAT parquet, COMPRESSION snappy, USE_TMP_FILE false';

/** Works in a DuckDB of this attempt's own, which reaches the given files and ends with it. */
export const inSession = <T>(
  context: NodeContext,
  access: FileAccess,
  work: (session: DuckDbSession) => Promise<T>,
): Promise<T> =>
  withDuckDb(
    {
      limits: context.settings.duckdb,
      signal: context.signal,
      progress: (fraction) => context.progress(fraction),
      ...access,
    },
    work,
  );

/** Where this attempt writes its table. */
export interface TableTarget {
  key: string;
  path: string;
}

export async function tableTarget({ artifacts, run, task }: NodeContext): Promise<TableTarget> {
  const key = artifacts.tableKey(run.id, task.node_id, task.claim_id);
  return { key, path: await artifacts.pathForWriting(key) };
}

/** What an attempt yields that has made a table. */
export type TableMade = Done & { table: TableRef; rows: number };

/** Writes a query's rows as this attempt's table; the session must have been given `target.path`. */
export async function writeTable(
  session: DuckDbSession,
  query: string,
  columns: Column[],
  target: TableTarget,
  { artifacts }: NodeContext,
): Promise<TableMade> {
  const rows = await session.copy(query, target.path, PARQUET);
  const bytes = await artifacts.size(target.key);
  const table = { artifact: target.key, rows, bytes, columns };
  return { output: { rows, bytes, columns: shortened(columns) }, table, rows, bytes };
}

/** An output holds 64 KB; thousands of columns are cut there, never in the table. */
const COLUMN_BUDGET = 32_000;

export function shortened(columns: readonly Column[]): { name: string; type: string }[] {
  let budget = COLUMN_BUDGET;
  const kept = columns.filter(({ name, type }) => (budget -= name.length + type.length + 24) > 0);
  return kept.map(({ name, type }) => ({ name, type }));
}

/** An upstream node's table as a node reads it. */
export interface TableInput {
  node_id: string;
  path: string;
  columns: Column[];
  rows: number;
}

/** The upstream nodes that made a table; the others only come before. @throws NodeError when none did */
export function tableInputs({ inputs, artifacts }: NodeContext): TableInput[] {
  const tables = inputs.flatMap(({ node_id, table }) =>
    table
      ? [{ node_id, path: artifacts.path(table.artifact), columns: table.columns, rows: table.rows }]
      : [],
  );
  if (tables.length === 0) throw new NodeError('NoTable', NO_TABLE, false);
  return tables;
}

const NO_TABLE =
  'no upstream node made a table; it needs an edge from a source or processor node, or from a task or command with a table';

/** The upstream nodes that will make a table, for checks before there is a run; or why there is a fault. */
export function tableUpstream(upstream: readonly NodeDefinition[]): { ids: string[]; fault?: ErrorDetail } {
  const ids = upstream.filter(makesTable).map(({ id }) => id);
  return ids.length > 0
    ? { ids }
    : { ids, fault: { field: 'depends_on', message: NO_TABLE, type: 'missing' } };
}

/** Tasks and commands say by their config whether they make one. */
const makesTable = ({ type, config }: NodeDefinition): boolean =>
  ['source', 'processor'].includes(type) ||
  (['task', 'command'].includes(type) && config?.['table'] !== undefined);

/** The rows of a Parquet file in the order they were written. */
export const parquetRows = (path: string): string => `SELECT * FROM read_parquet(${literal(path)})`;
