import { type Column } from '@tauro/domain';

/** A row as it goes into a line of JSON: what DuckDB cannot take as JSON is a text that it can cast. */
export type LineRow = Record<string, unknown>;

/** What a reader of a format needs. */
export interface ForeignFile {
  path: string;
  /** Its name, for people. */
  shown: string;
  /** `config.options` of the source. */
  options: { header?: boolean; skip_lines?: number; sheet?: string };
  /** Most bytes that a part of it may unpack to. */
  maxBytes: number;
}

/**
 * A format that DuckDB does not know. Rows go through lines of JSON on the way to it, and through texts on the way back, some at a
 * time, so that no file is ever whole in memory.
 */
export interface ForeignFormat {
  /** Hands all rows to `take`. @returns the type of each column. @throws NodeError for a file that is none of this format */
  read(file: ForeignFile, take: (row: LineRow) => Promise<void>): Promise<Record<string, string>>;
  /** SQL of a column's value as the text that `write` takes. */
  text(column: Column): string;
  /** Makes a file of rows of such texts. */
  write(path: string, columns: readonly Column[], rows: AsyncIterable<(string | null)[]>): Promise<void>;
}
