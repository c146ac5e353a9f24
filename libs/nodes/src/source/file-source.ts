import { randomUUID } from 'node:crypto';
import { realpath, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import {
  type DatasetUse,
  type ErrorDetail,
  type Json,
  type JsonObject,
  MAX_DATASET_USES,
  type NodeDefinition,
  type TableRef,
} from '@tauro/domain';
import { withConverted } from '../formats/convert.js';
import { isForeign } from '../formats/foreign-formats.js';
import { NodeError, type NodeContext, type NodeResult } from '../node-kind.js';
import { DataFiles, fileDataset } from '../tables/data-files.js';
import { type DuckDbSession } from '../tables/duckdb.js';
import {
  endingsAsked,
  FILE_FORMATS,
  type FileFormat,
  formatOf,
  type NativeFormat,
  oneFormat,
} from '../tables/file-format.js';
import { countOf } from '../tables/sql-text.js';
import { EngineFault, nodeErrorOf } from '../tables/table-errors.js';
import {
  inSession,
  type TableMade,
  type TableTarget,
  tableTarget,
  writeTable,
} from '../tables/table-output.js';
import { badRows, skippedRows } from './bad-rows.js';
import { type CsvFiles, csvError, csvQueries, tripsOverEmptyText } from './csv-query.js';
import { type FileOptions, readerCall, unfitOptions } from './file-reader.js';
import { FILE_SOURCE_SCHEMA } from './file-source.schema.js';
import { type FileState, newFiles } from './new-files.js';
import { rejectTarget, writeRejected } from './rejected-rows.js';
import { type TableSource } from './table-source.js';

/** Files under DATA_ROOTS. */
export const fileSource: TableSource = {
  type: 'file',
  schema: FILE_SOURCE_SCHEMA,
  check: pathFaults,
  pins: filesRead,
  read: readFiles,
};

function pathFaults(node: NodeDefinition): ErrorDetail[] {
  const { path, paths, format, options } = node.config ?? {};
  if ((path === undefined) === (paths === undefined)) {
    return path === undefined
      ? [{ field: 'config.path', message: 'a file source needs path or paths', type: 'missing' }]
      : [{ field: 'config.paths', message: 'give path or paths, not both', type: 'value_error' }];
  }
  const known = (format ?? formatOf(String([path ?? paths].flat()[0])).format) as FileFormat | undefined;
  if (!known || !FILE_FORMATS.includes(known)) return [];
  return unfitOptions(known, (options ?? {}) as object).map((option) => ({
    field: `config.options.${option}`,
    message: `does not apply to ${known}`,
    type: 'value_error',
  }));
}

/** Path, bytes and time of the last change of every file that `readFiles` would read. */
async function filesRead(context: NodeContext): Promise<Json> {
  const { files } = await filesOf(context);
  return Promise.all(
    files.map(async (file) => {
      const { size, mtimeNs } = await stat(file, { bigint: true });
      return [file, Number(size), String(mtimeNs)];
    }),
  );
}

async function readFiles(context: NodeContext): Promise<NodeResult> {
  const options = (context.config['options'] ?? {}) as FileOptions;
  const { data, format, files: all, named } = await filesOf(context);
  const display = (path: string): string => data.display(path);
  const states = new Map<string, FileState>();
  if (context.mark) for (const file of all) states.set(file, await stateOf(file, display(file)));
  const { files, mark, keep } = newFiles(context, all, (file) => states.get(file)!);
  const made = await tableOf({ files, format, options, display, keep }, context);
  return { ...made, datasets: await datasetsOf(named, made), ...(mark !== undefined && { mark }) };
}

async function stateOf(file: string, key: string): Promise<FileState> {
  const { mtimeNs } = await stat(file, { bigint: true });
  const moment = new Date(Number(mtimeNs / 1_000_000n)).toISOString().slice(0, -1);
  return { key, modified: `${moment}${String(mtimeNs % 1_000_000n).padStart(6, '0')}Z` };
}

/** Files that were found, of one format. */
interface FoundFiles {
  files: string[];
  format: FileFormat;
  options: FileOptions;
  display: (path: string) => string;
  /** Which of the rows are wanted: a query made of the one for all. */
  keep?: (query: string) => string;
}

/** Makes this attempt's table of files. @throws NodeError that tells the place of what does not fit */
export function tableOf(found: FoundFiles, context: NodeContext): Promise<TableMade> {
  const { format, files, options, display } = found;
  if (!isForeign(format)) return tableOfNative({ ...found, format }, context);
  const [unfit] = unfitOptions(format, options);
  if (unfit !== undefined) {
    throw new NodeError('InvalidConfig', `options.${unfit} does not apply to ${format}`, false);
  }
  return withConverted(context, format, files, options, display, ({ files: lines, columns, origin }) =>
    tableOfNative(
      {
        ...found,
        files: lines,
        format: 'ndjson',
        options: Object.keys(columns).length > 0 ? { columns: { ...columns, ...options.columns } } : {},
        display: (path) => display(origin(path)),
      },
      context,
    ),
  );
}

async function tableOfNative(
  { files, format, options, display, keep }: FoundFiles & { format: NativeFormat },
  context: NodeContext,
): Promise<TableMade> {
  const { settings } = context;
  const target = await tableTarget(context);
  const sample = join(settings.duckdb.tempDirectory, `sample-${randomUUID()}.csv`);
  const csv: CsvFiles = { files, options, sample, display };
  const rejects = format === 'csv' && options.bad_rows === 'reject' ? await rejectTarget(context) : undefined;
  const csvPaths = format === 'csv' ? [sample, ...(rejects ? [rejects.path, rejects.lines] : [])] : [];

  try {
    return await inSession(context, { paths: [...files, target.path, ...csvPaths] }, async (session) => {
      try {
        const all =
          format === 'csv'
            ? await csvQueries(session, csv)
            : [`SELECT * FROM ${readerCall(format, files, options)}`];
        const queries = keep ? all.map(keep) : all;
        const result = await writeFirst(session, queries, target, context);
        const skipped = format === 'csv' && options.bad_rows === 'skip' && (await badRows(session, display));
        const warning = skipped && skippedRows(skipped);
        if (warning) context.log('WARNING', warning);
        const from = files.length === 1 ? display(files[0]!) : countOf(files.length, 'file');
        context.log('INFO', `read ${countOf(result.rows, 'row')} from ${from}`);
        const rejected = rejects && (await writeRejected(session, display, rejects, context));
        return rejected ? withRejected(result, rejected, context) : result;
      } catch (error) {
        throw await explain(error, session, format, csv);
      }
    });
  } finally {
    await rm(sample, { force: true });
  }
}

function withRejected(made: TableMade, quarantine: TableRef, context: NodeContext): TableMade {
  context.log(
    'WARNING',
    `rejected ${countOf(quarantine.rows, 'bad row')}, which the artifacts of the run show as quarantine`,
  );
  const output = { ...(made.output as JsonObject), quarantined: quarantine.rows };
  return { ...made, output, quarantine };
}

/** Writes the rows of the first query; the next one is for a file that turns out to quote everything. */
async function writeFirst(
  session: DuckDbSession,
  [query, ...others]: string[],
  target: TableTarget,
  context: NodeContext,
): Promise<TableMade> {
  try {
    return await writeTable(session, query!, await session.columns(query!), target, context);
  } catch (error) {
    if (others.length === 0 || !tripsOverEmptyText(error)) throw error;
    return writeFirst(session, others, target, context);
  }
}

async function filesOf({
  config,
  settings,
  artifacts,
}: NodeContext): Promise<{ data: DataFiles; format: FileFormat; files: string[]; named: NamedFiles[] }> {
  const written = [config['path'] ?? [], config['paths'] ?? []].flat() as string[];
  const asked = config['format'];
  const data = new DataFiles(settings, artifacts.root);
  const named: NamedFiles[] = [];
  for (const path of written) {
    const found = await data.find(path, endingsAsked(asked));
    // A file is called by its real path, a folder or glob as it was written.
    const asWritten = resolve(settings.workingDirectory, path);
    const isFile = found.length === 1 && found[0] === (await realpath(asWritten).catch(() => asWritten));
    named.push({ path: isFile ? found[0]! : asWritten, files: found });
  }
  const files = named.flatMap((one) => one.files);
  const format = oneFormat(
    files.map((file) => data.display(file)),
    asked,
  );
  return { data, format, files: [...new Set(files)], named };
}

/** What one path of the config stands for. */
interface NamedFiles {
  path: string;
  files: string[];
}

/** A file, folder or glob each; how many rows came from which of several nobody has counted. */
async function datasetsOf(named: NamedFiles[], { rows, table }: TableMade): Promise<DatasetUse[]> {
  const uses = named.slice(0, MAX_DATASET_USES).map(async ({ path, files }): Promise<DatasetUse> => {
    const sizes = await Promise.all(
      files.map(async (file) => (await stat(file).catch(() => undefined))?.size ?? 0),
    );
    const bytes = sizes.reduce((sum, size) => sum + size, 0);
    const only = named.length === 1;
    return { access: 'read', ...fileDataset(path), columns: table.columns, bytes, ...(only && { rows }) };
  });
  return Promise.all(uses);
}

/** Names the file, line, column and value where the engine knows them. */
async function explain(
  error: unknown,
  session: DuckDbSession,
  format: FileFormat,
  csv: CsvFiles,
): Promise<unknown> {
  if (!(error instanceof EngineFault)) return error;
  const { files, display } = csv;
  const names =
    files.length === 1 ? display(files[0]!) : `${display(files[0]!)} and ${files.length - 1} more`;
  const { message } = error;
  if (format === 'csv' && /^(?:CSV Error|Error when sniffing)/.test(message)) {
    return csvError(session, csv, names);
  }
  const unknown = /Columns with names: "([^]*?)" do not exist/.exec(message)?.[1];
  if (unknown !== undefined) {
    return new NodeError(
      'ColumnNotFound',
      `options.columns: column '${unknown}' does not exist in ${names}`,
      false,
    );
  }
  const json = badJson(message, display);
  if (json) return new NodeError('BadRow', json, false);
  if (/No magic bytes|too small to be a Parquet file/i.test(message)) {
    const file = files.find((path) => message.includes(path)) ?? files[0]!;
    return new NodeError('BadFile', `${display(file)} is not a Parquet file`, false);
  }
  return nodeErrorOf(error, names);
}

/** `a.ndjson line 3: unexpected character`, for a file of values that are not one per line `record 3`. */
function badJson(message: string, display: (path: string) => string): string | undefined {
  const found =
    /(Malformed JSON|JSON transform error) in file "([^"]*)",.* in (line|record)\S* (\d+): ([^\n]*?)[.\s]*(?:\n|$)/.exec(
      message,
    );
  if (!found) return undefined;
  const [, kind, file, unit, number, reason] = found;
  // Of what it cannot parse DuckDB tells the number after the bad one.
  const at = kind === 'Malformed JSON' ? Number(number) - 1 : Number(number);
  return `${display(file!)} ${unit} ${at}: ${reason}`;
}
