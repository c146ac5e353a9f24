import { type ErrorDetail, type NodeDefinition } from '@tauro/domain';
import { NodeError, type NodeContext } from '../node-kind.js';
import { columnsNamed } from '../tables/named-columns.js';
import { COLUMN_NAMES } from '../tables/schema-parts.js';
import { namesOf } from '../tables/sql-text.js';
import { type TableInput } from '../tables/table-output.js';

/** What a sink of a database does with the rows that are there. */
export type WriteMode = 'append' | 'overwrite' | 'upsert' | 'error';
/** And with columns that are not. */
export type Drift = 'fail' | 'add' | 'ignore';

/** @param how what the modes promise there */
export const writeModes = (how: string): Record<string, unknown> => ({
  write_mode: {
    enum: ['append', 'overwrite', 'upsert', 'error'],
    description:
      'append (default) adds the rows; overwrite replaces all that is there; upsert replaces the rows of the same ' +
      `key and adds the others; error fails when the target exists. ${how}`,
  },
  key: {
    ...COLUMN_NAMES,
    description: 'For upsert: the columns that tell rows apart. Of equal ones the last row counts.',
  },
});

export const DRIFT = {
  enum: ['fail', 'add', 'ignore'],
  description:
    'What to do with columns that the table does not have: fail (default), add them to the table, or leave them out.',
};

/** Whether there is a key exactly when it is needed. */
export function keyFaults({ config = {} }: NodeDefinition): ErrorDetail[] {
  const { write_mode, key } = config;
  if ((write_mode === 'upsert') === (key !== undefined)) return [];
  return key === undefined
    ? [{ field: 'config.key', message: 'upsert needs the columns that tell rows apart', type: 'missing' }]
    : [{ field: 'config.key', message: 'is for write_mode upsert alone', type: 'value_error' }];
}

/** The mode and the columns of the key of a config. @throws NodeError when the rows have no such column */
export function modeOf(
  { config }: NodeContext,
  { columns }: TableInput,
): { mode: WriteMode; key: string[]; drift: Drift } {
  const key = columnsNamed(columns, (config['key'] ?? []) as string[], 'key').map(({ name }) => name);
  return {
    mode: (config['write_mode'] ?? 'append') as WriteMode,
    drift: (config['drift'] ?? 'fail') as Drift,
    key,
  };
}

/**
 * Which columns are written to a table that is there, and which of them it must be given first.
 * @param there its columns; @param same what two names have in common that are one to the database
 * @throws NodeError 'ColumnMismatch' for new ones, unless something is to be done with them
 */
export function fitColumns(
  columns: TableInput['columns'],
  there: readonly string[],
  { drift, shown, same = (name) => name }: { drift: Drift; shown: string; same?: (name: string) => string },
): { columns: TableInput['columns']; added: TableInput['columns'] } {
  const known = new Set(there.map(same));
  const added = columns.filter(({ name }) => !known.has(same(name)));
  if (added.length === 0 || drift === 'add') return { columns, added };
  if (drift === 'fail') {
    const message = `table ${shown} has no column ${namesOf(added)} (columns: ${there.join(', ')}); set drift to add or ignore`;
    throw new NodeError('ColumnMismatch', message, false);
  }
  const both = columns.filter(({ name }) => known.has(same(name)));
  if (both.length > 0) return { columns: both, added: [] };
  throw new NodeError('ColumnMismatch', `table ${shown} has none of the columns ${namesOf(columns)}`, false);
}

/** @throws NodeError when a column of the key is not among those that are written */
export function checkKey(columns: TableInput['columns'], key: readonly string[], shown: string): void {
  const lost = key.find((name) => !columns.some((column) => column.name === name));
  if (lost === undefined) return;
  throw new NodeError('ColumnMismatch', `key: table ${shown} has no column '${lost}'`, false);
}

/** What a mode says of a target that must not be there. */
export const targetExists = (what: string): NodeError =>
  new NodeError('TargetExists', `${what} exists already, and write_mode is error`, false);
