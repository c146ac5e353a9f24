import { type Json } from '@tauro/domain';
import { type NodeContext, type NodeResult } from '../node-kind.js';
import { tableOfFetched } from '../source/fetched-files.js';
import { FILE_OPTIONS } from '../source/file-source.schema.js';
import { INCREMENTAL_FILES } from '../source/incremental.js';
import { type TableSource } from '../source/table-source.js';
import { FILE_FORMATS } from '../tables/file-format.js';
import { namingFaults, objectsOf, SOURCE_NAMES } from './objects.js';
import { type ObjectStore, type StoredObject } from './client.js';

/** Objects of a store, read as one table. */
export const s3Source: TableSource = {
  type: 's3',
  connection: 's3',
  check: namingFaults,
  schema: {
    type: 'object',
    required: ['source_type'],
    additionalProperties: false,
    properties: {
      source_type: { const: 's3' },
      ...SOURCE_NAMES,
      format: {
        enum: FILE_FORMATS,
        description: 'Told by the endings of the keys when left out; .gz and .zst are fine.',
      },
      options: FILE_OPTIONS,
      incremental: INCREMENTAL_FILES,
    },
  },

  pins: (context) =>
    inStore(context, async (_store, bucket, objects): Promise<Json> => {
      return objects.map(({ key, size, etag }) => [bucket, key, size, etag]);
    }),

  read: (context) => inStore(context, (store, bucket, objects) => read(context, store, bucket, objects)),
};

async function inStore<T>(
  { config, connection, settings, signal }: NodeContext,
  work: (store: ObjectStore, bucket: string, objects: StoredObject[]) => Promise<T>,
): Promise<T> {
  // The SDK is loaded by those who need it.
  const { withS3 } = await import('./client.js');
  return withS3(connection!, settings.egressAllowPrivate, signal, async (store) => {
    const bucket = store.bucket(config['bucket']);
    return work(store, bucket, await objectsOf(store, bucket, config));
  });
}

async function read(
  context: NodeContext,
  store: ObjectStore,
  bucket: string,
  objects: StoredObject[],
): Promise<NodeResult> {
  const { fetched, ...made } = await tableOfFetched(context, objects, {
    shown: ({ key }) => `s3://${bucket}/${key}`,
    fetch: ({ key }, path) => store.download(bucket, key, path),
  });
  const name = String(context.config['key'] ?? context.config['prefix'] ?? context.config['glob']);
  const { rows, table } = made;
  const place = { namespace: `s3://${bucket}`, name };
  return { ...made, datasets: [{ access: 'read', ...place, columns: table.columns, rows, bytes: fetched }] };
}
