import { type DuckDbSession } from '../tables/duckdb.js';
import { countOf } from '../tables/sql-text.js';
import { NodeError } from '../node-kind.js';

/** A row of a CSV file that does not fit, in words. */
interface BadRow {
  file: string;
  line: number;
  message: string;
}

/** Makes the CSV reader keep a list of the rows it could not use, in the session's temporary tables. */
export const COLLECT_BAD_ROWS = ['store_rejects = true', 'rejects_limit = 1000'];

const MAX_SHOWN = 3;

/** The bad rows that a reader with `COLLECT_BAD_ROWS` met, in order; one per line of a file. */
export async function badRows(session: DuckDbSession, display: (path: string) => string): Promise<BadRow[]> {
  const rows = await session.rows(
    `SELECT DISTINCT ON (s.file_path, e.line)
       s.file_path, e.line, e.column_name, e.error_type::VARCHAR, e.error_message, e.csv_line
     FROM reject_errors e JOIN reject_scans s USING (scan_id, file_id)
     ORDER BY s.file_path, e.line, e.column_idx`,
  );
  return rows.map(([file, line, column, kind, message, text]) => ({
    file: display(String(file)),
    line: Number(line),
    message: describe(kind as string, column as string | null, String(message), String(text)),
  }));
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
    others.length > 0 ? ` (and ${others.length} more; options.bad_rows: skip leaves them out)` : '';
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
