import { type Column } from '@tauro/domain';
import { findColumn, ident, literal } from './sql-text.js';

interface Table {
  view: string;
  columns: readonly Column[];
  /** The Parquet file whose rows these are, one by one, if so. */
  file?: string;
}

/** The rows with their position, from 0, as a column of this name. */
export function numbered({ view, columns, file }: Table): { query: string; position: string } {
  // A scan that counts for itself runs in parallel; a window over everything does not.
  if (file !== undefined && !findColumn(columns, 'file_row_number')) {
    const query = `SELECT * FROM read_parquet(${literal(file)}, file_row_number = true)`;
    return { query, position: 'file_row_number' };
  }
  const position = freeName(columns, 'row');
  return { query: `SELECT *, row_number() OVER () - 1 AS ${ident(position)} FROM ${ident(view)}`, position };
}

/** A name that no column has, for helper columns of a query. */
export function freeName(columns: readonly Column[], wish: string): string {
  let name = wish;
  while (findColumn(columns, name)) name += '_';
  return name;
}
