import { type Json } from '@tauro/domain';
import { connectionName } from '../connections/schema-parts.js';
import { type NodeContext, type NodeResult } from '../node-kind.js';
import { tableOfFetched } from '../source/fetched-files.js';
import { FILE_OPTIONS } from '../source/file-source.schema.js';
import { INCREMENTAL_FILES } from '../source/incremental.js';
import { type TableSource } from '../source/table-source.js';
import { FILE_FORMATS } from '../tables/file-format.js';
import { type ServerFile, type SftpFiles } from './client.js';
import { serverDataset } from './dataset.js';

/** Files of a server, read as one table. */
export const sftpSource: TableSource = {
  type: 'sftp',
  connection: 'sftp',
  schema: {
    type: 'object',
    required: ['source_type', 'path'],
    additionalProperties: false,
    properties: {
      source_type: { const: 'sftp' },
      connection: connectionName('sftp'),
      path: {
        type: 'string',
        minLength: 1,
        maxLength: 4096,
        description:
          'A file, a folder of files, or a glob such as `out/2025-*.csv.gz`, from the folder of the connection.',
      },
      format: {
        enum: FILE_FORMATS,
        description: 'Told by the endings of the files when left out; .gz and .zst are fine.',
      },
      options: FILE_OPTIONS,
      incremental: INCREMENTAL_FILES,
    },
  },

  pins: (context) =>
    onServer(context, async (_files, found): Promise<Json> => {
      return found.map(({ key, size, modified }) => [key, size, modified]);
    }),

  read: (context) =>
    onServer(context, async (files, found): Promise<NodeResult> => {
      const { namespace } = serverDataset(context.connection!, '');
      const { fetched, ...made } = await tableOfFetched(context, found, {
        shown: ({ key }) => `${namespace}${key}`,
        fetch: (file, path) => files.download(file, path),
      });
      const place = serverDataset(context.connection!, await files.absolute(String(context.config['path'])));
      const { rows, table } = made;
      return {
        ...made,
        datasets: [{ access: 'read', ...place, columns: table.columns, rows, bytes: fetched }],
      };
    }),
};

async function onServer<T>(
  { config, connection, settings, signal }: NodeContext,
  work: (files: SftpFiles, found: ServerFile[]) => Promise<T>,
): Promise<T> {
  // The client is loaded by those who need it.
  const [{ withSftp }, { filesNamed }] = await Promise.all([import('./client.js'), import('./paths.js')]);
  const { egressAllowPrivate } = settings;
  return withSftp(connection!, { egressAllowPrivate, signal }, async (files) =>
    work(files, await filesNamed(files, String(config['path']), config['format'])),
  );
}
