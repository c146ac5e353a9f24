/** DuckDB hands large integers over as text. */
const NUMERIC = /^(-?\d+(\.\d+)?)?$/;

type Row = Record<string, unknown>;

/** Rows as aligned text under a line of column names; numbers to the right. */
export function textTable(columns: string[], rows: Row[]): string {
  const cells = rows.map((row) => columns.map((column) => text(row[column])));
  const widths = columns.map((name, i) => Math.max(name.length, ...cells.map((line) => line[i]!.length)));
  const right = columns.map((_name, i) => cells.every((line) => NUMERIC.test(line[i]!)));
  const line = (parts: string[]): string =>
    parts.map((part, i) => (right[i] ? part.padStart(widths[i]!) : part.padEnd(widths[i]!))).join('  ');
  return [line(columns), line(widths.map((width) => '-'.repeat(width))), ...cells.map(line)]
    .map((row) => row.trimEnd())
    .join('\n');
}

function text(value: unknown): string {
  if (value == null) return '';
  if (typeof value === 'number') return Number.isInteger(value) ? String(value) : value.toFixed(2);
  return typeof value === 'string' ? value : JSON.stringify(value);
}
