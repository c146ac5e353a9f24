import { type OpenConnection } from '../connections/connection-kind.js';

/** What a file of a server is called among the datasets of all systems. @param path absolute */
export const serverDataset = (
  { config: { host, port } }: OpenConnection,
  path: string,
): { namespace: string; name: string } => ({
  namespace: `sftp://${String(host)}:${Number(port ?? 22)}`,
  name: path,
});
