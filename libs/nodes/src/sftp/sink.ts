import { posix } from 'node:path';
import { connectionName } from '../connections/schema-parts.js';
import { NodeError, type NodeContext, type NodeResult } from '../node-kind.js';
import { destinationOf, type StagedFile, withStagedFile } from '../sink/staged-file.js';
import { type TableSink } from '../sink/table-sink.js';
import { FILE_FORMATS } from '../tables/file-format.js';
import { countOf } from '../tables/sql-text.js';
import { shortened, type TableInput } from '../tables/table-output.js';
import { type SftpFiles } from './client.js';
import { serverDataset } from './dataset.js';

/** Rows as one file of a server. */
export const sftpSink: TableSink = {
  type: 'sftp',
  connection: 'sftp',
  write,
  schema: {
    type: 'object',
    required: ['destination', 'path'],
    additionalProperties: false,
    properties: {
      destination: { const: 'sftp' },
      connection: connectionName('sftp'),
      path: {
        type: 'string',
        minLength: 1,
        maxLength: 4096,
        description:
          'The file, such as `out/day.csv.gz`, from the folder of the connection; with append what its path begins with, such as `out/`. Folders are made.',
      },
      format: {
        enum: FILE_FORMATS,
        description: "Told by the path's ending when left out (.gz and .zst compress); parquet with append.",
      },
      write_mode: {
        enum: ['overwrite', 'append', 'error'],
        description:
          'overwrite (default) replaces the file, at once; append adds one file per run and node, which an attempt ' +
          'that is repeated replaces; error fails when there is one already.',
      },
    },
  },
};

async function write(context: NodeContext, table: TableInput): Promise<NodeResult> {
  const { config, connection, settings, signal } = context;
  const { egressAllowPrivate } = settings;
  const destination = destinationOf(context, String(config['path']));
  return withStagedFile(context, table, destination, async (file) => {
    // The client is loaded by those who need it.
    const { withSftp } = await import('./client.js');
    const target = await withSftp(connection!, { egressAllowPrivate, signal }, async (files) => {
      const target = await files.absolute(destination.key);
      await publish(context, files, file, target);
      return target;
    });
    const place = serverDataset(connection!, target);
    const { rows, bytes } = file;
    const { columns } = table;
    context.log('INFO', `wrote ${countOf(rows, 'row')} to ${place.namespace}${target}`);
    const output = { rows, bytes, columns: shortened(columns), path: `${place.namespace}${target}` };
    return { output, rows, bytes, datasets: [{ access: 'write', ...place, columns, rows, bytes }] };
  });
}

/** Under another name until it is whole; readers see the old file or the new one. */
async function publish(
  context: NodeContext,
  files: SftpFiles,
  { path }: StagedFile,
  target: string,
): Promise<void> {
  const { config, task, signal } = context;
  const mustBeNew = config['write_mode'] === 'error';
  const found = await files.stat(target);
  if (found?.isDirectory()) throw new NodeError('BadPath', `'${target}' is a folder; name a file`, false);
  if (found && mustBeNew) throw alreadyThere(target);
  const folder = posix.dirname(target);
  await files.makeFolder(folder);
  const prefix = `.${posix.basename(target)}.${task.id}.`;
  // Of earlier claims of this task, which died or are too late.
  for (const { filename } of await files.entries(folder)) {
    if (filename.startsWith(prefix)) await files.remove(posix.join(folder, filename));
  }
  const staged = posix.join(folder, `${prefix}${task.claim_id}.tmp`);
  try {
    await files.upload(path, staged);
    // A worker that lost its claim meanwhile must not replace what the winner wrote.
    signal.throwIfAborted();
    if (mustBeNew)
      await files.rename(staged, target).catch((error: unknown) => refused(error, files, target));
    else if (!(await files.replace(staged, target))) {
      context.log('WARNING', `the server cannot replace a file at once: for a moment there was no ${target}`);
    }
  } catch (error) {
    await files.remove(staged).catch(() => undefined);
    throw error;
  }
}

/** The server gives no reason when a name is taken. */
async function refused(error: unknown, files: SftpFiles, target: string): Promise<never> {
  throw (await files.stat(target)) ? alreadyThere(target) : error;
}

const alreadyThere = (target: string): NodeError =>
  new NodeError('TargetExists', `'${target}' exists already, and write_mode is error`, false);
