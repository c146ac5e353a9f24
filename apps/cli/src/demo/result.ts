import { existsSync } from 'node:fs';
import { resolve } from 'node:path';

import { type TaskView } from './run-views.js';

/** The rows that a run leaves for people to read. */
export interface Result {
  /** Where they are. */
  from: string;
  columns: string[];
  rows: Record<string, unknown>[];
}

const ROWS = 12;
const READABLE = /\.(csv|parquet|json|ndjson)$/i;

/** The first rows of the last table that the run showed (a console sink) or wrote (a file sink). */
export async function resultOf(tasks: TaskView[]): Promise<Result | undefined> {
  const finished = tasks.filter((task) => task.state === 'SUCCESS').reverse();
  for (const task of finished) {
    const shown = previewIn(task.output);
    if (shown) return { from: task.node_id, ...shown };
  }
  const files = finished.flatMap((task) => filesIn(task.output)).filter((path) => existsSync(path));
  const path = files.find((file) => file.endsWith('.csv')) ?? files[0];
  if (!path) return undefined;
  return { from: path, ...(await firstRows(resolve(path))) };
}

/** DuckDB knows all the formats; it is loaded only when there is something to show. */
async function firstRows(path: string): Promise<Omit<Result, 'from'>> {
  const { DuckDBInstance } = await import('@duckdb/node-api');
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  const connection = await instance.connect();
  try {
    const reader = await connection.runAndReadAll(
      `SELECT * FROM '${path.replaceAll("'", "''")}' LIMIT ${ROWS}`,
    );
    return { columns: reader.columnNames(), rows: reader.getRowObjectsJson() };
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

interface Preview {
  columns: (string | { name: string })[];
  rows: Record<string, unknown>[];
}

function previewIn(output: unknown): Omit<Result, 'from'> | undefined {
  const preview = (output as { preview?: Preview } | null)?.preview;
  if (!Array.isArray(preview?.rows) || !Array.isArray(preview.columns)) return undefined;
  const columns = preview.columns.map((column) => (typeof column === 'string' ? column : column.name));
  return { columns, rows: preview.rows.slice(0, ROWS) };
}

/** A file sink names its files somewhere in its output. */
function filesIn(output: unknown): string[] {
  if (typeof output === 'string') return READABLE.test(output) ? [output] : [];
  if (output === null || typeof output !== 'object') return [];
  return Object.values(output).flatMap(filesIn);
}
