import { NodeError } from '../node-kind.js';

/** A year and a day: longer is a typo, and still far from what a Date can hold. */
const MAX_SECONDS = 366 * 24 * 3600;
const TEMPLATE = { type: 'string', pattern: '\\{\\{' };

/** JSON Schema of a time to sleep: a number, or a template that gives one. */
export const secondsSchema = (description: string): object => ({
  description,
  anyOf: [{ type: 'number', minimum: 0, maximum: MAX_SECONDS }, TEMPLATE],
});

/** @param key what the config calls it, such as `wait.seconds`. @returns milliseconds. @throws NodeError */
export function milliseconds(value: unknown, key: string): number {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  if (typeof number !== 'number' || !(number >= 0 && number <= MAX_SECONDS)) {
    const message = `${key} must be a number from 0 to ${MAX_SECONDS}, got ${JSON.stringify(value)}`;
    throw new NodeError('InvalidConfig', message, false);
  }
  return Math.ceil(number * 1000);
}
