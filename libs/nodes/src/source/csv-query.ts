import { type DuckDbSession } from '../tables/duckdb.js';
import { EngineFault } from '../tables/table-errors.js';
import { NodeError } from '../node-kind.js';
import { badRowError, COLLECT_ALL_BAD_ROWS, COLLECT_BAD_ROWS } from './bad-rows.js';
import { type FileOptions, readerCall } from './file-reader.js';
import { UndetectedCsv } from './undetected-csv.js';

/** What reading CSV needs besides a session. */
export interface CsvFiles {
  files: readonly string[];
  options: FileOptions;
  /** A path that the session may write, for rows to infer types from. */
  sample: string;
  display: (path: string) => string;
}

/** How a reader goes on after rows that do not fit, by what the options say of them. */
const COLLECTING: Record<NonNullable<FileOptions['bad_rows']>, string[]> = {
  fail: [],
  skip: COLLECT_BAD_ROWS,
  reject: COLLECT_ALL_BAD_ROWS,
};

const isUndetected = (error: unknown): boolean =>
  error instanceof EngineFault && error.message.startsWith('Error when sniffing');

/**
 * The query that reads CSV files, and one to fall back to.
 *
 * `""` is an empty text and nothing at all is null, so that what a sink wrote comes back as it was. A file that
 * has `""` where a column holds numbers or dates quotes everything, as many programs do: there the quotes mean
 * nothing and both are null, and so they are when the author says which texts stand for null.
 */
export async function csvQueries(session: DuckDbSession, csv: CsvFiles): Promise<string[]> {
  const { files, options } = csv;
  const collect = COLLECTING[options.bad_rows ?? 'fail'];
  const skip = collect.length > 0;
  // Of files read together DuckDB keeps no list of bad rows.
  if (skip && files.length > 1) {
    const queries: string[] = [];
    for (const file of files) queries.push((await csvQueries(session, { ...csv, files: [file] }))[0]!);
    return [queries.join(' UNION ALL BY NAME ')];
  }
  const query = (...extra: string[]): string =>
    `SELECT * FROM ${readerCall('csv', files, options, [...extra, ...collect])}`;
  const lenient = query();
  const strict = query('allow_quoted_nulls = false');
  try {
    if (options.null_values !== undefined) {
      await session.columns(lenient);
      return [lenient];
    }
    const [kept, inferred] = [await session.columns(strict), await session.columns(lenient)];
    return kept.every(({ type }, i) => type === inferred[i]?.type) ? [strict, lenient] : [lenient];
  } catch (error) {
    if (!skip || !isUndetected(error)) throw error;
    const undetected = new UndetectedCsv(session, files[0]!, options, csv.display(files[0]!));
    return [`SELECT * FROM ${await undetected.typed(collect, csv.sample)}`];
  }
}

/** Whether a query failed only because it took `""` in a column of numbers for a text. */
export const tripsOverEmptyText = (error: unknown): boolean =>
  error instanceof EngineFault && error.message.includes('Could not convert string ""');

/** The first bad row that made reading fail, as an error that names file, line and column where it can. */
export async function csvError(
  session: DuckDbSession,
  { files, options, display }: CsvFiles,
  names: string,
): Promise<NodeError> {
  for (const file of files) {
    try {
      const detected = readerCall('csv', [file], options, COLLECT_BAD_ROWS);
      const undetected = new UndetectedCsv(session, file, options, display(file));
      const bad =
        (await badRowError(session, detected, display)) ??
        (await badRowError(session, await undetected.asText(COLLECT_BAD_ROWS), display));
      if (bad) return bad;
    } catch (error) {
      if (error instanceof NodeError) return error;
    }
  }
  return new NodeError(
    'BadRow',
    `${names} does not look like CSV with the given delimiter, quote and header`,
    false,
  );
}
