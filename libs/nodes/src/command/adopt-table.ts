import { type NodeContext, type TableFile } from '../node-kind.js';
import { tableOf } from '../source/file-source.js';
import { chooseFormat } from '../tables/file-format.js';
import { columnOf } from '../tables/told-columns.js';
import { tableOfLines } from '../tables/told-rows.js';
import { type TableMade } from '../tables/table-output.js';

/** What `context.adoptTable` promises, for the process in which DuckDB runs. */
export const adoptTable = (
  { path, shown, format, columns }: TableFile,
  context: NodeContext,
): Promise<TableMade> =>
  columns
    ? tableOfLines(
        context,
        path,
        columns.map(({ name, type }) => columnOf(name, type)),
        shown,
      )
    : tableOf(
        { files: [path], format: chooseFormat(shown, format), options: {}, display: () => shown },
        context,
      );
