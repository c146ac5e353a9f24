import { randomUUID } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Json } from '@tauro/domain';
import { NodeError, type NodeContext, type NodeResult } from '../node-kind.js';
import { FILE_OPTIONS } from '../source/file-source.schema.js';
import { type FileOptions } from '../source/file-reader.js';
import { tableOf } from '../source/file-source.js';
import { type TableSource } from '../source/table-source.js';
import { FILE_FORMATS, oneFormat } from '../tables/file-format.js';
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

/** By way of files in the scratch folder: the readers of formats look at a file more than once. */
async function read(
  context: NodeContext,
  store: ObjectStore,
  bucket: string,
  objects: StoredObject[],
): Promise<NodeResult> {
  const { maxTempDiskMb, tempDirectory } = context.settings.duckdb;
  const bytes = objects.reduce((sum, { size }) => sum + size, 0);
  if (bytes > maxTempDiskMb * 1024 * 1024) {
    const message = `the objects have ${bytes} bytes, more than DUCKDB_TEMP_DISK_MB (${maxTempDiskMb}) lets a node use`;
    throw new NodeError('OutOfMemory', message, false);
  }
  const format = oneFormat(
    objects.map(({ key }) => key),
    context.config['format'],
  );
  const folder = join(tempDirectory, `objects-${randomUUID()}`);
  const shown = new Map<string, string>();
  await mkdir(folder, { recursive: true });
  try {
    for (const [i, { key }] of objects.entries()) {
      // The ending says how it is compressed.
      const path = join(folder, `${i}-${key.slice(key.lastIndexOf('/') + 1).slice(-100)}`);
      shown.set(path, `s3://${bucket}/${key}`);
      await store.download(bucket, key, path);
      context.progress((0.5 * (i + 1)) / objects.length);
    }
    const options = (context.config['options'] ?? {}) as FileOptions;
    const display = (path: string): string => shown.get(path) ?? path;
    const made = await tableOf({ files: [...shown.keys()], format, options, display }, context);
    const name = String(context.config['key'] ?? context.config['prefix'] ?? context.config['glob']);
    const { rows, table } = made;
    const use = {
      access: 'read' as const,
      namespace: `s3://${bucket}`,
      name,
      columns: table.columns,
      rows,
      bytes,
    };
    return { ...made, datasets: [use] };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
