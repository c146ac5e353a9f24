import { type Column } from '@tauro/domain';
import { type TextColumn } from './csv-stream.js';
import { ident } from './sql-text.js';
import { type Kind, type Told } from './told-value.js';

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

/** What a column says of itself; it is believed as long as all its values agree. */
export interface Wish {
  /** What its JSON is read as. */
  read: string;
  /** What it is. */
  type: string;
  fits(value: Told): boolean;
}

/** What the values of one column have been. */
class ToldColumn {
  private readonly kinds = new Set<Kind>();
  private digits = 0;
  private scale = 0;

  constructor(private wish?: Wish) {}

  see(value: Told): void {
    const { kind, json } = value;
    if (kind === 'null') return;
    this.kinds.add(kind);
    if (this.wish && !this.wish.fits(value)) this.wish = undefined;
    if (kind === 'decimal') this.measure(json);
    if (kind === 'int' || kind === 'long') this.digits = Math.max(this.digits, INTEGER_DIGITS[kind]);
  }

  private measure(json: string): void {
    const [, whole = '', fraction = '', exponent = '0'] =
      /^"-?(\d+)(?:\.(\d+))?(?:E([+-]?\d+))?"$/.exec(json) ?? [];
    this.digits = Math.max(this.digits, whole.length + Number(exponent));
    this.scale = Math.max(this.scale, fraction.length - Number(exponent));
  }

  as(name: string): TextColumn {
    if (!this.wish) return columnOf(name, this.type);
    const { read, type } = this.wish;
    const column = ident(name);
    return { name, read, taken: read === type ? column : `${column}::${type} AS ${column}` };
  }

  /** The type that takes all of them: JSON takes anything. */
  get type(): string {
    const kinds = [...this.kinds];
    const only = (...allowed: Kind[]): boolean => kinds.every((kind) => allowed.includes(kind));
    if (kinds.length === 1 && kinds[0] !== 'decimal') return ALONE[kinds[0]!];
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

/** The columns of all rows so far, in the order in which they first came. */
export class ToldColumns {
  private readonly columns = new Map<string, ToldColumn>();

  /** Makes a column before there is a value of it. */
  expect(name: string, wish?: Wish): void {
    this.columns.set(name, new ToldColumn(wish));
  }

  see(name: string, value: Told): void {
    let column = this.columns.get(name);
    if (!column) this.columns.set(name, (column = new ToldColumn()));
    column.see(value);
  }

  get size(): number {
    return this.columns.size;
  }

  /** What they are, whatever they wish to be. */
  get types(): Column[] {
    return [...this.columns].map(([name, { type }]) => ({ name, type }));
  }

  get all(): TextColumn[] {
    return [...this.columns].map(([name, column]) => column.as(name));
  }
}

/** Bytes stand as hexadecimal digits in JSON. */
export function columnOf(name: string, type: string): TextColumn {
  const column = ident(name);
  return type === 'BLOB'
    ? { name, read: 'VARCHAR', taken: `unhex(${column}) AS ${column}` }
    : { name, read: type, taken: column };
}
