import { type Slots } from './slots.js';

const SECOND = 1000;
const UNIT_SECONDS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };
const MAX_DAYS = 366;

/**
 * Reads `15s 30m 2h 1d 1w` and sums such as `1h30m`.
 * @returns the length in ms, or a message that says what is wrong.
 */
export function parseInterval(text: string): number | string {
  const shown = `'${text.trim().slice(0, 40)}'`;
  if (!/^(?:\d{1,9}[smhdw])+$/.test(text.trim()) || text.length > 100) {
    return `${shown} is no interval; write a number with a unit of s, m, h, d or w, or a sum such as 1h30m`;
  }
  let seconds = 0;
  for (const [, count, unit] of text.matchAll(/(\d+)([smhdw])/g)) {
    seconds += Number(count) * UNIT_SECONDS[unit];
  }
  if (seconds < 1) return `${shown} is shorter than the minimum of 1s`;
  if (seconds > MAX_DAYS * UNIT_SECONDS.d) return `${shown} is longer than the maximum of ${MAX_DAYS}d`;
  return seconds * SECOND;
}

/** Slots at equal distances in absolute time, which clock changes do not touch. The grid extends both ways for ever. */
export class IntervalSlots implements Slots {
  /** @param origin an instant on the grid; both in ms. */
  constructor(
    private readonly origin: number,
    private readonly length: number,
  ) {}

  next(after: number): number {
    return this.origin + (Math.floor((after - this.origin) / this.length) + 1) * this.length;
  }

  previous(before: number): number {
    return this.origin + (Math.ceil((before - this.origin) / this.length) - 1) * this.length;
  }
}
