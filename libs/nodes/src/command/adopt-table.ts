import { type NodeContext, type TableFile } from '../node-kind.js';
import { tableOf } from '../source/file-source.js';
import { chooseFormat } from '../tables/file-format.js';
import { type TableMade } from '../tables/table-output.js';

/** What `context.adoptTable` promises, for the process in which DuckDB runs. */
export const adoptTable = ({ path, shown, format }: TableFile, context: NodeContext): Promise<TableMade> =>
  tableOf({ files: [path], format: chooseFormat(shown, format), options: {}, display: () => shown }, context);
