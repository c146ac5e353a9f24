import { type OpenConnection } from '../connections/connection-kind.js';

/** What a collection is called among the datasets of all systems. */
export const collectionDataset = (
  { config: { host, port, database } }: OpenConnection,
  collection: string,
): { namespace: string; name: string } => ({
  namespace: `mongodb://${String(host)}:${Number(port ?? 27_017)}`,
  name: `${String(database)}.${collection}`,
});
