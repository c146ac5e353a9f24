import { type OpenConnection } from '../connections/connection-kind.js';
import { partsOf } from './table-name.js';

/** What a table is called among the datasets of all systems, as OpenLineage has it. */
export function tableDataset({ config }: OpenConnection, table: string): { namespace: string; name: string } {
  const { host, port, database, schema } = config;
  const [name, own] = partsOf(table).reverse() as [string, string?];
  return {
    namespace: `postgres://${String(host)}:${Number(port ?? 5432)}`,
    name: `${String(database)}.${own ?? String(schema ?? 'public')}.${name}`,
  };
}
