import { DomainError } from '../errors.js';
import { parseTiming, readTiming, type Timing, type TimingInput } from './timing.js';

const anchor = new Date('2026-01-01T12:00:00.700Z');
const cron = (expression: string, more: Partial<TimingInput> = {}): Timing =>
  parseTiming({ kind: 'CRON', expression, timezone: 'UTC', anchor, ...more });
const every = (expression: string, more: Partial<TimingInput> = {}): Timing =>
  parseTiming({ kind: 'INTERVAL', expression, timezone: 'UTC', anchor, ...more });
const faults = (input: Partial<TimingInput>) =>
  readTiming({ kind: 'CRON', expression: '0 0 * * *', timezone: 'UTC', anchor, ...input });

const day = (text: string): Date => new Date(text);
/** `2026-01-01` and `2026-01-01T00:00` for short. */
const complete = (text: string): string => `${text}${'2026-01-01T00:00:00Z'.slice(text.length)}`;
const taken = (slots: Iterable<Date>, count = Infinity): string[] => {
  const texts: string[] = [];
  for (const slot of slots) {
    if (texts.push(slot.toISOString().replace('.000Z', 'Z')) >= count) break;
  }
  return texts;
};

describe('the slots of a calendar', () => {
  it.each([
    ['leap days', '0 0 29 2 *', '2026-03-01', ['2028-02-29', '2032-02-29', '2036-02-29']],
    ['leap days over a century', '0 0 29 2 *', '2096-03-01', ['2104-02-29', '2108-02-29']],
    [
      '29 February or a Monday of that month',
      '0 0 29 2 1',
      '2028-02-20',
      ['2028-02-21', '2028-02-28', '2028-02-29'],
    ],
    ['a fifth Monday of February', '0 0 * 2 MON#5', '2026-01-01', ['2044-02-29', '2072-02-29']],
    [
      'a fifth Monday of February over a century',
      '0 0 * 2 MON#5',
      '2072-03-01',
      ['2112-02-29', '2140-02-29'],
    ],
    ['month ends', '0 0 L * *', '2027-12-31', ['2028-01-31', '2028-02-29', '2028-03-31', '2028-04-30']],
    [
      'the 31st',
      '0 0 31 * *',
      '2026-01-31',
      ['2026-03-31', '2026-05-31', '2026-07-31', '2026-08-31', '2026-10-31'],
    ],
    ['year ends', '59 23 31 12 *', '2026-06-01', ['2026-12-31T23:59', '2027-12-31T23:59']],
    ['new years', '@yearly', '2026-06-01', ['2027-01-01', '2028-01-01']],
    ['a fifth Monday', '0 0 * * MON#5', '2026-01-01', ['2026-03-30', '2026-06-29', '2026-08-31']],
    ['the second Tuesday', '0 0 * * tue#2', '2026-01-01', ['2026-01-13', '2026-02-10']],
    ['the last Friday', '0 0 * * FRIL', '2026-01-01', ['2026-01-30', '2026-02-27']],
    ['the 13th or a Friday', '0 0 13 * FRI', '2026-01-03', ['2026-01-09', '2026-01-13', '2026-01-16']],
    [
      'every second day or a Monday',
      '0 0 */2 * 1',
      '2026-01-03',
      ['2026-01-05', '2026-01-07', '2026-01-09', '2026-01-11', '2026-01-12'],
    ],
    ['Sunday as 7', '0 0 * * 7', '2026-01-01', ['2026-01-04', '2026-01-11']],
    ['Sunday as 0', '@weekly', '2026-01-01', ['2026-01-04', '2026-01-11']],
    [
      'the end of a week',
      '0 0 * * FRI-SUN',
      '2026-01-01',
      ['2026-01-02', '2026-01-03', '2026-01-04', '2026-01-09'],
    ],
    [
      'seconds',
      '*/20 59 23 31 12 *',
      '2026-12-31T23:59:10',
      ['2026-12-31T23:59:20', '2026-12-31T23:59:40', '2027-12-31T23:59'],
    ],
    ['leap days around 1900, which had none', '0 0 29 2 *', '1895-01-01', ['1904-02-29']],
  ])('%s: %s', (_, expression, from, expected) => {
    const timing = cron(expression);
    const full = expected.map(complete);
    const start = day(complete(from));
    expect(taken(timing.after(start), full.length)).toEqual(full);
    const last = day(full.at(-1)!);
    expect(taken(timing.between(start, last, 'descending'))).toEqual(full.toReversed());
  });
});

describe('the slots of an interval', () => {
  it('count from the whole second at which the schedule was made', () => {
    expect(taken(every('1h30m').after(anchor), 2)).toEqual(['2026-01-01T13:30:00Z', '2026-01-01T15:00:00Z']);
  });

  it('begin with start_at itself, and there is none before', () => {
    const timing = every('10s', { start_at: day('2026-02-01T00:00:00.250Z') });
    expect(taken(timing.after(anchor), 2)).toEqual(['2026-02-01T00:00:00.250Z', '2026-02-01T00:00:10.250Z']);
    expect(timing.previous(day('2026-02-01T00:00:00.250Z'))).toBeNull();
  });

  it('reach back before the schedule was made, for a backfill', () => {
    expect(taken(every('1d').before(anchor), 2)).toEqual(['2026-01-01T12:00:00Z', '2025-12-31T12:00:00Z']);
  });

  it('do not move with the clock', () => {
    const timing = every('1d', { timezone: 'Europe/Berlin', start_at: day('2026-03-28T01:30:00Z') });
    expect(taken(timing.after(anchor), 3)).toEqual([
      '2026-03-28T01:30:00Z',
      '2026-03-29T01:30:00Z',
      '2026-03-30T01:30:00Z',
    ]);
  });
});

describe('the bounds of a schedule', () => {
  const bounded = cron('0 0 * * *', {
    start_at: day('2026-03-01T00:00:00Z'),
    end_at: day('2026-03-03T00:00:00Z'),
  });
  const slots = ['2026-03-01T00:00:00Z', '2026-03-02T00:00:00Z', '2026-03-03T00:00:00Z'];

  it('are slots themselves, in both directions', () => {
    expect(taken(bounded.after(day('2000-01-01')))).toEqual(slots);
    expect(taken(bounded.before(day('2100-01-01')))).toEqual(slots.toReversed());
    expect(bounded.next(day('2026-03-03T00:00:00Z'))).toBeNull();
    expect(bounded.previous(day('2026-03-01T00:00:00Z'))).toBeNull();
  });

  it('hold for a stretch that reaches over them', () => {
    expect(taken(bounded.between(day('2026-02-01'), day('2026-04-01')))).toEqual(slots);
    expect(taken(bounded.between(day('2026-02-01'), day('2026-04-01'), 'descending'))).toEqual(
      slots.toReversed(),
    );
  });

  it('of a stretch leave out its beginning and have its end', () => {
    const [from, to] = [day('2026-03-01T00:00:00Z'), day('2026-03-02T00:00:00Z')];
    expect(taken(bounded.between(from, to))).toEqual([slots[1]]);
    expect(taken(bounded.between(from, to, 'descending'))).toEqual([slots[1]]);
    expect(taken(bounded.between(to, from))).toEqual([]);
    expect(taken(bounded.between(from, from))).toEqual([]);
  });

  it('do not cut the data of the first slot', () => {
    expect(bounded.dataInterval(day(slots[0]))).toEqual({ start: day('2026-02-28'), end: day(slots[0]) });
    const interval = every('2h', { start_at: day('2026-03-01T00:00:00Z') });
    expect(interval.dataInterval(day('2026-03-01T00:00:00Z')).start).toEqual(day('2026-02-28T22:00:00Z'));
  });

  it('are the years 1900 to 2899 for every schedule', () => {
    const timing = cron('0 0 1 1 *');
    expect(timing.next(day('2899-06-01'))).toBeNull();
    expect(timing.next(new Date(8.64e15))).toBeNull();
    expect(timing.previous(day('1900-01-01T00:00:00Z'))).toBeNull();
    expect(timing.previous(new Date(-8.64e15))).toBeNull();
    expect(timing.next(new Date(-8.64e15))).toEqual(day('1900-01-01T00:00:00Z'));
    expect(timing.previous(new Date(8.64e15))).toEqual(day('2899-01-01T00:00:00Z'));
    expect(every('1s').next(new Date(8.64e15))).toBeNull();
  });

  it('take no date that is none', () => {
    expect(() => cron('0 0 * * *').next(new Date(NaN))).toThrow(RangeError);
    expect(() => every('1s').previous(new Date(NaN))).toThrow(RangeError);
  });

  it('are told apart from slots lazily: a stretch of ages costs what is taken of it', () => {
    expect(taken(cron('* * * * * *').between(day('1900-01-01'), day('2899-01-01')), 1)).toHaveLength(1);
    expect(taken(every('1s').between(day('1900-01-01'), day('2899-01-01'), 'descending'), 1)).toHaveLength(1);
  });
});

describe('rare slots', () => {
  // Some 0.1 s of processor time where the calendar is walked by months and days, minutes where by less.
  it.each(['0 0 29 2 *', '* * 29 2 *', '0 0 * 2 MON#5', '59 59 23 31 12 *', '0 0 31 * MON#5'])(
    '%s are found without a long search, both ways',
    (expression) => {
      const timing = cron(expression, { timezone: 'Europe/Berlin' });
      const began = process.cpuUsage();
      for (let year = 2001; year < 2200; year++) {
        const at = new Date(Date.UTC(year, 2, 1));
        expect(timing.next(at)! > at && timing.previous(at)! < at).toBe(true);
      }
      const { user, system } = process.cpuUsage(began);
      expect((user + system) / 1000).toBeLessThan(10_000);
    },
  );
});

describe('a fault of a timing', () => {
  it.each<[string, Partial<TimingInput>, string, RegExp]>([
    ['a bad field', { expression: '61 * * * *' }, 'expression', /^minute field: 61 is over 59$/],
    ['a bad interval', { kind: 'INTERVAL', expression: '5' }, 'expression', /'5' is no interval/],
    [
      'a bad zone',
      { timezone: 'Mars/X' },
      'timezone',
      /^unknown time zone 'Mars\/X'; use an IANA name such as/,
    ],
    [
      'a bad zone of an interval',
      { kind: 'INTERVAL', expression: '5s', timezone: '' },
      'timezone',
      /unknown time zone ''/,
    ],
    ['30 February', { expression: '0 0 30 2 *' }, 'expression', /^never fires/],
    ['31st of short months', { expression: '0 0 31 2,4,6,9,11 *' }, 'expression', /^never fires/],
    [
      'an hour that is always left out',
      { expression: '30 2-2/1 * 3 SUNL', timezone: 'Europe/Berlin' },
      'expression',
      /^never fires/,
    ],
    [
      'an end before the start',
      { start_at: day('2026-02-02'), end_at: day('2026-02-01') },
      'end_at',
      /^is before start_at$/,
    ],
    [
      'no slot up to the end',
      { start_at: day('2026-02-02T00:00:01Z'), end_at: day('2026-02-02T23:59:59Z') },
      'end_at',
      /^leaves no slot: the first would be 2026-02-03T00:00:00.000Z$/,
    ],
    ['an end before the schedule was made', { end_at: day('2025-06-01') }, 'end_at', /^leaves no slot/],
    [
      'an interval longer than its stretch',
      { kind: 'INTERVAL', expression: '1w', end_at: day('2026-01-02') },
      'end_at',
      /^leaves no slot/,
    ],
    ['no date', { start_at: new Date(NaN) }, 'start_at', /must be a date/],
    ['an odd year', { end_at: day('+012026-01-01T00:00:00Z') }, 'end_at', /years 1900 to 2899/],
  ])('%s', (_, input, field, message) => {
    expect(faults(input)).toEqual([
      { field, message: expect.stringMatching(message) as string, type: 'value_error' },
    ]);
  });

  it('comes with all the others', () => {
    const found = faults({ expression: '61 24 * * *', timezone: 'x', end_at: day('1800-01-01') });
    expect((found as { field: string }[]).map(({ field }) => field)).toEqual([
      'timezone',
      'expression',
      'expression',
      'end_at',
    ]);
  });

  it('is an error for the client', () => {
    expect(() => cron('61 * * * *')).toThrow(DomainError);
    expect(() => cron('61 * * * *')).toThrow('expression: minute field: 61 is over 59');
  });

  it('is none when the only slot is start_at and end_at at once', () => {
    const at = day('2026-02-01T00:00:00Z');
    expect(taken(cron('0 0 * * *', { start_at: at, end_at: at }).after(anchor))).toHaveLength(1);
    expect(taken(every('1w', { start_at: at, end_at: at }).after(anchor))).toHaveLength(1);
  });

  it('is none for a schedule of the past, which can be backfilled', () => {
    const timing = cron('0 0 * * *', {
      start_at: day('2020-01-01T00:00:00Z'),
      end_at: day('2020-01-03T00:00:00Z'),
    });
    expect(taken(timing.before(anchor))).toHaveLength(3);
    expect(timing.next(anchor)).toBeNull();
  });
});
