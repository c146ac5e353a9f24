import { type Column } from '@tauro/domain';
import { NodeError } from '../node-kind.js';
import { findColumn, namesOf } from './sql-text.js';

/** The columns that names mean. @throws NodeError naming the first that does not exist */
export function columnsNamed(columns: readonly Column[], names: readonly string[], place: string): Column[] {
  return names.map((name) => {
    const column = findColumn(columns, name);
    if (column) return column;
    const message = `${place}: column '${name}' does not exist (columns: ${namesOf(columns)})`;
    throw new NodeError('ColumnNotFound', message, false);
  });
}
