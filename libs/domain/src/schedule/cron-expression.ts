/** A CRON expression in the plain form that is left after reading: six fields, numbers instead of names. */
export interface CronExpression {
  text: string;
  /** The hour field has a wildcard or a step: it means every such real hour, not certain times of the day. */
  everyHour: boolean;
}

interface Field {
  name: string;
  min: number;
  max: number;
  /** Names in the order of their numbers from `min` on. */
  names?: readonly string[];
  /** Forms that this field alone has; returns the plain form, null where the entry has none of them. */
  special?: (entry: string) => string | null;
}

const WEEKDAYS = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'];
const MONTHS = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'];

const FIELDS: readonly Field[] = [
  { name: 'second', min: 0, max: 59 },
  { name: 'minute', min: 0, max: 59 },
  { name: 'hour', min: 0, max: 23 },
  { name: 'day-of-month', min: 1, max: 31, special: (entry) => (entry === 'L' ? 'L' : null) },
  { name: 'month', min: 1, max: 12, names: MONTHS },
  { name: 'day-of-week', min: 0, max: 7, names: WEEKDAYS, special: nthWeekday },
];

const MACROS: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
};

/** Every minute and every second, listed one by one, with every other field listed too, fits. */
const MAX_LENGTH = 800;

/** What other dialects write, and what to write here. */
const HINTS: readonly [pattern: RegExp, hint: string][] = [
  [/\?/, "'?' is not supported; write *"],
  [/^\d*L?W\d*$/, 'W (nearest weekday) is not supported'],
  [/^\+/, "'+' is not supported: a day fits when either day field does"],
  [/^L-/, 'L cannot be counted back from; list the days'],
];

class Fault extends Error {}

/**
 * Reads a CRON expression of 5 fields, of 6 (seconds first), or a macro. Stricter than the library that matches it, so
 * that every expression has one documented meaning and a fault names the field.
 * @returns the plain form, or what is wrong with each bad field.
 */
export function parseCronExpression(text: string): CronExpression | string[] {
  if (text.length > MAX_LENGTH) return [`the expression is longer than ${MAX_LENGTH} characters`];
  const given = text.trim();
  const macro = given.toLowerCase();
  if (given.startsWith('@') && !Object.hasOwn(MACROS, macro)) {
    return [`unknown macro '${brief(given)}'; the macros are ${Object.keys(MACROS).join(', ')}`];
  }
  const fields = Object.hasOwn(MACROS, macro) ? MACROS[macro] : given.toUpperCase();
  const parts = fields.split(/\s+/).filter(Boolean);
  if (parts.length !== 5 && parts.length !== 6) {
    const usual = 'minute, hour, day-of-month, month, day-of-week';
    return [`a CRON expression has 5 fields (${usual}), or 6 with seconds first; this has ${parts.length}`];
  }
  if (parts.length === 5) parts.unshift('0');
  const faults: string[] = [];
  const plain = parts.map((part, i) => {
    try {
      return part
        .split(',')
        .map((entry) => plainEntry(entry, FIELDS[i]))
        .join(',');
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      faults.push(`${FIELDS[i].name} field: ${error.message}`);
      return part;
    }
  });
  if (faults.length > 0) return faults;
  return { text: plain.join(' '), everyHour: /[*/]/.test(plain[2]) };
}

/** One entry of a list: a value; `*` or a range, both with or without a step; or what is special to the field. */
function plainEntry(entry: string, field: Field): string {
  if (entry === '') throw new Fault('an entry is empty; separate values by single commas');
  const special = field.special?.(entry);
  if (special) return special;
  const hint = HINTS.find(([pattern]) => pattern.test(entry))?.[1];
  if (hint) throw new Fault(hint);
  const [range, step, ...moreSteps] = entry.split('/');
  const [from, to, ...moreEnds] = range.split('-');
  if (from === '' || to === '' || moreEnds.length > 0 || moreSteps.length > 0) {
    throw new Fault(`'${brief(entry)}' is not a value, range or step`);
  }
  if (range === '*') return `*${stepOf(step, field)}`;
  const low = valueOf(from, field);
  if (to === undefined) {
    if (step === undefined) return String(low);
    const instead = `${low}-${field.max}/${brief(step)}`;
    throw new Fault(`'${brief(entry)}' has a step without a range; write ${instead}`);
  }
  const high = valueOf(to, field, low);
  if (high < low) throw new Fault(`the range ${brief(range)} runs backwards; write two ranges with a comma`);
  return `${low}-${high}${stepOf(step, field)}`;
}

/** @param above the lower end, if this is the upper end of a range: there SUN is 7, as in FRI-SUN. */
function valueOf(text: string, { names = [], min, max }: Field, above?: number): number {
  const name = names.indexOf(text);
  if (name >= 0) return names === WEEKDAYS && name === 0 && above ? 7 : name + min;
  if (!/^\d+$/.test(text)) {
    const named = names.length > 0 ? ` or a name from ${names[0]} to ${names.at(-1)}` : '';
    throw new Fault(`'${brief(text)}' is not a number from ${min} to ${max}${named}`);
  }
  const value = Number(text);
  if (value > max) throw new Fault(`${brief(text)} is over ${max}`);
  if (value < min) throw new Fault(`${brief(text)} is under ${min}`);
  return value;
}

function stepOf(text: string | undefined, { name, min, max }: Field): string {
  if (text === undefined) return '';
  if (!/^\d+$/.test(text)) throw new Fault(`'${brief(text)}' is not a step; write a whole number`);
  const size = name === 'day-of-week' ? 7 : max - min + 1;
  const step = Number(text);
  if (step < 1) throw new Fault('a step of 0 never advances; write 1 or more');
  if (step > size) throw new Fault(`a step of ${brief(text)} is over ${size}`);
  return `/${step}`;
}

/** `MON#2`, the second Monday of the month, and `5L` or `5#L`, the last Friday. */
function nthWeekday(this: void, entry: string): string | null {
  const [, day, nth] = /^([A-Z]{3}|\d+)(#.*|L)$/.exec(entry) ?? [];
  if (day === undefined) return null;
  const value = valueOf(day, FIELDS[5]);
  const which = nth.replace('#', '');
  if (which === 'L') return `${value}#L`;
  if (!/^[1-5]$/.test(which)) throw new Fault(`after # stands 1 to 5 or L, not '${brief(which)}'`);
  return `${value}#${which}`;
}

const brief = (text: string): string => (text.length > 40 ? `${text.slice(0, 40)}…` : text);
