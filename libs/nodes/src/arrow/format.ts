import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { open } from 'node:fs/promises';
import {
  Binary,
  Bool,
  type DataType,
  DateDay,
  Field,
  Float64,
  Int64,
  makeData,
  type RecordBatch,
  RecordBatch as Batch,
  RecordBatchFileWriter,
  RecordBatchReader,
  Schema,
  Struct,
  TimestampMicrosecond,
  Uint64,
  Utf8,
  vectorFromArray,
} from 'apache-arrow';
import { type Column } from '@tauro/domain';
import { type ForeignFormat } from '../formats/foreign-format.js';
import { NodeError } from '../node-kind.js';
import { ident } from '../tables/sql-text.js';
import { valueReader } from './values.js';

const ROWS_AT_ONCE = 8192;

/** Arrow's own files, and its streams in files. */
export const arrow: ForeignFormat = {
  async read({ path, shown }, take) {
    const file = await open(path);
    try {
      const reader = await RecordBatchReader.from(file).catch(refuse(shown));
      await reader.open().catch(refuse(shown));
      const fields = reader.schema.fields;
      if (fields.length === 0) throw new NodeError('BadFile', `${shown} is no Arrow file`, false);
      const readers = fields.map(({ type }) => valueReader(type as DataType));
      for (;;) {
        const next = await reader.next().catch(refuse(shown));
        if (next.done) break;
        const batch = next.value as RecordBatch;
        const columns = fields.map((_, i) => readers[i]!.of(batch.getChildAt(i)!));
        for (let row = 0; row < batch.numRows; row++) {
          await take(Object.fromEntries(fields.map(({ name }, i) => [name, columns[i]!(row)])));
        }
      }
      return Object.fromEntries(fields.map(({ name }, i) => [name, readers[i]!.type]));
    } finally {
      await file.close().catch(() => undefined);
    }
  },

  text: (column) => kindOf(column).text(ident(column.name)),

  async write(path, columns, rows) {
    const kinds = columns.map(kindOf);
    const schema = new Schema(columns.map(({ name }, i) => new Field(name, kinds[i]!.type, true)));
    const out = createWriteStream(path);
    const writer = new RecordBatchFileWriter();
    writer.reset(out as never, schema);
    let waiting: (string | null)[][] = [];
    const flush = async (): Promise<void> => {
      if (waiting.length === 0) return;
      const children = kinds.map((kind, i) => kind.data(waiting.map((row) => row[i]!)));
      const data = makeData({
        type: new Struct(schema.fields),
        length: waiting.length,
        nullCount: 0,
        children,
      });
      writer.write(new Batch(schema, data));
      waiting = [];
      // What is written goes on by itself; it must not pile up.
      await new Promise((done) => setImmediate(done));
      if (out.writableNeedDrain) await once(out, 'drain');
    };
    const finished = once(out, 'finish');
    try {
      for await (const row of rows) {
        waiting.push(row);
        if (waiting.length === ROWS_AT_ONCE) await flush();
      }
      await flush();
      writer.finish();
      await finished;
    } catch (error) {
      finished.catch(() => undefined);
      out.destroy();
      throw error;
    }
  },
};

const refuse =
  (shown: string) =>
  (error: Error): never => {
    const packed = /codec|compress/i.test(error.message);
    const why = packed ? 'has compressed batches; write it without compression' : `is no whole Arrow file`;
    throw new NodeError('BadFile', `${shown} ${why}`, false);
  };

/** How the values of a column are written. */
interface Kind {
  type: DataType;
  /** SQL of a value as text. */
  text(column: string): string;
  data(texts: (string | null)[]): ReturnType<typeof makeData>;
}

const varchar = (column: string): string => `${column}::VARCHAR`;

/** Fixed values with a map of which are there. */
function fixed<T extends DataType>(
  type: T,
  ArrayOf: new (length: number) => { [index: number]: unknown },
  parse: (text: string) => unknown,
  text: Kind['text'] = varchar,
): Kind {
  return {
    type,
    text,
    data(texts) {
      const data = new ArrayOf(texts.length);
      const nullBitmap = new Uint8Array(((texts.length >> 3) + 8) & ~7);
      let nullCount = 0;
      texts.forEach((one, i) => {
        if (one === null) nullCount++;
        else {
          data[i] = parse(one);
          nullBitmap[i >> 3]! |= 1 << (i & 7);
        }
      });
      return makeData({ type, length: texts.length, nullCount, nullBitmap, data } as never);
    },
  };
}

const built = (type: DataType, parse: (text: string) => unknown, text: Kind['text'] = varchar): Kind => ({
  type,
  text,
  data: (texts) =>
    vectorFromArray(
      texts.map((one) => (one === null ? null : parse(one))),
      type,
    ).data[0]! as never,
});

const number = (text: string): number => Number(text.replace(/^([+-]?)inf(inity)?$/i, '$1Infinity'));
const INT = fixed(new Int64(), BigInt64Array, BigInt);
const FLOAT = fixed(new Float64(), Float64Array, number);
const TEXT = built(new Utf8(), (text) => text);
const moment = (timezone?: string): Kind =>
  fixed(
    new TimestampMicrosecond(timezone),
    BigInt64Array,
    BigInt,
    (column) => `epoch_us(${column})::VARCHAR`,
  );

const KINDS: Readonly<Record<string, Kind>> = {
  BOOLEAN: built(new Bool(), (text) => text === 'true'),
  TINYINT: INT,
  SMALLINT: INT,
  INTEGER: INT,
  BIGINT: INT,
  UTINYINT: INT,
  USMALLINT: INT,
  UINTEGER: INT,
  UBIGINT: fixed(new Uint64(), BigUint64Array, BigInt),
  FLOAT,
  DOUBLE: FLOAT,
  DATE: fixed(new DateDay(), Int32Array, Number, (column) => `(${column} - DATE '1970-01-01')::VARCHAR`),
  TIMESTAMP: moment(),
  TIMESTAMP_S: moment(),
  TIMESTAMP_MS: moment(),
  'TIMESTAMP WITH TIME ZONE': moment('UTC'),
  BLOB: built(
    new Binary(),
    (text) => Buffer.from(text, 'hex'),
    (column) => `hex(${column})`,
  ),
};

/** What has no kind of its own is text; exact numbers are so to the last digit. */
const kindOf = ({ type }: Column): Kind =>
  KINDS[type] ??
  (/\[\d*\]$|^(STRUCT|MAP|UNION)\b/.test(type)
    ? { ...TEXT, text: (column) => `to_json(${column})::VARCHAR` }
    : TEXT);
