import { type DuckDbSession } from '../tables/duckdb.js';
import { countOf } from '../tables/sql-text.js';
import { NodeError } from '../node-kind.js';

/** A row of a CSV file that does not fit, in words. */
interface BadRow {
  file: string;
  line: number;
  column: string | null;
  message: string;
  /** The row as it stands in the file. */
  text: string;
}

/** Makes the CSV reader keep a list of the rows it could not use, in the session's temporary tables. */
export const COLLECT_BAD_ROWS = ['store_rejects = true', 'rejects_limit = 1000'];
/** The same without an end. */
export const COLLECT_ALL_BAD_ROWS = ['store_rejects = true', 'rejects_limit = 0'];

const MAX_SHOWN = 3;

/** The bad rows that a reader with `COLLECT_BAD_ROWS` met, in order; one per line of a file. */
export async function badRows(session: DuckDbSession, display: (path: string) => string): Promise<BadRow[]> {
  const rows: BadRow[] = [];
  for await (const row of eachBadRow(session, display)) rows.push(row);
  return rows;
}

/** The same one after the other. Nothing else may run in the session until it has ended. */
export async function* eachBadRow(
  session: DuckDbSession,
  display: (path: string) => string,
): AsyncGenerator<BadRow> {
  const found = session.stream(
    `SELECT to_json([file_path, line::VARCHAR, column_name, error_type::VARCHAR, error_message, csv_line])::VARCHAR FROM (
       SELECT DISTINCT ON (s.file_path, e.line) s.file_path, e.* EXCLUDE (scan_id, file_id)
       FROM reject_errors e JOIN reject_scans s USING (scan_id, file_id)
       ORDER BY s.file_path, e.line, e.column_idx)
     ORDER BY file_path, line`,
  );
  for await (const chunk of found) {
    for (const json of chunk) {
      const [file, line, column, kind, said, text] = JSON.parse(json) as (string | null)[];
      const message = describe(kind!, column!, String(said), String(text));
      yield {
        file: display(file!),
        line: Number(line),
        column: column ?? null,
        message,
        text: String(text).replace(/\r?\n$/, ''),
      };
    }
  }
}

/** The first bad row as an error, or undefined when reading again meets none. */
export async function badRowError(
  session: DuckDbSession,
  reader: string,
  display: (path: string) => string,
): Promise<NodeError | undefined> {
  // Counting every column makes the reader convert every value.
  await session.run(`SELECT count(COLUMNS(*)) FROM ${reader}`).catch(() => undefined);
  const [first, ...others] = await badRows(session, display).catch((): BadRow[] => []);
  if (!first) return undefined;
  const more =
    others.length > 0
      ? ` (and ${others.length} more; options.bad_rows: skip leaves them out, reject keeps them apart)`
      : '';
  return new NodeError('BadRow', `${first.file} line ${first.line}${first.message}${more}`, false);
}

/** A warning about skipped rows, or undefined when there were none. */
export function skippedRows(rows: BadRow[]): string | undefined {
  if (rows.length === 0) return undefined;
  const shown = rows.slice(0, MAX_SHOWN).map((row) => `${row.file} line ${row.line}${row.message}`);
  const count = rows.length >= 1000 ? 'at least 1,000' : rows.length;
  return `skipped ${count} bad row(s): ${shown.join('; ')}${rows.length > MAX_SHOWN ? '; …' : ''}`;
}

function describe(kind: string, column: string | null, message: string, line: string): string {
  const [, value, type] = /Could not convert string "([^]*)" to '([^']*)'/.exec(message) ?? [];
  if (type !== undefined) return `, column '${column}': ${JSON.stringify(clip(value!))} is not a ${type}`;
  const [, expected, found] = /Expected Number of Columns: (\d+) Found: (\d+)/.exec(message) ?? [];
  if (expected !== undefined) {
    const count = Math.max(Number(found), kind === 'TOO MANY COLUMNS' ? Number(expected) + 1 : 0);
    const at = kind === 'TOO MANY COLUMNS' ? 'more' : String(count);
    return `: expected ${expected} columns, found ${at}: ${clip(line)}`;
  }
  if (kind === 'UNQUOTED VALUE') {
    const [first, ...taken] = line.trimEnd().split('\n');
    const more = taken.length > 0 ? ` (it takes ${countOf(taken.length, 'line')} after it along)` : '';
    return `${column === null ? '' : `, column '${column}'`}: a quote is not closed: ${clip(first!)}${more}`;
  }
  if (kind === 'INVALID ENCODING') return ': is not valid in its encoding; set options.encoding';
  return `: ${message.split('\n')[0]}`;
}

const clip = (text: string): string => (text.length > 80 ? `${text.slice(0, 77)}…` : text);
