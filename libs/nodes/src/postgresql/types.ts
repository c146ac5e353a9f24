import { type TextColumn } from '../tables/csv-stream.js';
import { ident, literal } from '../tables/sql-text.js';

/** A column of a query, as the server describes it. */
export interface ServerColumn {
  name: string;
  /** `pg_type.typname`, such as `int8`. */
  type: string;
  /** `pg_type.typtype`: `e` for an enum, `b` for a base type, ... */
  sort: string;
  /** `pg_type.typcategory`: `A` for an array. */
  category: string;
  /** `pg_attribute.atttypmod`, -1 for none. */
  modifier: number;
}

/** How a column comes over, and what the server is asked for. */
export interface Passage extends TextColumn {
  /** An expression of the server's. */
  asked: string;
}

const SAME: Readonly<Record<string, string>> = {
  bool: 'BOOLEAN',
  int2: 'SMALLINT',
  int4: 'INTEGER',
  int8: 'BIGINT',
  oid: 'BIGINT',
  float4: 'FLOAT',
  float8: 'DOUBLE',
  text: 'VARCHAR',
  varchar: 'VARCHAR',
  bpchar: 'VARCHAR',
  name: 'VARCHAR',
  char: 'VARCHAR',
  date: 'DATE',
  time: 'TIME',
  timestamp: 'TIMESTAMP',
  timestamptz: 'TIMESTAMPTZ',
  interval: 'INTERVAL',
  uuid: 'UUID',
  json: 'JSON',
  jsonb: 'JSON',
};

/** Digits and scale that a `numeric(p, s)` has; undefined when it has none, or more than DuckDB knows. */
function decimalOf(modifier: number): string | undefined {
  if (modifier < 4) return undefined;
  const precision = ((modifier - 4) >> 16) & 0xffff;
  const scale = (modifier - 4) & 0x7ff;
  return precision <= 38 && scale <= precision ? `DECIMAL(${precision}, ${scale})` : undefined;
}

/** @param declared the type that the node's config wants, of DuckDB's. */
export function passageOf(
  { name, type, sort, category, modifier }: ServerColumn,
  declared?: string,
): Passage {
  const column = ident(name);
  const as = (read: string, asked = column, taken = column): Passage => ({
    name,
    asked: asked === column ? column : `${asked} AS ${column}`,
    read: declared ?? read,
    taken: taken === column || declared !== undefined ? column : `${taken} AS ${column}`,
  });
  if (category === 'A' || sort === 'c') return as('JSON', `to_json(${column})`);
  if (type === 'bytea') return as('VARCHAR', `encode(${column}, 'hex')`, `unhex(${column})`);
  if (type === 'numeric') return as(decimalOf(modifier) ?? 'DOUBLE');
  const same = SAME[type];
  return same === undefined ? as('VARCHAR', `${column}::text`) : as(same);
}

/** The type of a column that a sink makes, for one of DuckDB's. */
export function serverTypeOf(type: string): string {
  const decimal = /^DECIMAL\((\d+),\s*(\d+)\)$/.exec(type);
  if (decimal) return `numeric(${decimal[1]}, ${decimal[2]})`;
  if (isNested(type)) return 'jsonb';
  return MADE[type] ?? 'text';
}

const isNested = (type: string): boolean => /\[\d*\]$|^(STRUCT|MAP|UNION)\b/.test(type) || type === 'JSON';

const MADE: Readonly<Record<string, string>> = {
  BOOLEAN: 'boolean',
  TINYINT: 'smallint',
  SMALLINT: 'smallint',
  UTINYINT: 'smallint',
  INTEGER: 'integer',
  USMALLINT: 'integer',
  BIGINT: 'bigint',
  UINTEGER: 'bigint',
  UBIGINT: 'numeric(20)',
  HUGEINT: 'numeric(39)',
  UHUGEINT: 'numeric(39)',
  FLOAT: 'real',
  DOUBLE: 'double precision',
  DATE: 'date',
  TIME: 'time',
  TIMESTAMP: 'timestamp',
  TIMESTAMP_S: 'timestamp',
  TIMESTAMP_MS: 'timestamp',
  TIMESTAMP_NS: 'timestamp',
  'TIMESTAMP WITH TIME ZONE': 'timestamptz',
  INTERVAL: 'interval',
  UUID: 'uuid',
  BLOB: 'bytea',
};

/** How DuckDB writes a column for the server's `COPY`. */
export function written({ name, type }: { name: string; type: string }): string {
  const column = ident(name);
  if (type === 'BLOB') return `${literal('\\x')} || hex(${column}) AS ${column}`;
  if (isNested(type) && type !== 'JSON') return `to_json(${column}) AS ${column}`;
  return column;
}
