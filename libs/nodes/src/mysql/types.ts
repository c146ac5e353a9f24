import { type FieldPacket, Types } from 'mysql2';
import { type TextColumn } from '../tables/csv-stream.js';
import { ident } from '../tables/sql-text.js';

/** How a column comes over, and how a value of it becomes a field of CSV. */
export interface Passage extends TextColumn {
  text(value: unknown): string;
}

/** Bit of `flags`. */
const UNSIGNED = 32;
/** The character set of what is no text. */
const BINARY = 63;

const INTEGERS: Readonly<Record<number, string>> = {
  [Types.TINY]: 'TINYINT',
  [Types.SHORT]: 'SMALLINT',
  [Types.INT24]: 'INTEGER',
  [Types.LONG]: 'INTEGER',
  [Types.LONGLONG]: 'BIGINT',
};

const SAME: Readonly<Record<number, string>> = {
  [Types.FLOAT]: 'FLOAT',
  [Types.DOUBLE]: 'DOUBLE',
  [Types.YEAR]: 'SMALLINT',
  [Types.TIME]: 'TIME',
};

const TIMES: Readonly<Record<number, string>> = {
  [Types.DATE]: 'DATE',
  [Types.NEWDATE]: 'DATE',
  [Types.DATETIME]: 'TIMESTAMP',
  [Types.TIMESTAMP]: 'TIMESTAMPTZ',
};

/** What the driver makes objects of. */
const OBJECTS: ReadonlySet<number> = new Set([Types.GEOMETRY, Types.VECTOR]);

const plain = (value: unknown): string => String(value);
const quoted = (value: unknown): string => `"${String(value).replaceAll('"', '""')}"`;
/** What the server says for no date at all; the driver leaves the clock away. */
const time = (value: unknown): string => (String(value).startsWith('0000-00-00') ? '' : String(value));
const number = (value: unknown): string => BigInt(`0x${(value as Buffer).toString('hex')}`).toString();

/** @param declared the type that the node's config wants, of DuckDB's. */
export function passageOf(field: FieldPacket, declared?: string): Passage {
  const { name } = field;
  const column = ident(name);
  const as = (read: string, text: Passage['text'], taken = column): Passage => ({
    name,
    read: declared ?? read,
    taken: declared === undefined && taken !== column ? `${taken} AS ${column}` : column,
    text: (value) => (value === null ? '' : text(value)),
  });
  const type = field.columnType!;
  const { extendedFormat, extendedTypeName } = field as {
    extendedFormat?: string;
    extendedTypeName?: string;
  };
  if (INTEGERS[type] !== undefined) return as(`${isUnsigned(field) ? 'U' : ''}${INTEGERS[type]}`, plain);
  if (SAME[type] !== undefined) return as(SAME[type], plain);
  if (TIMES[type] !== undefined) return as(TIMES[type], time);
  if (type === Types.DECIMAL || type === Types.NEWDECIMAL) return as(decimalOf(field) ?? 'DOUBLE', plain);
  if (type === Types.BIT) {
    return field.columnLength === 1 ? as('BOOLEAN', number) : as('UBIGINT', number);
  }
  if (type === Types.JSON || extendedFormat === 'json') return as('JSON', quoted);
  if (OBJECTS.has(type)) return as('JSON', (value) => quoted(JSON.stringify(value)));
  if (extendedTypeName === 'uuid') return as('UUID', quoted);
  if (field.characterSet !== BINARY) return as('VARCHAR', quoted);
  return as('VARCHAR', (value) => quoted(Buffer.from(value as Buffer).toString('hex')), `unhex(${column})`);
}

const isUnsigned = ({ flags }: FieldPacket): boolean => (Number(flags) & UNSIGNED) !== 0;

/** Digits and scale; undefined when there are more than DuckDB knows. The length counts the point and the sign. */
function decimalOf(field: FieldPacket): string | undefined {
  const scale = field.decimals ?? 0;
  const precision = field.columnLength! - (scale > 0 ? 1 : 0) - (isUnsigned(field) ? 0 : 1);
  return precision <= 38 && scale <= precision ? `DECIMAL(${precision}, ${scale})` : undefined;
}

/** The type of a column that a sink makes, for one of DuckDB's. @param key whether it is part of the primary key */
export function serverTypeOf(type: string, key: boolean): string {
  const decimal = /^DECIMAL\((\d+),\s*(\d+)\)$/.exec(type);
  if (decimal) return `decimal(${decimal[1]}, ${decimal[2]})`;
  if (isNested(type)) return 'json';
  const made = MADE[type] ?? 'longtext';
  // A key is no longer than some hundred characters.
  return key && made.startsWith('long') ? KEYED[made]! : made;
}

export const isNested = (type: string): boolean =>
  /\[\d*\]$|^(STRUCT|MAP|UNION)\b/.test(type) || type === 'JSON';

const KEYED: Readonly<Record<string, string>> = { longtext: 'varchar(255)', longblob: 'varbinary(255)' };

const MADE: Readonly<Record<string, string>> = {
  BOOLEAN: 'boolean',
  TINYINT: 'tinyint',
  SMALLINT: 'smallint',
  UTINYINT: 'tinyint unsigned',
  INTEGER: 'int',
  USMALLINT: 'smallint unsigned',
  BIGINT: 'bigint',
  UINTEGER: 'int unsigned',
  UBIGINT: 'bigint unsigned',
  HUGEINT: 'decimal(39)',
  UHUGEINT: 'decimal(39)',
  FLOAT: 'float',
  DOUBLE: 'double',
  DATE: 'date',
  TIME: 'time(6)',
  TIMESTAMP: 'datetime(6)',
  TIMESTAMP_S: 'datetime',
  TIMESTAMP_MS: 'datetime(3)',
  TIMESTAMP_NS: 'datetime(6)',
  'TIMESTAMP WITH TIME ZONE': 'timestamp(6)',
  UUID: 'char(36)',
  BLOB: 'longblob',
};
