import { BoundText, type ErrorDetail } from '@tauro/domain';

/** Operators that run code, write, or never end. */
const FORBIDDEN: ReadonlySet<string> = new Set([
  '$where',
  '$function',
  '$accumulator',
  '$out',
  '$merge',
  '$changeStream',
]);

/** The forbidden operators in a part of a config, with their places. */
export function operatorFaults(value: unknown, field: string): ErrorDetail[] {
  if (typeof value !== 'object' || value === null || value instanceof BoundText) return [];
  return Object.entries(value).flatMap(([key, item]) => {
    const place = `${field}.${key}`;
    if (!FORBIDDEN.has(key)) return operatorFaults(item, place);
    return [{ field: place, message: `${key} is not allowed: a source only reads`, type: 'value_error' }];
  });
}

/**
 * A part of a config with the values of its templates, which are whole texts there and never become operators.
 * @throws Error that tells what is wrong
 */
export function withValues(value: unknown, field: string): unknown {
  if (value instanceof BoundText) {
    if (value.text !== '$1')
      throw new Error(`${field}: a template is a whole value here, as in "{{ params.day }}"`);
    const [given] = value.values;
    if (hasOperator(given)) throw new Error(`${field}: the value of a template has keys that begin with $`);
    return given;
  }
  if (Array.isArray(value)) return value.map((item, i) => withValues(item, `${field}.${i}`));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, withValues(item, `${field}.${key}`)]),
  );
}

const hasOperator = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  Object.entries(value).some(([key, item]) => key.startsWith('$') || hasOperator(item));
