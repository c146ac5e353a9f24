import { type Column } from '@tauro/domain';
import { type DuckDbSession, withDuckDb } from './duckdb.js';
import { jsonObject, validJson } from './json-rows.js';
import { ident } from './sql-text.js';
import { nodeErrorOf } from './table-errors.js';
import { parquetRows } from './table-output.js';
import { READER_LIMITS } from './table-page.js';

/** Formats that a published table is written as line by line. */
export const LINE_FORMATS = ['csv', 'ndjson'] as const;
export type LineFormat = (typeof LINE_FORMATS)[number];

/** Characters of a piece, at most. */
const MAX_PIECE = 256 * 1024;

/** How a row becomes a line. */
interface LineWriter {
  header: (columns: readonly Column[]) => string;
  /** The SQL of a row's line. */
  row: (columns: readonly Column[]) => string;
  /** What the engine writes that the format does not know. */
  mend?: (line: string) => string;
}

const WRITERS: Record<LineFormat, LineWriter> = {
  csv: {
    header: (columns) => `${columns.map(({ name }) => csvText(name)).join(',')}\n`,
    row: (columns) => `concat_ws(',', ${columns.map(csvValue).join(', ')})`,
  },
  ndjson: { header: () => '', row: (columns) => jsonObject(columns), mend: validJson },
};

/**
 * Writes a published table as text, a piece at a time: the next is made once the last one was taken, so neither the table
 * nor the text is ever held whole. Values look as a file sink writes them, except that NaN and infinities are text in
 * ndjson, which knows no such numbers.
 * @param path absolute, of a Parquet file
 * @throws NodeError when the file cannot be read, or the signal's reason
 */
export async function writeTableLines(
  path: string,
  format: LineFormat,
  write: (piece: string) => Promise<void>,
  signal?: AbortSignal,
): Promise<void> {
  try {
    await withDuckDb({ limits: READER_LIMITS, paths: [path], signal }, async (session) => {
      const columns = await session.columns(parquetRows(path));
      await write(WRITERS[format].header(columns));
      for await (const piece of pieces(session, path, format, columns)) await write(piece);
    });
  } catch (error) {
    throw nodeErrorOf(error, 'the table');
  }
}

async function* pieces(
  session: DuckDbSession,
  path: string,
  format: LineFormat,
  columns: readonly Column[],
): AsyncGenerator<string> {
  const { row, mend } = WRITERS[format];
  // Only where there are such numbers: looking for them costs as much as all the rest.
  const mended = mend && columns.some(({ type }) => /DOUBLE|FLOAT/.test(type)) ? mend : undefined;
  let text = '';
  for await (const lines of session.stream(`SELECT ${row(columns)} FROM (${parquetRows(path)})`)) {
    text += `${(mended ? lines.map(mended) : lines).join('\n')}\n`;
    for (let end = endOfPiece(text); end < text.length; end = endOfPiece(text)) {
      yield text.slice(0, end);
      text = text.slice(end);
    }
  }
  if (text !== '') yield text;
}

/** Not between the halves of a character, which would become two unknown ones. */
function endOfPiece(text: string): number {
  if (text.length <= MAX_PIECE) return text.length;
  return /[\uD800-\uDBFF]/.test(text[MAX_PIECE - 1]!) ? MAX_PIECE - 1 : MAX_PIECE;
}

const csvText = (text: string): string =>
  /^$|[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;

/** The SQL of a value in a line of CSV: nothing for NULL, so an empty text has quotes. */
function csvValue({ name, type }: Column): string {
  const text = `${ident(name)}::VARCHAR`;
  if (PLAIN.test(type)) return `coalesce(${text}, '')`;
  const quoted = `'"' || replace(${text}, '"', '""') || '"'`;
  return (
    `CASE WHEN ${text} IS NULL THEN '' ` +
    `WHEN ${text} = '' OR regexp_matches(${text}, '[",\\r\\n]') THEN ${quoted} ELSE ${text} END`
  );
}

/** Types whose texts never need quotes. */
const PLAIN =
  /^(?:U?(?:TINY|SMALL|BIG|HUGE)INT|U?INTEGER|DOUBLE|FLOAT|DECIMAL\(\d+,\d+\)|BOOLEAN|DATE|TIME|TIMESTAMP[^[]*|UUID)$/;
