/**
 * A row: a value for each column. What is read are null, booleans, numbers, `bigint` for integers that a number would
 * round, texts (also dates and times, as ISO 8601, and decimals that a number would round), bytes, and lists and objects of these.
 * What is written may be a `Date` as well.
 */
export type Row = Record<string, unknown>;

/** Rows one by one, or some at a time, as they come or all at once. */
export type RowsToWrite = Iterable<object> | AsyncIterable<object>;

export interface WriteOptions {
  /** All columns with DuckDB's types, instead of finding out what they are; other keys are left out. */
  columns?: Record<string, string>;
}

/** The tables of the nodes directly before this one, and its own. */
export interface TaskTables {
  /** Which of the nodes before have made a table. */
  readonly names: readonly string[];
  /** The columns of such a table with DuckDB's types, as `write` takes them. @throws Error when that node made none */
  columns(nodeId: string): Record<string, string>;
  /** How many rows it has. */
  count(nodeId: string): number;
  /**
   * Its rows in the order in which they were written, up to 2048 at a time; the next are read when they are asked for, so a
   * table of any size fits.
   */
  read<R extends object = Row>(nodeId: string): AsyncIterable<R[]>;
  /**
   * Writes the table of this node, whose config says `table: true`, and resolves once all rows are taken. At most once per
   * attempt; nobody sees the table before the task ends SUCCESS.
   */
  write(rows: RowsToWrite, options?: WriteOptions): Promise<{ rows: number }>;
}
