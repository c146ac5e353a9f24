/** One line of the table: what was measured, and what it should not exceed (or fall below). */
export interface Figure {
  what: string;
  measured: number;
  unit: string;
  /** The figure to reach; none for what is only told. */
  atMost?: number;
  atLeast?: number;
}

export const reached = ({ measured, atMost = Infinity, atLeast = -Infinity }: Figure): boolean =>
  measured <= atMost && measured >= atLeast;

/** @param values at least one. */
export const median = (values: number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!;

/** The figures as a table for a terminal. */
export function table(figures: Figure[]): string {
  const number = (value: number): string =>
    value.toLocaleString('en', { maximumFractionDigits: value < 10 ? 2 : 0 });
  const rows = figures.map((figure) => {
    const { what, measured, unit, atMost, atLeast } = figure;
    const goal =
      atMost !== undefined ? `<= ${number(atMost)}` : atLeast !== undefined ? `>= ${number(atLeast)}` : '';
    return [
      what,
      `${number(measured)} ${unit}`,
      goal && `${goal} ${unit}`,
      goal && (reached(figure) ? 'yes' : 'NO'),
    ];
  });
  const lines = [['what', 'measured', 'to reach', 'reached'], ...rows];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...lines.map((line) => line[column]!.length)));
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('   ')
        .trimEnd(),
    )
    .join('\n');
}
