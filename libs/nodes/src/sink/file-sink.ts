import { appendFile, copyFile, link, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { createReadStream, createWriteStream } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { isForeign } from '../formats/foreign-formats.js';
import { NodeError, type NodeContext, type NodeResult } from '../node-kind.js';
import { DataFiles, exists, fileDataset } from '../tables/data-files.js';
import { type DuckDbSession } from '../tables/duckdb.js';
import { chooseFormat, endingsOf, type FileFormat, formatOf } from '../tables/file-format.js';
import { countOf, findColumn, idents, literal, namesOf } from '../tables/sql-text.js';
import { nodeErrorOf } from '../tables/table-errors.js';
import { inSession, parquetRows, shortened, type TableInput } from '../tables/table-output.js';
import { formatOptions } from './format-options.js';
import { FILE_SINK_SCHEMA, type WRITE_MODES } from './file-sink.schema.js';
import { writeFile } from './write-file.js';
import { type TableSink } from './table-sink.js';

type WriteMode = (typeof WRITE_MODES)[number];

/** Files under DATA_ROOTS. */
export const fileSink: TableSink = {
  type: 'file',
  schema: FILE_SINK_SCHEMA,
  write: writeFiles,

  check({ config = {} }) {
    const { path, write_mode, partition_by } = config;
    const isFolder = writesFolder(String(path), write_mode, partition_by as string[] | undefined);
    if (!isFolder || !formatOf(String(path)).format) return [];
    return [{ field: 'config.path', message: folderMessage(String(path)), type: 'value_error' }];
  },
};

/** What is to be written where. */
interface Plan {
  /** Real path of the file or folder. */
  target: string;
  /** As messages and the output call it. */
  shown: string;
  format: FileFormat;
  mode: WriteMode;
  partitionBy: string[];
  /** Name of the data file inside a folder. It is the same in every attempt, so a repeated append replaces it. */
  part: string;
  /** Folder beside the target where the data is written first; a rename then publishes it. */
  staging: string;
  stagingPrefix: string;
}

/** Writes a table to a file or folder; readers see the old data or the new, never a half. */
async function writeFiles(context: NodeContext, table: TableInput): Promise<NodeResult> {
  const plan = await planOf(context, table);
  try {
    await prepareStaging(plan);
    const access = { paths: [table.path], directories: [plan.staging] };
    const rows = await inSession(context, access, (session) => stage(session, plan, table));
    const bytes = await sizeOf(join(plan.staging, 'data'));
    // A worker that lost its claim meanwhile must not replace what the winner wrote.
    context.signal.throwIfAborted();
    await publish(plan, new DataFiles(context.settings, context.artifacts.root));
    context.log('INFO', `wrote ${countOf(rows, 'row')} to ${plan.shown}`);
    const { columns } = table;
    const output = { rows, bytes, columns: shortened(columns), path: plan.shown };
    const dataset = { access: 'write' as const, ...fileDataset(plan.target), columns, rows, bytes };
    return { output, rows, bytes, datasets: [dataset] };
  } catch (error) {
    throw fileError(error, plan.shown);
  } finally {
    // What cannot be removed now, the next attempt clears away.
    await rm(plan.staging, { recursive: true, force: true }).catch(() => undefined);
  }
}

async function planOf(
  { config, settings, artifacts, run, task }: NodeContext,
  table: TableInput,
): Promise<Plan> {
  const written = config['path'] as string;
  const mode = (config['write_mode'] ?? 'overwrite') as WriteMode;
  const partitionBy = ((config['partition_by'] ?? []) as string[]).map((name) => {
    const column = findColumn(table.columns, name);
    if (column) return column.name;
    const message = `partition_by: column '${name}' does not exist (columns: ${namesOf(table.columns)})`;
    throw new NodeError('ColumnNotFound', message, false);
  });
  if (partitionBy.length > 0 && partitionBy.length === table.columns.length) {
    throw new NodeError(
      'InvalidConfig',
      'partition_by: at least one column must be left for the files',
      false,
    );
  }
  const isFolder = writesFolder(written, mode, partitionBy);
  if (isFolder && formatOf(written).format)
    throw new NodeError('InvalidConfig', folderMessage(written), false);
  const format = isFolder
    ? ((config['format'] ?? 'parquet') as FileFormat)
    : chooseFormat(written, config['format']);

  if (partitionBy.length > 0 && isForeign(format)) {
    throw new NodeError('InvalidConfig', `partition_by: does not go with ${format}`, false);
  }
  const files = new DataFiles(settings, artifacts.root);
  const target = await files.target(written);
  const shown = files.display(target);
  if (mode === 'error' && (await exists(target))) throw alreadyThere(shown);
  const info = await stat(target).catch(() => undefined);
  if (info && info.isDirectory() !== isFolder) {
    const found = isFolder
      ? 'a file, but a folder is to be written'
      : 'a folder, but a file is to be written';
    throw new NodeError('BadPath', `'${shown}' is ${found}; choose another path`, false);
  }
  const part = `part-${run.id}-${task.node_id}${task.index === undefined ? '' : `-${task.index}`}`;
  const stagingPrefix = `.${basename(target)}.${task.id}.`;
  const staging = join(dirname(target), `${stagingPrefix}${task.claim_id}.tmp`);
  return { target, shown, format, mode, partitionBy, part, staging, stagingPrefix };
}

/** Makes the staging folder, and clears away those of earlier claims of this task, which died or are too late. */
async function prepareStaging({ target, staging, stagingPrefix }: Plan): Promise<void> {
  const parent = dirname(target);
  await mkdir(parent, { recursive: true });
  const stale = (await readdir(parent)).filter((name) => name.startsWith(stagingPrefix));
  await Promise.all(stale.map((name) => rm(join(parent, name), { recursive: true, force: true })));
  await mkdir(staging);
}

/** Files that grow by lines, so that something can be put after what is there. */
const LINES: ReadonlySet<FileFormat | undefined> = new Set<FileFormat>(['csv', 'ndjson']);

/** Whether a sink writes a folder of files; `append` does unless the path is a file of lines. */
const writesFolder = (path: string, mode: unknown, partitionBy?: readonly string[]): boolean =>
  (partitionBy?.length ?? 0) > 0 || (mode === 'append' && !LINES.has(formatOf(path).format));

/** Why a path with the ending of a file cannot be a folder. */
const folderMessage = (path: string): string =>
  `'${path}' would be a folder, as with partition_by, or append to anything but csv and ndjson: ` +
  'leave the ending away and set format';

/** Writes `data`, a file or a folder, into the staging folder. */
async function stage(session: DuckDbSession, plan: Plan, table: TableInput): Promise<number> {
  const { path, columns } = table;
  const { format, partitionBy, staging, part, target } = plan;
  const data = join(staging, 'data');
  const continued = isContinued(plan) && (await sizeOf(target)) > 0;
  if (continued && format === 'csv') await checkHeader(plan, columns);
  if (partitionBy.length === 0 || isForeign(format)) {
    return writeFile(session, table, { format, target, header: !continued }, data);
  }
  const options = formatOptions(format, target, true);
  const names = `FILENAME_PATTERN ${literal(`${part}-{i}`)}`;
  return session.copy(parquetRows(path), data, `${options}, PARTITION_BY (${idents(partitionBy)}), ${names}`);
}

/** Whether rows are put after those of a file, instead of beside them in a folder. */
const isContinued = ({ mode, partitionBy, target }: Plan): boolean =>
  mode === 'append' && !writesFolder(target, mode, partitionBy);

/** Rows under another header would be read into the wrong columns. A compressed file's header is not looked at. */
async function checkHeader({ target, shown }: Plan, columns: TableInput['columns']): Promise<void> {
  const { compression, ending } = formatOf(target);
  if (compression) return;
  const file = await open(target);
  const { buffer, bytesRead } = await file
    .read(Buffer.alloc(65_536), 0, 65_536, 0)
    .finally(() => file.close());
  const header = buffer.toString('utf8', 0, bytesRead).split(/\r?\n/, 1)[0]!;
  const separator = ending === '.tsv' ? '\t' : ',';
  const found = header.split(separator).map((name) => name.replace(/^"(.*)"$/, '$1'));
  const names = columns.map((column) => column.name);
  if (found.join(separator) === names.join(separator)) return;
  const message = `'${shown}' has the columns ${found.join(', ')}, but ${names.join(', ')} are to be appended`;
  throw new NodeError('ColumnMismatch', message, false);
}

/** A copy of what is there with the new rows behind it, then one rename: readers never see half a row. */
async function continueFile({ target, staging }: Plan): Promise<void> {
  const whole = join(staging, 'whole');
  await copyFile(target, whole);
  const before = await stat(whole);
  if (before.size > 0 && !formatOf(target).compression && !(await endsWithNewline(whole, before.size))) {
    await appendFile(whole, '\n');
  }
  await pipeline(createReadStream(join(staging, 'data')), createWriteStream(whole, { flags: 'a' }));
  await rename(whole, target);
}

async function endsWithNewline(path: string, size: number): Promise<boolean> {
  const file = await open(path);
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1).finally(() => file.close());
  return buffer.toString() === '\n';
}

async function publish(plan: Plan, allowed: DataFiles): Promise<void> {
  const { target, staging, format, mode, partitionBy, part, shown } = plan;
  const data = join(staging, 'data');
  if (isContinued(plan) && (await exists(target))) await continueFile(plan);
  else if (isContinued(plan)) await rename(data, target);
  else if (mode === 'append') {
    const files = partitionBy.length > 0 ? await filesIn(data) : [''];
    for (const file of files) {
      // A folder of a partition that is there already may be a link to elsewhere.
      const place = await allowed.target(join(target, file === '' ? part + endingsOf(format)[0]! : file));
      await mkdir(dirname(place), { recursive: true });
      await rename(join(data, file), place);
    }
  } else if (partitionBy.length > 0) {
    // No rename replaces a folder that is not empty: the old one steps aside first, and is removed with the staging.
    if (mode === 'overwrite' && (await exists(target))) await rename(target, join(staging, 'old'));
    await mkdir(data, { recursive: true });
    await rename(data, target);
  } else if (mode === 'error') {
    // Unlike a rename, a link fails when somebody else was faster.
    await link(data, target).catch((error: NodeJS.ErrnoException) => {
      throw error.code === 'EEXIST' ? alreadyThere(shown) : error;
    });
  } else {
    await rename(data, target);
  }
}

const alreadyThere = (shown: string): NodeError =>
  new NodeError('TargetExists', `'${shown}' exists already, and write_mode is error`, false);

const filesIn = async (folder: string): Promise<string[]> => {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
};

async function sizeOf(path: string): Promise<number> {
  const info = await stat(path).catch(() => undefined);
  if (!info?.isDirectory()) return info?.size ?? 0;
  const sizes = await Promise.all(
    (await filesIn(path)).map(async (file) => (await stat(join(path, file))).size),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

const DISK_ERRORS: Record<string, string> = {
  EACCES: 'the worker may not write there',
  EPERM: 'the worker may not write there',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  ENOTDIR: 'a part of the path is a file, not a folder',
  EEXIST: 'a part of the path is a file, not a folder',
  ENOTEMPTY: 'something else was written there at the same time',
};

function fileError(error: unknown, shown: string): unknown {
  const reason = DISK_ERRORS[(error as NodeJS.ErrnoException).code ?? ''];
  return reason ? new NodeError('WriteFailed', `'${shown}': ${reason}`) : nodeErrorOf(error, shown);
}
