import {
  DataType,
  DateUnit,
  type Decimal,
  type Int,
  TimeUnit,
  type Timestamp,
  type Vector,
} from 'apache-arrow';

/** How values of a type become what a line of JSON holds, and the type that DuckDB then gives them. */
export interface ValueReader {
  type: string;
  of(vector: Vector): (row: number) => unknown;
}

const each =
  (change: (value: never) => unknown) =>
  (vector: Vector) =>
  (row: number): unknown => {
    const value: unknown = vector.get(row);
    return value === null || value === undefined ? null : change(value as never);
  };

const plain = (type: string, change: (value: never) => unknown = (value) => value): ValueReader => ({
  type,
  of: each(change),
});

/** Of numbers that stand for moments the client would lose digits. */
const raw = (type: string, change: (value: bigint) => string): ValueReader => ({
  type,
  of: (vector) => {
    const [data] = vector.data;
    const values = data!.values as BigInt64Array | Int32Array;
    return (row) => (data!.getValid(row) ? change(BigInt(values[row]!)) : null);
  },
});

/** The reader of a type. */
export function valueReader(type: DataType): ValueReader {
  if (DataType.isDictionary(type)) {
    const inner = valueReader(type.dictionary as DataType);
    return /^(VARCHAR|DOUBLE|BOOLEAN|U?(TINY|SMALL|BIG)?INT(EGER)?)$/.test(inner.type)
      ? inner
      : plain('VARCHAR', String);
  }
  if (DataType.isNull(type)) return plain('VARCHAR', () => null);
  if (DataType.isBool(type)) return plain('BOOLEAN');
  if (DataType.isInt(type)) return plain(INTS[`${(type as Int).isSigned}${(type as Int).bitWidth}`]!, String);
  if (DataType.isFloat(type))
    return plain('DOUBLE', (value: number) => (Number.isFinite(value) ? value : String(value)));
  if (DataType.isUtf8(type) || DataType.isLargeUtf8(type)) return plain('VARCHAR');
  if (DataType.isDecimal(type)) return decimalReader(type as Decimal);
  if (DataType.isDate(type)) {
    const perDay = type.unit === DateUnit.DAY ? 1n : 86_400_000n;
    return raw('DATE', (value) => new Date(Number(value / perDay) * 86_400_000).toISOString().slice(0, 10));
  }
  if (DataType.isTimestamp(type)) {
    const { unit, timezone } = type as Timestamp;
    const zoned = timezone ? '+00' : '';
    return raw(timezone ? 'TIMESTAMPTZ' : 'TIMESTAMP', (value) => momentOf(micros(value, unit)) + zoned);
  }
  if (DataType.isTime(type)) {
    const { unit } = type as { unit: TimeUnit };
    return raw('TIME', (value) => momentOf(micros(value, unit)).slice(11));
  }
  if (DataType.isBinary(type) || DataType.isLargeBinary(type) || DataType.isFixedSizeBinary(type)) {
    return plain('BLOB', (value: Uint8Array) =>
      [...value].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join(''),
    );
  }
  return plain('JSON', (value) => JSON.parse(JSON.stringify(value, exact)) as unknown);
}

const INTS: Readonly<Record<string, string>> = {
  true8: 'TINYINT',
  true16: 'SMALLINT',
  true32: 'INTEGER',
  true64: 'BIGINT',
  false8: 'UTINYINT',
  false16: 'USMALLINT',
  false32: 'UINTEGER',
  false64: 'UBIGINT',
};

function micros(value: bigint, unit: TimeUnit): bigint {
  switch (unit) {
    case TimeUnit.SECOND:
      return value * 1_000_000n;
    case TimeUnit.MILLISECOND:
      return value * 1000n;
    case TimeUnit.MICROSECOND:
      return value;
    case TimeUnit.NANOSECOND:
      return value / 1000n;
  }
}

/** `2025-01-31 06:00:00.000001` */
function momentOf(value: bigint): string {
  const rest = ((value % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const seconds = Number((value - rest) / 1_000_000n);
  const text = new Date(seconds * 1000).toISOString().slice(0, 19).replace('T', ' ');
  return `${text}.${String(rest).padStart(6, '0')}`;
}

function decimalReader({ precision, scale, bitWidth }: Decimal): ValueReader {
  const type = precision <= 38 ? `DECIMAL(${precision},${scale})` : 'VARCHAR';
  return plain(type, (words: Uint32Array) => {
    const value = BigInt.asIntN(
      bitWidth,
      [...words].reduceRight((sum, word) => (sum << 32n) | BigInt(word), 0n),
    );
    const digits = String(value < 0n ? -value : value).padStart(scale + 1, '0');
    const text = scale === 0 ? digits : `${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
    return value < 0n ? `-${text}` : text;
  });
}

const exact = (_: string, value: unknown): unknown =>
  typeof value === 'bigint' ? (Number.isSafeInteger(Number(value)) ? Number(value) : String(value)) : value;
