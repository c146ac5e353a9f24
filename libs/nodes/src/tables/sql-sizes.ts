import { badSql, NumberText, type SqlNode, type SqlValue } from './sql-ast.js';

/**
 * Functions that make one value as large as an argument says, and which argument that is. DuckDB's memory limit
 * does not count such a value, so it would cost the attempt its process: this says which function and why, before.
 */
const SIZED: Readonly<Record<string, readonly number[]>> = {
  repeat: [1],
  lpad: [1],
  rpad: [1],
  list_resize: [1],
  array_resize: [1],
  range: [0, 1, 2],
  generate_series: [0, 1, 2],
};
const MAX_SIZE = 100_000;

/**
 * Proves that no such function gets a size beyond 100,000, once values are bound. In FROM `range` and
 * `generate_series` stream their rows and may be of any length.
 * @throws NodeError naming the function
 */
export function boundSizes(value: SqlValue, place: string): void {
  if (Array.isArray(value)) {
    for (const item of value) boundSizes(item, place);
    return;
  }
  if (typeof value !== 'object' || value === null || value instanceof NumberText) return;
  const name = String(value['function_name'] ?? '').toLowerCase();
  for (const index of value['class'] === 'FUNCTION' ? (SIZED[name] ?? []) : []) {
    const argument = ((value['children'] ?? []) as SqlNode[])[index];
    if (argument && !isSmall(argument)) {
      const hint = name === 'range' || name === 'generate_series' ? '; in FROM it may be of any length' : '';
      const message = `the size given to '${name}' must be a number of at most ${MAX_SIZE} that is written out${hint}`;
      throw badSql(place, message);
    }
  }
  const streams = value['type'] === 'TABLE_FUNCTION' && (value['function'] as SqlNode);
  for (const [key, child] of Object.entries(value)) {
    if (streams && key === 'function') boundSizes(streams['children'] ?? [], place);
    else boundSizes(child, place);
  }
}

function isSmall(argument: SqlNode): boolean {
  if (argument['class'] !== 'CONSTANT') return false;
  const constant = argument['value'] as SqlNode;
  if (constant['is_null'] === true) return true;
  const number = constant['value'];
  return number instanceof NumberText && Math.abs(Number(number.text)) <= MAX_SIZE;
}
