import { type Kind } from './kinds.js';

const BYTES: Record<string, number> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
};

const MILLISECONDS: Record<string, number> = {
  ms: 1,
  s: 1_000,
  second: 1_000,
  m: 60_000,
  minute: 60_000,
  h: 3_600_000,
  hour: 3_600_000,
  d: 86_400_000,
  day: 86_400_000,
  w: 604_800_000,
  week: 604_800_000,
};

/** Bytes of a size such as `100 MB` (powers of 1000) or `64 MiB` (powers of 1024). @throws Error */
export function parseSize(text: string): number {
  const [amount, unit] = split(text);
  const factor = BYTES[unit];
  if (factor === undefined) throw new Error('is not a size with a unit (B, KB, MB, GB, KiB, MiB, GiB)');
  return Math.round(amount * factor);
}

/** Milliseconds of a duration such as `30 days`, `12h` or `1 week`. @throws Error */
export function parseDuration(text: string): number {
  const [amount, unit] = split(text);
  const factor = MILLISECONDS[unit] ?? MILLISECONDS[unit.replace(/s$/, '')];
  if (factor === undefined)
    throw new Error('is not a duration with a unit (seconds, minutes, hours, days, weeks)');
  return Math.round(amount * factor);
}

/** A unit that no table has stands for a text that is no amount at all. */
function split(text: string): [amount: number, unit: string] {
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]+)$/i.exec(text.trim());
  const amount = Number(match?.[1]);
  return match?.[2] && amount > 0 ? [amount, match[2].toLowerCase()] : [0, 'none'];
}

export const size: Kind<number> = { example: '100 MB', parse: parseSize };
export const duration: Kind<number> = { example: '30 days', parse: parseDuration };
