import { type mongo } from 'mongoose';

/**
 * A place in the stream of all changes: the database's logical time (seconds, and a count within the second), and a
 * count of changes that happened at the same such time. It means the same to every process.
 */
export interface Position {
  t: number;
  i: number;
  n: number;
}

/** The end of everything that happened at that time. */
export const MOST_AT_ONCE = 999_999_999;

export const positionText = ({ t, i, n }: Position): string => `${t}.${i}.${n}`;

/** @returns undefined for what no stream has ever told. */
export function parsePosition(text: string): Position | undefined {
  const parts = /^(\d{1,10})\.(\d{1,10})\.(\d{1,9})$/.exec(text);
  return parts ? { t: Number(parts[1]), i: Number(parts[2]), n: Number(parts[3]) } : undefined;
}

/** Negative when `a` comes before `b`. */
export const comparePositions = (a: Position, b: Position): number => a.t - b.t || a.i - b.i || a.n - b.n;

export const endOfTime = (time: mongo.Timestamp): Position => ({
  t: time.getHighBitsUnsigned(),
  i: time.getLowBitsUnsigned(),
  n: MOST_AT_ONCE,
});
