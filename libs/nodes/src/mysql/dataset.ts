import { type OpenConnection } from '../connections/connection-kind.js';
import { type TableName } from './table-name.js';

/** What a table is called among the datasets of all systems, as OpenLineage has it. */
export const tableDataset = (
  { config: { host, port } }: OpenConnection,
  { database, name }: TableName,
): { namespace: string; name: string } => ({
  namespace: `mysql://${String(host)}:${Number(port ?? 3306)}`,
  name: `${database}.${name}`,
});
