import { type NodeContext, type NodeResult } from '../node-kind.js';
import { destinationOf, withStagedFile } from '../sink/staged-file.js';
import { type TableSink } from '../sink/table-sink.js';
import { FILE_FORMATS } from '../tables/file-format.js';
import { countOf } from '../tables/sql-text.js';
import { shortened, type TableInput } from '../tables/table-output.js';
import { OBJECT_NAMES } from './objects.js';

/** Rows as one object of a store. */
export const s3Sink: TableSink = {
  type: 's3',
  connection: 's3',
  write,
  schema: {
    type: 'object',
    required: ['destination', 'key'],
    additionalProperties: false,
    properties: {
      destination: { const: 's3' },
      ...OBJECT_NAMES,
      key: {
        type: 'string',
        minLength: 1,
        maxLength: 1024,
        description:
          'The object, such as `out/day.parquet`; with append what its key begins with, such as `out/`.',
      },
      format: {
        enum: FILE_FORMATS,
        description: "Told by the key's ending when left out (.gz and .zst compress); parquet with append.",
      },
      write_mode: {
        enum: ['overwrite', 'append', 'error'],
        description:
          'overwrite (default) replaces the object, at once; append adds one object per run and node, which an attempt ' +
          'that is repeated replaces; error fails when there is one already.',
      },
    },
  },
};

async function write(context: NodeContext, table: TableInput): Promise<NodeResult> {
  const { config, connection, settings, signal } = context;
  const destination = destinationOf(context, String(config['key']));
  const { key } = destination;
  return withStagedFile(context, table, destination, async ({ path, rows, bytes }) => {
    // The SDK is loaded by those who need it.
    const { withS3 } = await import('./client.js');
    const bucket = await withS3(connection!, settings.egressAllowPrivate, signal, async (store) => {
      const bucket = store.bucket(config['bucket']);
      await store.upload(bucket, key, path, { absent: config['write_mode'] === 'error' });
      return bucket;
    });
    const shown = `s3://${bucket}/${key}`;
    context.log('INFO', `wrote ${countOf(rows, 'row')} to ${shown}`);
    const { columns } = table;
    const use = { access: 'write' as const, namespace: `s3://${bucket}`, name: key, columns, rows, bytes };
    const output = { rows, bytes, columns: shortened(columns), path: shown };
    return { output, rows, bytes, datasets: [use] };
  });
}
