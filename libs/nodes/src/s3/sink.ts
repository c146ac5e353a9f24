import { randomUUID } from 'node:crypto';
import { mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type NodeContext, type NodeResult } from '../node-kind.js';
import { formatOptions } from '../sink/format-options.js';
import { type TableSink } from '../sink/table-sink.js';
import { chooseFormat, endingsOf, FILE_FORMATS, type FileFormat, formatOf } from '../tables/file-format.js';
import { countOf } from '../tables/sql-text.js';
import { nodeErrorOf } from '../tables/table-errors.js';
import { inSession, parquetRows, shortened, type TableInput } from '../tables/table-output.js';
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
  const appends = config['write_mode'] === 'append';
  const format = appends
    ? ((config['format'] ?? 'parquet') as FileFormat)
    : chooseFormat(String(config['key']), config['format']);
  const key = appends ? partOf(context, format) : String(config['key']);
  const folder = join(settings.duckdb.tempDirectory, `object-${randomUUID()}`);
  const file = join(folder, 'data');
  await mkdir(folder, { recursive: true });
  try {
    const rows = await inSession(context, { paths: [table.path], directories: [folder] }, (session) =>
      session.copy(parquetRows(table.path), file, `${formatOptions(format, key, true)}, USE_TMP_FILE false`),
    );
    const { size: bytes } = await stat(file);
    // The SDK is loaded by those who need it.
    const { withS3 } = await import('./client.js');
    const bucket = await withS3(connection!, settings.egressAllowPrivate, signal, async (store) => {
      const bucket = store.bucket(config['bucket']);
      await store.upload(bucket, key, file, { absent: config['write_mode'] === 'error' });
      return bucket;
    });
    const shown = `s3://${bucket}/${key}`;
    context.log('INFO', `wrote ${countOf(rows, 'row')} to ${shown}`);
    const { columns } = table;
    const use = { access: 'write' as const, namespace: `s3://${bucket}`, name: key, columns, rows, bytes };
    const output = { rows, bytes, columns: shortened(columns), path: shown };
    return { output, rows, bytes, datasets: [use] };
  } catch (error) {
    throw nodeErrorOf(error, 'rows for the object');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The same one in every attempt. */
function partOf({ config, run, task }: NodeContext, format: FileFormat): string {
  const index = task.index === undefined ? '' : `-${task.index}`;
  const ending = formatOf(String(config['key'])).ending ?? endingsOf(format)[0]!;
  return `${String(config['key'])}part-${run.id}-${task.node_id}${index}${ending}`;
}
