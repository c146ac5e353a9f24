import { type Wish } from '../tables/told-columns.js';
import { type Kind, type Told, told, toldDouble, toldText } from '../tables/told-value.js';

/** A value that the engine gave, with integers as BigInt. */
export function tell(value: unknown): Told {
  if (value === null || value === undefined) return told('null', 'null');
  if (typeof value === 'bigint') return told('long', String(value));
  if (typeof value === 'number') return toldDouble(value);
  if (typeof value === 'string') return toldText('text', value);
  return toldText('binary', Buffer.from(value as Uint8Array).toString('hex'));
}

const matches =
  (kinds: readonly Kind[], pattern: RegExp) =>
  ({ kind, json }: Told): boolean =>
    kinds.includes(kind) && pattern.test(json);

/** What the type of a column promises, which nothing but its values can prove. */
const WISHES: readonly (readonly [RegExp, Wish])[] = [
  [/^BOOL/, { read: 'BIGINT', type: 'BOOLEAN', fits: matches(['long'], /^[01]$/) }],
  [/^DATE$/, { read: 'DATE', type: 'DATE', fits: matches(['text'], /^"\d{4}-\d\d-\d\d"$/) }],
  [
    /^(?:DATETIME|TIMESTAMP)$/,
    {
      read: 'TIMESTAMP',
      type: 'TIMESTAMP',
      fits: matches(['text'], /^"\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)?"$/),
    },
  ],
  [
    /^TIMESTAMPTZ$/,
    {
      read: 'TIMESTAMPTZ',
      type: 'TIMESTAMPTZ',
      fits: matches(['text'], /^"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d(?::?\d\d)?)"$/),
    },
  ],
  [/^JSON/, { read: 'VARCHAR', type: 'JSON', fits: isJson }],
];

function isJson({ kind, json }: Told): boolean {
  if (kind !== 'text') return kind === 'long' || kind === 'double';
  try {
    JSON.parse(JSON.parse(json) as string);
    return true;
  } catch {
    return false;
  }
}

/** Digits that the engine's numbers hold exactly. */
const EXACT_DIGITS = 15;

/** @param declared of the column, as it was made */
export function wishOf(declared: string | null | undefined): Wish | undefined {
  const type = (declared ?? '').trim().toUpperCase();
  const decimal = /^(?:DECIMAL|NUMERIC)\s*\(\s*(\d+)\s*,\s*(\d+)\s*\)$/.exec(type);
  if (!decimal) return WISHES.find(([pattern]) => pattern.test(type))?.[1];
  const [precision, scale] = [Number(decimal[1]), Number(decimal[2])];
  if (precision > EXACT_DIGITS || scale > precision) return undefined;
  const name = `DECIMAL(${precision},${scale})`;
  return { read: name, type: name, fits: isDecimal(precision, scale) };
}

/** Whether a number loses nothing in so many digits. */
const isDecimal =
  (precision: number, scale: number) =>
  ({ kind, json }: Told): boolean => {
    const [, whole = '', fraction = ''] = /^-?(\d+)(?:\.(\d+))?$/.exec(json) ?? [];
    const isNumber = (kind === 'long' || kind === 'double') && whole !== '';
    return isNumber && whole.length <= precision - scale && fraction.length <= scale;
  };

/** What the node's config wants of a column, whatever its values are. Bytes are bytes by themselves. */
export const declaredWish = (type: string): Wish | undefined =>
  type === 'BLOB' ? undefined : { read: 'VARCHAR', type, fits: () => true };

const isNested = (type: string): boolean => /\[\d*\]$|^(STRUCT|MAP|UNION)\b/.test(type) || type === 'JSON';

/** The type of a column that a sink makes, for one of DuckDB's; what has no place in 64 bits is kept as text. */
export function serverTypeOf(type: string): string {
  const decimal = /^DECIMAL\((\d+),\s*(\d+)\)$/.exec(type);
  if (decimal) return Number(decimal[1]) <= EXACT_DIGITS ? type : 'TEXT';
  return isNested(type) ? 'JSON' : (MADE[type] ?? 'TEXT');
}

const MADE: Readonly<Record<string, string>> = {
  BOOLEAN: 'BOOLEAN',
  TINYINT: 'INTEGER',
  SMALLINT: 'INTEGER',
  INTEGER: 'INTEGER',
  BIGINT: 'INTEGER',
  UTINYINT: 'INTEGER',
  USMALLINT: 'INTEGER',
  UINTEGER: 'INTEGER',
  FLOAT: 'REAL',
  DOUBLE: 'REAL',
  DATE: 'DATE',
  TIMESTAMP: 'DATETIME',
  TIMESTAMP_S: 'DATETIME',
  TIMESTAMP_MS: 'DATETIME',
  TIMESTAMP_NS: 'DATETIME',
  'TIMESTAMP WITH TIME ZONE': 'TIMESTAMPTZ',
  BLOB: 'BLOB',
};
