import { type TextColumn } from '../tables/csv-stream.js';
import { ident } from '../tables/sql-text.js';
import { type Kind, type Told } from './values.js';

/** What one kind alone is as a column. */
const ALONE: Readonly<Record<Exclude<Kind, 'decimal'>, string>> = {
  null: 'VARCHAR',
  bool: 'BOOLEAN',
  int: 'INTEGER',
  long: 'BIGINT',
  double: 'DOUBLE',
  text: 'VARCHAR',
  id: 'VARCHAR',
  date: 'TIMESTAMPTZ',
  uuid: 'UUID',
  binary: 'BLOB',
  nested: 'JSON',
};

/** Digits before the point that an integer may have. */
const INTEGER_DIGITS = { int: 10, long: 19 } as const;
const MAX_DIGITS = 38;

/** What the values of one key have been. */
class KeyType {
  private readonly kinds = new Set<Kind>();
  private digits = 0;
  private scale = 0;

  see({ kind, json }: Told): void {
    if (kind !== 'null') this.kinds.add(kind);
    if (kind === 'decimal') this.measure(json);
    if (kind === 'int' || kind === 'long') this.digits = Math.max(this.digits, INTEGER_DIGITS[kind]);
  }

  private measure(json: string): void {
    const [, whole = '', fraction = '', exponent = '0'] =
      /^"-?(\d+)(?:\.(\d+))?(?:E([+-]?\d+))?"$/.exec(json) ?? [];
    this.digits = Math.max(this.digits, whole.length + Number(exponent));
    this.scale = Math.max(this.scale, fraction.length - Number(exponent));
  }

  /** The type that takes all of them: JSON takes anything. */
  get type(): string {
    const kinds = [...this.kinds];
    const only = (...allowed: Kind[]): boolean => kinds.every((kind) => allowed.includes(kind));
    if (kinds.length === 1 && kinds[0] !== 'decimal') return ALONE[kinds[0]];
    if (kinds.length === 0) return ALONE.null;
    if (only('int', 'long')) return 'BIGINT';
    if (only('int', 'long', 'decimal')) return this.decimal ?? 'DOUBLE';
    if (only('int', 'long', 'decimal', 'double')) return 'DOUBLE';
    return only('text', 'id') ? 'VARCHAR' : 'JSON';
  }

  private get decimal(): string | undefined {
    const precision = Math.max(this.digits, 1) + this.scale;
    return precision <= MAX_DIGITS ? `DECIMAL(${precision}, ${this.scale})` : undefined;
  }
}

/** The keys of all documents so far, in the order in which they first came. */
export class KeyTypes {
  private readonly keys = new Map<string, KeyType>();

  see(key: string, value: Told): void {
    let type = this.keys.get(key);
    if (!type) this.keys.set(key, (type = new KeyType()));
    type.see(value);
  }

  get size(): number {
    return this.keys.size;
  }

  columns(): TextColumn[] {
    return [...this.keys].map(([name, { type }]) => columnOf(name, type));
  }
}

/** Bytes stand as hexadecimal digits in JSON. */
export function columnOf(name: string, type: string): TextColumn {
  const column = ident(name);
  return type === 'BLOB'
    ? { name, read: 'VARCHAR', taken: `unhex(${column}) AS ${column}` }
    : { name, read: type, taken: column };
}
