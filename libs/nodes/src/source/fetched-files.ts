import { randomUUID } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { NodeError, type NodeContext } from '../node-kind.js';
import { oneFormat } from '../tables/file-format.js';
import { type TableMade } from '../tables/table-output.js';
import { type FileOptions } from './file-reader.js';
import { tableOf } from './file-source.js';
import { type FileState, newFiles } from './new-files.js';

/** A file on another system. */
export interface RemoteFile extends FileState {
  size: number;
}

/** How files of another system are brought here. */
export interface Fetching<F> {
  /** What messages and lineage call one. */
  shown: (file: F) => string;
  /** Brings it to a path of this machine. */
  fetch: (file: F, path: string) => Promise<void>;
}

/**
 * Makes this attempt's table of files that lie elsewhere, by way of the scratch folder: the readers of formats look at a
 * file more than once. @throws NodeError when they are more than that folder may hold
 */
export async function tableOfFetched<F extends RemoteFile>(
  context: NodeContext,
  all: readonly F[],
  { shown, fetch }: Fetching<F>,
): Promise<TableMade & { fetched: number }> {
  const { files, mark, keep } = newFiles(context, all, (file) => file);
  const { maxTempDiskMb, tempDirectory } = context.settings.duckdb;
  const fetched = files.reduce((sum, { size }) => sum + size, 0);
  if (fetched > maxTempDiskMb * 1024 * 1024) {
    const message = `the files have ${fetched} bytes, more than DUCKDB_TEMP_DISK_MB (${maxTempDiskMb}) lets a node use`;
    throw new NodeError('OutOfMemory', message, false);
  }
  const format = oneFormat(
    files.map(({ key }) => key),
    context.config['format'],
  );
  const folder = join(tempDirectory, `fetched-${randomUUID()}`);
  const names = new Map<string, string>();
  await mkdir(folder, { recursive: true });
  try {
    for (const [i, file] of files.entries()) {
      // The ending says how it is compressed.
      const path = join(folder, `${i}-${file.key.slice(file.key.lastIndexOf('/') + 1).slice(-100)}`);
      names.set(path, shown(file));
      await fetch(file, path);
      context.progress((0.5 * (i + 1)) / files.length);
    }
    const options = (context.config['options'] ?? {}) as FileOptions;
    const display = (path: string): string => names.get(path) ?? path;
    const made = await tableOf({ files: [...names.keys()], format, options, display, keep }, context);
    return { ...made, fetched, ...(mark !== undefined && { mark }) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
