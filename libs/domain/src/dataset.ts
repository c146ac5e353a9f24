import { createHash } from 'node:crypto';
import { type Column } from './table.js';

/** Data outside of runs that an attempt has read or written. */
export interface DatasetUse {
  access: 'read' | 'write';
  /** Where it lies, as OpenLineage names such places: `file`, `https://api.example.com`, `postgres://db:5432`. */
  namespace: string;
  /** Its name there: the path of a file, folder or glob, the path of a URL, `database.schema.table`. */
  name: string;
  /** Its columns, where they are known. */
  columns?: Column[];
  /** Rows and bytes of it that were read or written, where they are known. */
  rows?: number;
  bytes?: number;
}

/** Datasets that one attempt may tell of; whoever reads more files names the folder or glob. */
export const MAX_DATASET_USES = 100;
const MAX_NAME = 4096;
/** Characters that the columns of all of them may have together; they are stored with the task. */
const COLUMN_BUDGET = 256_000;

/** As much of it as is kept: columns that are too many are left out. */
export function boundUses(uses: readonly DatasetUse[]): DatasetUse[] {
  let left = COLUMN_BUDGET;
  return uses.slice(0, MAX_DATASET_USES).map(({ name, columns, ...use }) => {
    const size = columnSize(columns);
    const fits = size <= left;
    if (fits) left -= size;
    const kept = name.length > MAX_NAME ? `${name.slice(0, MAX_NAME - 1)}…` : name;
    return { ...use, name: kept, ...(columns && fits && { columns }) };
  });
}

/** Characters of columns as JSON, about. */
export const columnSize = (columns: readonly Column[] = []): number =>
  columns.reduce((size, { name, type }) => size + name.length + type.length + 22, 0);

/** The id of a project's record of a dataset: always the same one, so that two runs that find it first store it once. */
export function datasetId(projectId: string, namespace: string, name: string): string {
  const digest = createHash('sha256')
    .update(JSON.stringify([projectId, namespace, name]))
    .digest('hex');
  return `ds_${digest.slice(0, 26)}`;
}
