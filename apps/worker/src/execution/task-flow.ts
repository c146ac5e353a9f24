import { type TaskMetrics } from '@tauro/database';
import { type DatasetUse } from '@tauro/domain';
import { type Done, type NodeInput, type NodeKind } from '@tauro/nodes';

/** Rows and bytes that went into an attempt and came out of it: tables of the run, and data outside of it. */
export function metricsOf(
  { readsTables = false }: NodeKind,
  inputs: readonly NodeInput[],
  { rows = 0, bytes = 0, table, datasets = [] }: Done,
): TaskMetrics {
  const used = (access: DatasetUse['access']) => datasets.filter((one) => one.access === access);
  const read = [...(readsTables ? inputs.map((input) => input.table) : []), ...used('read')];
  const written = [table, ...used('write')];
  return {
    rows,
    bytes,
    rows_in: sum(read, 'rows'),
    bytes_in: sum(read, 'bytes'),
    rows_out: sum(written, 'rows'),
    bytes_out: sum(written, 'bytes'),
  };
}

const sum = (
  of: readonly ({ rows?: number; bytes?: number } | undefined)[],
  what: 'rows' | 'bytes',
): number => of.reduce((total, one) => total + (one?.[what] ?? 0), 0);
