import { randomUUID } from 'node:crypto';
import { mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type NodeContext } from '../node-kind.js';
import { chooseFormat, endingsOf, type FileFormat, formatOf } from '../tables/file-format.js';
import { nodeErrorOf } from '../tables/table-errors.js';
import { inSession, type TableInput } from '../tables/table-output.js';
import { writeFile } from './write-file.js';

/** A table as a file of the scratch folder, for whoever sends it on. */
export interface StagedFile {
  path: string;
  rows: number;
  bytes: number;
}

/** Where a sink that makes one file elsewhere puts it, and as what. */
export interface Destination {
  key: string;
  format: FileFormat;
}

/** @param name what the config calls the file; with append what its name begins with. */
export function destinationOf({ config, run, task }: NodeContext, name: string): Destination {
  if (config['write_mode'] !== 'append') return { key: name, format: chooseFormat(name, config['format']) };
  const format = (config['format'] ?? 'parquet') as FileFormat;
  // The same one in every attempt.
  const index = task.index === undefined ? '' : `-${task.index}`;
  const ending = formatOf(name).ending ?? endingsOf(format)[0]!;
  return { key: `${name}part-${run.id}-${task.node_id}${index}${ending}`, format };
}

/** Writes a table into a file, hands that to `send`, and removes it. */
export async function withStagedFile<T>(
  context: NodeContext,
  table: TableInput,
  { key, format }: Destination,
  send: (file: StagedFile) => Promise<T>,
): Promise<T> {
  const folder = join(context.settings.duckdb.tempDirectory, `staged-${randomUUID()}`);
  const path = join(folder, 'data');
  await mkdir(folder, { recursive: true });
  try {
    const rows = await inSession(context, { paths: [table.path], directories: [folder] }, (session) =>
      writeFile(session, table, { format, target: key, header: true }, path),
    );
    return await send({ path, rows, bytes: (await stat(path)).size });
  } catch (error) {
    throw nodeErrorOf(error, 'rows for the file');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
