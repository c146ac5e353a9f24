import { type NodeContext, type NodeResult, type TableFile } from '../node-kind.js';
import { tableOf } from '../source/file-source.js';
import { chooseFormat } from '../tables/file-format.js';

/** What `context.adoptTable` promises, for the process in which DuckDB runs. */
export const adoptTable = (
  { path, shown, format }: TableFile,
  context: NodeContext,
): Promise<NodeResult & { rows: number }> =>
  tableOf({ files: [path], format: chooseFormat(shown, format), options: {}, display: () => shown }, context);
