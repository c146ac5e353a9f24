import { Binary, Decimal128, type Document, Double, Int32, Long, ObjectId, UUID } from 'mongodb';
import { NodeError, type NodeContext } from '../node-kind.js';
import { columnsNamed } from '../tables/named-columns.js';
import { jsonObject } from '../tables/json-rows.js';
import { ident } from '../tables/sql-text.js';
import { nodeErrorOf } from '../tables/table-errors.js';
import { inSession, parquetRows, type TableInput } from '../tables/table-output.js';

type Column = TableInput['columns'][number];
/** Makes a value of what DuckDB wrote. */
type Convert = (text: string) => unknown;

/** Documents of one command, and what they may have as text. */
const BATCH_ROWS = 1000;
const BATCH_CHARACTERS = 8 * 1024 * 1024;

const int32: Convert = (text) => new Int32(Number(text));
const long: Convert = (text) => Long.fromString(text);
const decimal: Convert = (text) => Decimal128.fromString(text);
const double: Convert = (text) => new Double(NOT_FINITE[text] ?? Number(text));
const date: Convert = (text) => new Date(Number(text));
const same: Convert = (text) => text;

const NOT_FINITE: Readonly<Record<string, number>> = { inf: Infinity, '-inf': -Infinity, nan: NaN };

const CONVERT: Readonly<Record<string, Convert>> = {
  BOOLEAN: (text) => text === 'true',
  TINYINT: int32,
  SMALLINT: int32,
  INTEGER: int32,
  UTINYINT: int32,
  USMALLINT: int32,
  UINTEGER: long,
  BIGINT: long,
  UBIGINT: decimal,
  HUGEINT: decimal,
  UHUGEINT: decimal,
  FLOAT: double,
  DOUBLE: double,
  UUID: (text) => new UUID(text),
  BLOB: (text) => new Binary(Buffer.from(text, 'hex')),
};

const isNested = (type: string): boolean => /\[\d*\]$|^(STRUCT|MAP|UNION)\b/.test(type) || type === 'JSON';
const isTime = (type: string): boolean => /^(DATE$|TIMESTAMP)/.test(type);

/** Rows as documents, a batch at a time: the next is made once the last one was taken. */
export async function eachBatch(
  context: NodeContext,
  { path, columns }: TableInput,
  take: (documents: Document[], first: number) => Promise<void>,
): Promise<void> {
  checkColumns(columns);
  const converts = convertsOf(context, columns);
  const query = `SELECT ${jsonObject(columns, textOf)} FROM (${parquetRows(path)})`;
  let batch: Document[] = [];
  let characters = 0;
  let taken = 0;
  const flush = async (): Promise<void> => {
    const documents = batch;
    batch = [];
    characters = 0;
    if (documents.length > 0) await take(documents, taken);
    taken += documents.length;
  };
  try {
    await inSession(context, { paths: [path] }, async (session) => {
      for await (const lines of session.stream(query)) {
        for (const line of lines) {
          batch.push(documentOf(line, converts, taken + batch.length));
          characters += line.length;
          if (batch.length >= BATCH_ROWS || characters > BATCH_CHARACTERS) await flush();
        }
      }
      await flush();
    });
  } catch (error) {
    throw nodeErrorOf(error, 'rows for the collection');
  }
}

/** With them a name would mean a path, or an operator. */
function checkColumns(columns: readonly Column[]): void {
  const odd = columns.find(({ name }) => name === '' || name.startsWith('$') || /[.\0]/.test(name));
  if (!odd) return;
  const message = `column '${odd.name}' cannot be a key of a document: rename it, without a dot and not beginning with $`;
  throw new NodeError('InvalidConfig', message, false);
}

function convertsOf(
  { config }: NodeContext,
  columns: readonly Column[],
): Record<string, Convert | undefined> {
  const ids = columnsNamed(columns, (config['object_ids'] ?? []) as string[], 'object_ids');
  return Object.fromEntries(
    columns.map((column) => [column.name, ids.includes(column) ? objectId : convertOf(column)]),
  );
}

/** Undefined for what is JSON already. */
function convertOf({ type }: Column): Convert | undefined {
  if (isNested(type)) return undefined;
  if (isTime(type)) return date;
  return /^DECIMAL/.test(type) ? decimal : (CONVERT[type] ?? same);
}

const objectId: Convert = (text) => {
  if (!/^[0-9a-fA-F]{24}$/.test(text)) throw new Error('it is no id of 24 hexadecimal digits');
  return new ObjectId(text);
};

/** The SQL of a value as JSON: a text, unless it is nested. */
function textOf({ name, type }: Column): string {
  const column = ident(name);
  if (isNested(type)) return `to_json(${column})::VARCHAR`;
  if (isTime(type))
    return `to_json(epoch_ms(${column}${type === 'DATE' ? '::TIMESTAMP' : ''})::VARCHAR)::VARCHAR`;
  return `to_json(${type === 'BLOB' ? `hex(${column})` : `${column}::VARCHAR`})::VARCHAR`;
}

function documentOf(line: string, converts: Record<string, Convert | undefined>, row: number): Document {
  const document = JSON.parse(line) as Document;
  for (const [name, convert] of Object.entries(converts)) {
    const value = document[name] as string | null;
    if (!convert || value === null) continue;
    try {
      document[name] = convert(value);
    } catch (error) {
      const shown = value.slice(0, 100);
      const message = `row ${row + 1}, column '${name}': '${shown}': ${(error as Error).message}`;
      throw new NodeError('BadValue', message, false);
    }
  }
  return document;
}
