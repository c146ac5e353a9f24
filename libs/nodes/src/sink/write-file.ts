import { writeForeign } from '../formats/convert.js';
import { isForeign } from '../formats/foreign-formats.js';
import { NodeError } from '../node-kind.js';
import { type DuckDbSession } from '../tables/duckdb.js';
import { type FileFormat, formatOf } from '../tables/file-format.js';
import { parquetRows, type TableInput } from '../tables/table-output.js';
import { formatOptions } from './format-options.js';

/** What a file is to be like. */
export interface FileShape {
  format: FileFormat;
  /** What it is to be called, which says how it is separated and compressed. */
  target: string;
  header: boolean;
}

/** Writes a table into one file, to which the session has access. @returns how many rows */
export function writeFile(
  session: DuckDbSession,
  { path: table, columns }: TableInput,
  { format, target, header }: FileShape,
  path: string,
): Promise<number> {
  const rows = parquetRows(table);
  if (!isForeign(format)) {
    return session.copy(rows, path, `${formatOptions(format, target, header)}, USE_TMP_FILE false`);
  }
  if (formatOf(target).compression) {
    const message = `'${target}': ${format} files are not compressed as a whole; leave the second ending away`;
    throw new NodeError('InvalidConfig', message, false);
  }
  return writeForeign(session, format, rows, columns, path);
}
