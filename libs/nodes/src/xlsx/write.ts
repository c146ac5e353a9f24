import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Column } from '@tauro/domain';
import { ZipFile } from 'yazl';
import { NodeError } from '../node-kind.js';

/** What one sheet can hold. */
const MAX_ROWS = 1_048_576;
const MAX_COLUMNS = 16_384;
const MAX_TEXT = 32_767;
/** Rows that are handed on at once. */
const ROWS_AT_ONCE = 500;

/** How the values of a column become cells. */
export interface CellKind {
  /** SQL of a value as text. */
  text(column: string): string;
  cell(text: string): string;
}

const varchar = (column: string): string => `${column}::VARCHAR`;

/** Always as a text of its own, which Excel shows and never works out, whatever it begins with. */
const TEXT: CellKind = {
  text: varchar,
  cell(text) {
    if (text.length > MAX_TEXT) {
      throw new NodeError(
        'BadValue',
        `a text has ${text.length} characters, and a cell of Excel ${MAX_TEXT} at most`,
        false,
      );
    }
    return `<c t="inlineStr"><is><t xml:space="preserve">${escaped(text)}</t></is></c>`;
  },
};
/** More digits than these Excel would round, and of infinity it knows nothing: such values stay texts. */
const NUMBER: CellKind = {
  text: varchar,
  cell: (text) =>
    /^-?\d*\.?\d*(e[+-]?\d+)?$/i.test(text) &&
    text.replace(/e.*$/i, '').replace(/\D|^-?0*\.?0*/g, '').length <= 15
      ? `<c><v>${text}</v></c>`
      : TEXT.cell(text),
};
const FLOAT: CellKind = {
  text: varchar,
  cell: (text) => (Number.isFinite(Number(text)) ? `<c><v>${text}</v></c>` : TEXT.cell(text)),
};
const BOOLEAN: CellKind = { text: varchar, cell: (text) => `<c t="b"><v>${text === 'true' ? 1 : 0}</v></c>` };

/** Days since the last one of 1899, which is where Excel counts from. Those before March 1900 it counts wrongly. */
const dated = (style: number, days: (column: string) => string): CellKind => ({
  text: (column) =>
    `CASE WHEN ${column} >= DATE '1900-03-01' THEN ${days(column)} ELSE 'text:' || ${column}::VARCHAR END`,
  cell: (text) =>
    text.startsWith('text:') ? TEXT.cell(text.slice(5)) : `<c s="${style}"><v>${text}</v></c>`,
});
const DAY = dated(1, (column) => `(${column}::DATE - DATE '1899-12-30')::VARCHAR`);
const MOMENT = dated(2, (column) => `((epoch_ms(${column}) + 2209161600000) / 86400000)::DOUBLE::VARCHAR`);

const KINDS: Readonly<Record<string, CellKind>> = {
  BOOLEAN,
  TINYINT: NUMBER,
  SMALLINT: NUMBER,
  INTEGER: NUMBER,
  BIGINT: NUMBER,
  UTINYINT: NUMBER,
  USMALLINT: NUMBER,
  UINTEGER: NUMBER,
  UBIGINT: NUMBER,
  FLOAT,
  DOUBLE: FLOAT,
  DATE: DAY,
  TIMESTAMP: MOMENT,
  TIMESTAMP_S: MOMENT,
  TIMESTAMP_MS: MOMENT,
  TIMESTAMP_NS: MOMENT,
};

/** Moments of a time zone are texts, since Excel knows none. */
export function cellKindOf({ type }: Column): CellKind {
  if (type.startsWith('DECIMAL')) return NUMBER;
  const nested = /\[\d*\]$|^(STRUCT|MAP|UNION)\b/.test(type);
  return KINDS[type] ?? (nested ? { ...TEXT, text: (column) => `to_json(${column})::VARCHAR` } : TEXT);
}

/** Writes one sheet with a header, row after row. @throws NodeError for what a sheet cannot hold */
export async function writeSheet(
  path: string,
  columns: readonly Column[],
  rows: AsyncIterable<(string | null)[]>,
): Promise<void> {
  if (columns.length > MAX_COLUMNS) {
    throw new NodeError(
      'BadValue',
      `there are ${columns.length} columns, and a sheet of Excel has ${MAX_COLUMNS} at most`,
      false,
    );
  }
  const zip = new ZipFile();
  for (const [name, content] of Object.entries(PARTS)) zip.addBuffer(Buffer.from(XML + content), name);
  const sheet = Readable.from(sheetOf(columns, rows));
  // What goes wrong among the rows ends the file too.
  sheet.once('error', (error) => (zip.outputStream as Readable).destroy(error));
  zip.addReadStream(sheet, 'xl/worksheets/sheet1.xml');
  zip.end();
  await pipeline(zip.outputStream as Readable, createWriteStream(path));
}

async function* sheetOf(
  columns: readonly Column[],
  rows: AsyncIterable<(string | null)[]>,
): AsyncGenerator<string> {
  const kinds = columns.map(cellKindOf);
  yield `${XML}<worksheet xmlns="${MAIN}"><sheetData><row>${columns.map(({ name }) => TEXT.cell(name)).join('')}</row>`;
  let count = 1;
  let ready = '';
  for await (const row of rows) {
    if (++count > MAX_ROWS) {
      throw new NodeError(
        'BadValue',
        `there are more rows than a sheet of Excel can hold (${MAX_ROWS} with its header)`,
        false,
      );
    }
    ready += `<row>${row.map((text, i) => (text === null ? '<c/>' : kinds[i]!.cell(text))).join('')}</row>`;
    if (count % ROWS_AT_ONCE === 0) {
      yield ready;
      ready = '';
    }
  }
  yield `${ready}</sheetData></worksheet>`;
}

/** What XML has no place for: control characters, and halves of characters. */
const UNFIT =
  // eslint-disable-next-line no-control-regex
  /[\u0000-\u0008\u000b-\u001f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** Such characters stand as `_x0007_`. */
const escaped = (text: string): string =>
  text
    .replace(/_(?=x[0-9A-Fa-f]{4}_)/g, '_x005F_')
    .replace(UNFIT, (one) => `_x${one.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}_`)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;');

const XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n';
const MAIN = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main';
const OFFICE = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships';
const PACKAGE = 'http://schemas.openxmlformats.org/package/2006';
const TYPE = 'application/vnd.openxmlformats-officedocument.spreadsheetml';

/** All of a workbook but its sheet. */
const PARTS: Readonly<Record<string, string>> = {
  '[Content_Types].xml':
    `<Types xmlns="${PACKAGE}/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>` +
    `<Override PartName="/xl/workbook.xml" ContentType="${TYPE}.sheet.main+xml"/>` +
    `<Override PartName="/xl/worksheets/sheet1.xml" ContentType="${TYPE}.worksheet+xml"/>` +
    `<Override PartName="/xl/styles.xml" ContentType="${TYPE}.styles+xml"/></Types>`,
  '_rels/.rels': `<Relationships xmlns="${PACKAGE}/relationships"><Relationship Id="rId1" Type="${OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
  'xl/workbook.xml': `<workbook xmlns="${MAIN}" xmlns:r="${OFFICE}"><sheets><sheet name="Sheet1" sheetId="1" r:id="rId1"/></sheets></workbook>`,
  'xl/_rels/workbook.xml.rels':
    `<Relationships xmlns="${PACKAGE}/relationships"><Relationship Id="rId1" Type="${OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>` +
    `<Relationship Id="rId2" Type="${OFFICE}/styles" Target="styles.xml"/></Relationships>`,
  'xl/styles.xml':
    `<styleSheet xmlns="${MAIN}"><numFmts count="1"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd\\ hh:mm:ss.000"/></numFmts>` +
    '<fonts count="1"><font/></fonts><fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills>' +
    '<borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs>' +
    '<cellXfs count="3"><xf numFmtId="0"/><xf numFmtId="14" applyNumberFormat="1"/><xf numFmtId="164" applyNumberFormat="1"/></cellXfs></styleSheet>',
};
