import { NodeError } from '../node-kind.js';

type Told = [type: string, retryable: boolean, message?: string];

/** By the result codes of the engine. */
const CODES: Readonly<Record<number, Told>> = {
  3: ['PermissionDenied', false],
  5: ['QueryFailed', true, 'somebody else has the file locked'],
  6: ['QueryFailed', true, 'somebody else has the table locked'],
  8: ['PermissionDenied', false],
  10: ['WriteFailed', true],
  11: ['BadFile', false, 'the database is damaged'],
  13: ['WriteFailed', true, 'the disk is full'],
  14: ['PermissionDenied', false, 'the file cannot be opened'],
  18: ['BadValue', false],
  19: ['ConstraintViolated', false],
  20: ['BadValue', false],
  23: ['PermissionDenied', false],
  26: ['BadFile', false, 'it is no SQLite database, or it is encrypted'],
};

/** What the engine says of the author's SQL has one code. */
const SAID: readonly (readonly [RegExp, string])[] = [
  [/no such table/, 'TableNotFound'],
  [/no such column|has no column named/, 'ColumnNotFound'],
];

/** Any failure in words that name the file and the cause. @param shown what messages call the file */
export function databaseError(error: unknown, shown: string): unknown {
  if (error instanceof NodeError) return error;
  const { rawCode, message = '' } = error as { rawCode?: number; message?: string };
  // A file that cannot be opened is told in other words than the rest.
  const code = rawCode ?? Number(/Unable to open connection.*: (\d+)/.exec(message)?.[1]);
  if (Number.isNaN(code)) return error;
  // Its upper bits only say more of the same.
  const said = SAID.find(([pattern]) => pattern.test(message))?.[1] ?? 'QueryFailed';
  const [type, retryable, told = message] = CODES[code & 0xff] ?? ([said, false] as Told);
  return new NodeError(type, `'${shown}': ${told.slice(0, 500)}`, retryable);
}
