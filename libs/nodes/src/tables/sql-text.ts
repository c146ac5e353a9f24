import { type Column } from '@tauro/domain';

/** A name as SQL: always quoted, so that no name is ever a keyword or more than a name. */
export const ident = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** A string as an SQL literal. DuckDB knows no backslash escapes in it. */
export const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** `['a', 'b']` */
export const listLiteral = (texts: readonly string[]): string => `[${texts.map(literal).join(', ')}]`;

/** `{'a': 'INTEGER'}` */
export const structLiteral = (entries: Readonly<Record<string, string>>): string =>
  `{${Object.entries(entries)
    .map(([key, value]) => `${literal(key)}: ${literal(value)}`)
    .join(', ')}}`;

/** `"a", "b"` */
export const idents = (names: readonly string[]): string => names.map(ident).join(', ');

/** `a, b, c` for messages; long lists are cut. */
export function namesOf(columns: readonly Column[]): string {
  const shown = columns.slice(0, 30).map((column) => column.name);
  const rest = columns.length - shown.length;
  return shown.join(', ') + (rest > 0 ? `, … ${rest} more` : '');
}

/** The column that `name` means: written exactly so, else the only one that differs in case, as in SQL. */
export function findColumn(columns: readonly Column[], name: string): Column | undefined {
  const exact = columns.find((column) => column.name === name);
  if (exact) return exact;
  const lower = name.toLowerCase();
  return columns.find((column) => column.name.toLowerCase() === lower);
}

/** `3 rows`, `1 row`. */
export const countOf = (count: number, noun: string): string =>
  `${count.toLocaleString('en-US')} ${noun}${count === 1 ? '' : 's'}`;
