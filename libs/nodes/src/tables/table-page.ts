import { tmpdir } from 'node:os';
import { type Column, type JsonObject } from '@tauro/domain';
import { withDuckDb } from './duckdb.js';
import { jsonObject, jsonValue, parseRow } from './json-rows.js';
import { ident } from './sql-text.js';
import { nodeErrorOf } from './table-errors.js';
import { parquetRows } from './table-output.js';

/** Some rows of a published table as plain JSON. */
export interface TablePage {
  rows: JsonObject[];
  /** Whether values were cut, because they are very long. */
  shortened: boolean;
}

/** Characters that a value may have, and the values of a row together; what is longer is cut. */
const MAX_VALUE = 10_000;
const MAX_ROW = 40_000;
/** As much of every value is shown, however many columns there are. */
const MIN_VALUE = 100;
/** Characters of a page, after which no further row is taken. */
const MAX_PAGE = 4_000_000;

/** Enough to read a table row by row; nothing is sorted, so nothing has to be spilled. */
export const READER_LIMITS = { memoryLimitMb: 256, threads: 1, maxTempDiskMb: 0, tempDirectory: tmpdir() };

/**
 * Rows of a table that a node published, as plain JSON: numbers that JavaScript would round, and NaN and infinities,
 * as text; times as ISO 8601; lists, structs and maps as JSON. It is bounded whatever stands in the table: long values
 * are cut and end in `…`, and rows that together are too long for a page are left for the next.
 * @param path absolute, of a Parquet file
 * @throws NodeError when the file cannot be read, or the signal's reason
 */
export async function readTablePage(
  path: string,
  { offset, limit }: { offset: number; limit: number },
  signal?: AbortSignal,
): Promise<TablePage> {
  try {
    return await withDuckDb({ limits: READER_LIMITS, paths: [path], signal }, async (session) => {
      const columns = await session.columns(parquetRows(path));
      const longest = Math.min(MAX_VALUE, Math.max(MIN_VALUE, Math.floor(MAX_ROW / columns.length)));
      const anyLong = columns.flatMap((column) => isLong(column, longest)).join(' OR ') || 'false';
      const found = await session.rows(
        `SELECT ${jsonObject(columns, (column) => shown(column, longest))}, coalesce(${anyLong}, false) ` +
          `FROM (${parquetRows(path)} LIMIT ${limit} OFFSET ${offset})`,
      );
      let left = MAX_PAGE;
      const kept = found.filter(([row], i) => (left -= String(row).length) >= 0 || i === 0);
      return {
        rows: kept.map(([row]) => parseRow(String(row))),
        shortened: kept.some(([, cut]) => cut === true),
      };
    });
  } catch (error) {
    throw nodeErrorOf(error, 'the table');
  }
}

/** Types whose values may be of any length. */
const ANY_LENGTH = /^(?:VARCHAR|BLOB|BIT|JSON|VARINT|BIGNUM|STRUCT|MAP|UNION)|[[\]]|\(/;

/** The SQL of whether a value is too long to be shown whole; none for a type whose values never are. */
function isLong(column: Column, longest: number): string[] {
  if (!ANY_LENGTH.test(column.type)) return [];
  return [`coalesce(length(${textOf(column)}) > ${longest}, false)`];
}

/** The SQL of a value as JSON text, cut where it is too long. */
function shown(column: Column, longest: number): string {
  const [tooLong] = isLong(column, longest);
  if (tooLong === undefined) return isoOrJson(column);
  const cut = `left(${textOf(column)}, ${longest}) || '…'`;
  // A text is cut before it becomes JSON, anything else is the beginning of its JSON.
  if (column.type === 'VARCHAR') {
    return `to_json(CASE WHEN ${tooLong} THEN ${cut} ELSE ${ident(column.name)} END)::VARCHAR`;
  }
  return `CASE WHEN ${tooLong} THEN to_json(${cut})::VARCHAR ELSE ${jsonValue(column)} END`;
}

const textOf = (column: Column): string =>
  column.type === 'VARCHAR' ? ident(column.name) : jsonValue(column);

/** The SQL of a value as JSON text, times as ISO 8601. */
export function isoOrJson(column: Column): string {
  const text = `replace(${ident(column.name)}::VARCHAR, ' ', 'T')`;
  if (column.type === 'TIMESTAMP WITH TIME ZONE') {
    return `to_json(regexp_replace(${text}, '[+]00$', 'Z'))::VARCHAR`;
  }
  return column.type.startsWith('TIMESTAMP') ? `to_json(${text})::VARCHAR` : jsonValue(column);
}
