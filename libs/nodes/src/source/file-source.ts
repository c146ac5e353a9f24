import { NodeError, type NodeContext, type NodeResult } from '../node-kind.js';
import { DataFiles } from '../tables/data-files.js';
import { type DuckDbSession } from '../tables/duckdb.js';
import { chooseFormat, endingsOf, formatOf, type FileFormat } from '../tables/file-format.js';
import { countOf } from '../tables/sql-text.js';
import { EngineFault, nodeErrorOf } from '../tables/table-errors.js';
import { inSession, tableTarget, writeTable } from '../tables/table-output.js';
import { badRowError, badRows, COLLECT_BAD_ROWS, skippedRows } from './bad-rows.js';
import { type FileOptions, readerCall } from './file-reader.js';

/** Reads files into this attempt's table. */
export async function readFiles(context: NodeContext): Promise<NodeResult> {
  const { config, settings, artifacts } = context;
  const written = [config['path'] ?? [], config['paths'] ?? []].flat() as string[];
  const options = (config['options'] ?? {}) as FileOptions;
  const data = new DataFiles(settings, artifacts.root);
  const { format, files } = await find(data, written, config['format']);
  const skip = options.bad_rows === 'skip';
  const reader = readerCall(format, files, options, skip ? COLLECT_BAD_ROWS : []);
  const query = `SELECT * FROM ${reader}`;
  const target = await tableTarget(context);

  return inSession(context, { paths: [...files, target.path] }, async (session) => {
    try {
      const result = await writeTable(session, query, await session.columns(query), target, context);
      const warning = skip && skippedRows(await badRows(session, (path) => data.display(path)));
      if (warning) context.log('WARNING', warning);
      const from = files.length === 1 ? data.display(files[0]!) : countOf(files.length, 'file');
      context.log('INFO', `read ${countOf(result.rows, 'row')} from ${from}`);
      return result;
    } catch (error) {
      throw await explain(error, session, data, format, files, options);
    }
  });
}

async function find(
  data: DataFiles,
  written: string[],
  asked: unknown,
): Promise<{ format: FileFormat; files: string[] }> {
  const formats = new Set(written.map((path) => asked ?? formatOf(path).format ?? 'parquet'));
  if (formats.size > 1) {
    throw new NodeError(
      'UnknownFormat',
      `the files have different formats: ${[...formats].join(', ')}`,
      false,
    );
  }
  const endings = endingsOf([...formats][0] as FileFormat);
  const files: string[] = [];
  for (const path of written) files.push(...(await data.find(path, endings)));
  // A glob or a folder is told by what was found in it.
  return { format: chooseFormat(files[0]!, asked), files: [...new Set(files)] };
}

/** Names the file, line, column and value where the engine knows them. */
async function explain(
  error: unknown,
  session: DuckDbSession,
  data: DataFiles,
  format: FileFormat,
  files: string[],
  options: FileOptions,
): Promise<unknown> {
  if (!(error instanceof EngineFault)) return error;
  const display = (path: string): string => data.display(path);
  const names =
    files.length === 1 ? display(files[0]!) : `${display(files[0]!)} and ${files.length - 1} more`;
  const { message } = error;
  if (format === 'csv' && /^(?:CSV Error|Error when sniffing)/.test(message)) {
    const reader = readerCall(format, files, options, COLLECT_BAD_ROWS);
    const bad = await badRowError(session, reader, display);
    if (bad) return bad;
    const reason = 'does not look like CSV with the given delimiter, quote and header';
    return new NodeError('BadRow', `${names} ${reason}`, false);
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
