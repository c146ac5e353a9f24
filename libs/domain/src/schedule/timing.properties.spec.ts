import { CronExpressionParser } from 'cron-parser';
import * as fc from 'fast-check';
import { readTiming, Timing, type TimingInput } from './timing.js';

const MINUTE = 60_000;
const DAY = 1440 * MINUTE;
const anchor = new Date('2026-01-01T00:00:00Z');
const read = (input: Partial<TimingInput>) =>
  readTiming({ kind: 'CRON', expression: '', timezone: 'UTC', anchor, ...input });

/** A field of values, ranges, steps, and lists of them. */
function field(min: number, max: number, ...special: string[]): fc.Arbitrary<string> {
  const value = fc.integer({ min, max });
  const range = fc.tuple(value, value).map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`);
  const step = fc.integer({ min: 1, max: max - min });
  const stepped = fc.tuple(fc.oneof(fc.constant('*'), range), step).map((parts) => parts.join('/'));
  const entry = fc.oneof(value.map(String), range, stepped, fc.constantFrom(String(min), ...special));
  const list = fc.uniqueArray(entry, { minLength: 1, maxLength: 3 }).map((entries) => entries.join(','));
  return fc.oneof(fc.constant('*'), list);
}

const second = fc.oneof(fc.constant(''), field(0, 59));
const month = fc.oneof(field(1, 12), fc.constantFrom('*', 'FEB', 'jan-mar', 'Sep,DEC'));
const days = fc.tuple(field(1, 31, 'L', '29', '31'), month, field(0, 7, 'MON#2', '5L', 'SUN#5', '3#1'));
const expressions = fc
  .tuple(second, field(0, 59), field(0, 23), days)
  .map(([first, minute, hour, rest]) => [first, minute, hour, ...rest].join(' '));
const instants = fc.date({ min: new Date('1975-01-01'), max: new Date('2075-01-01'), noInvalidDate: true });
const zones = fc.constantFrom(...Intl.supportedValuesOf('timeZone'));

function take(slots: Iterable<Date>, count: number): Date[] {
  const taken: Date[] = [];
  for (const slot of slots) {
    if (taken.push(slot) === count) break;
  }
  return taken;
}

/** Two things cron-parser refuses and we do not: a value named twice in a list, and `#` beside other days. */
const REFUSED_THERE = /duplicate values found|special characters are incompatible/;

/** The first slots from an instant on, each way, as cron-parser finds them. */
function theirs(expression: string, from: Date, tz: string, count: number) {
  const options = { currentDate: from, tz };
  let after, before;
  try {
    after = CronExpressionParser.parse(expression, options);
    before = CronExpressionParser.parse(expression, options);
  } catch (error) {
    if (!REFUSED_THERE.test(String(error))) throw error;
    return null;
  }
  const each = Array.from({ length: count });
  return {
    after: each.map(() => after.next().toDate()),
    before: each.map(() => before.prev().toDate()),
  };
}

describe('a second CRON library', () => {
  const agrees = (expression: string, from: Date, timezone: string): void => {
    const timing = read({ expression, timezone });
    if (!(timing instanceof Timing)) {
      expect(timing).toEqual([
        expect.objectContaining({ message: expect.stringMatching(/^never fires/) as string }),
      ]);
      expect(() => expect(theirs(expression, from, timezone, 1)).not.toBeNull()).toThrow();
      return;
    }
    const other = theirs(expression, from, timezone, 4);
    fc.pre(other !== null);
    expect({ after: take(timing.after(from), 4), before: take(timing.before(from), 4) }).toEqual(other);
  };

  it('finds the same slots in UTC, in both directions', () => {
    fc.assert(
      fc.property(expressions, instants, (expression, from) => agrees(expression, from, 'UTC')),
      { numRuns: 200 },
    );
  });

  // Over a change of the clock the two differ: there the rules are ours, and tested against a clock below.
  it('finds the same slots of a day in a zone, away from its changes', () => {
    const zone = fc.constantFrom('Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kolkata');
    const minute = fc.integer({ min: 0, max: 1439 });
    fc.assert(
      fc.property(zone, field(0, 59), field(0, 23), minute, (timezone, minutes, hours, at) => {
        // From 15 June 2026 on, for which none of these has a change for months: 4 slots are 4 days at most.
        agrees(`${minutes} ${hours} * * *`, new Date(Date.UTC(2026, 5, 15) + at * MINUTE), timezone);
      }),
      { numRuns: 100 },
    );
  });
});

/** Changes of all shapes; the clock of each zone is read minute by minute around them. */
const CHANGES: [zone: string, at: string][] = [
  ['Europe/Berlin', '2026-03-29T01:00Z'],
  ['Europe/Berlin', '2026-10-25T01:00Z'],
  ['America/New_York', '2026-03-08T07:00Z'],
  ['America/New_York', '2026-11-01T06:00Z'],
  ['Australia/Lord_Howe', '2026-10-03T15:30Z'],
  ['Australia/Lord_Howe', '2026-04-04T15:00Z'],
  ['America/Sao_Paulo', '2018-11-04T03:00Z'],
  ['America/Sao_Paulo', '2018-02-18T02:00Z'],
  ['Africa/Cairo', '2026-04-23T22:00Z'],
  ['Africa/Cairo', '2026-10-29T21:00Z'],
  ['Antarctica/Troll', '2026-03-29T01:00Z'],
  ['Antarctica/Troll', '2026-10-25T01:00Z'],
  ['Pacific/Apia', '2011-12-30T10:00Z'],
  ['Asia/Pyongyang', '2018-05-04T15:00Z'],
];

/** What the clock of a zone shows at each minute around a change, taken for UTC. */
function clockAround(timeZone: string, change: number): { at: number; wall: number }[] {
  const format = new Intl.DateTimeFormat('en', {
    timeZone,
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    hourCycle: 'h23',
  });
  return Array.from({ length: (4 * DAY) / MINUTE }, (_, i) => {
    const at = change - 2 * DAY + i * MINUTE;
    const [month, day, year, hour, minute] = format.format(at).match(/\d+/g)!.map(Number);
    return { at, wall: Date.UTC(year, month - 1, day, hour, minute) };
  });
}

/** The rules for changes of the clock as docs/schedules.md has them, followed minute by minute. */
function byTheRules(
  clock: { at: number; wall: number }[],
  walls: Set<number>,
  everyHour: boolean,
): Set<number> {
  if (everyHour) return new Set(clock.filter(({ wall }) => walls.has(wall)).map(({ at }) => at));
  const shown = new Set<number>();
  const slots = new Set<number>();
  clock.forEach(({ at, wall }, i) => {
    if (walls.has(wall) && !shown.has(wall)) slots.add(at);
    shown.add(wall);
    const next = clock[i + 1]?.wall ?? wall;
    for (let left = wall + MINUTE; left < next; left += MINUTE)
      if (walls.has(left)) slots.add(at + left - wall);
  });
  return slots;
}

describe('over a change of the clock', () => {
  const clocks = new Map<string, { at: number; wall: number }[]>();

  /** Whether an hour field means every hour is known from how it is made. */
  const hour = fc.integer({ min: 0, max: 23 });
  const nearby = fc.constantFrom(0, 1, 2, 3, 23);
  const fixed = fc.oneof(
    fc.uniqueArray(fc.oneof(nearby, hour), { minLength: 1, maxLength: 4 }).map((list) => list.join(',')),
    fc.tuple(nearby, hour).map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`),
  );
  const every = fc.oneof(
    fc.constantFrom('*', '*/1', '*/2', '0-4/1', '1-3/2', '23-23/1', '2-2/1', '0-0/1'),
    fc.integer({ min: 1, max: 24 }).map((step) => `*/${step}`),
  );
  const hours = fc.oneof(
    fixed.map((text) => ({ text, everyHour: false })),
    every.map((text) => ({ text, everyHour: true })),
  );

  it('the slots are those that the rules give, minute by minute, in both directions', () => {
    const minutes = fc.oneof(field(0, 59), fc.constantFrom('0', '30', '0,30', '*/15', '59'));
    const weekday = fc.constantFrom('*', '*', '*', 'SUN', 'FRI', '0,1');
    fc.assert(
      fc.property(
        fc.constantFrom(...CHANGES),
        minutes,
        hours,
        weekday,
        ([timezone, text], minute, hour, dayOfWeek) => {
          const expression = `${minute} ${hour.text} * * ${dayOfWeek}`;
          const change = Date.parse(text);
          const clock = clocks.get(timezone + text) ?? clockAround(timezone, change);
          clocks.set(timezone + text, clock);

          const wall = read({ expression }) as Timing;
          const [first, last] = [clock[0].wall, clock.at(-1)!.wall];
          const walls = new Set([...wall.between(new Date(first - 1), new Date(last))].map(Number));
          const [from, to] = [change - DAY, change + DAY];
          const expected = [...byTheRules(clock, walls, hour.everyHour)]
            .filter((at) => at > from && at <= to)
            .sort((a, b) => a - b);

          const timing = read({ expression, timezone }) as Timing;
          const stretch = [new Date(from), new Date(to)] as const;
          expect([...timing.between(...stretch)].map(Number)).toEqual(expected);
          expect([...timing.between(...stretch, 'descending')].map(Number)).toEqual(expected.toReversed());
        },
      ),
      { numRuns: 120 },
    );
  });
});

describe('any schedule', () => {
  const length = fc
    .tuple(fc.integer({ min: 1, max: 90 }), fc.constantFrom('s', 'm', 'h', 'd'))
    .map((parts) => parts.join(''));
  const inputs: fc.Arbitrary<Partial<TimingInput>> = fc
    .record({
      timezone: zones,
      start_at: fc.option(instants),
    })
    .chain((base) =>
      fc.oneof(
        { weight: 3, arbitrary: expressions.map((expression) => ({ ...base, expression })) },
        {
          weight: 1,
          arbitrary: length.map((expression) => ({ ...base, expression, kind: 'INTERVAL' as const })),
        },
      ),
    );

  it('has slots of which each is the next after the one before, and the one before the next', () => {
    fc.assert(
      fc.property(inputs, instants, (input, from) => {
        const timing = read(input);
        if (!(timing instanceof Timing)) return;
        const slots = take(timing.after(from), 5);
        let earlier = from;
        for (const slot of slots) {
          expect(slot.getTime()).toBeGreaterThan(earlier.getTime());
          if (input.start_at) expect(slot.getTime()).toBeGreaterThanOrEqual(input.start_at.getTime());
          expect(timing.next(new Date(slot.getTime() - 1))).toEqual(slot);
          expect(timing.previous(new Date(slot.getTime() + 1))).toEqual(slot);
          if (earlier !== from) {
            expect(timing.previous(slot)).toEqual(earlier);
            expect(timing.dataInterval(slot)).toEqual({ start: earlier, end: slot });
          }
          earlier = slot;
        }
        const before = timing.previous(slots[0]);
        if (before) expect(before.getTime()).toBeLessThanOrEqual(from.getTime());
        else expect(slots[0].getTime()).toBeLessThanOrEqual(timing.next(new Date(0))!.getTime());
        const stretch = [...timing.between(from, slots.at(-1)!)];
        expect(stretch).toEqual(slots);
        expect([...timing.between(from, slots.at(-1)!, 'descending')]).toEqual(slots.toReversed());
      }),
      { numRuns: 400 },
    );
  });

  it('is read from any text without a crash, and quickly', () => {
    const zone = fc.oneof(fc.string(), fc.constantFrom('UTC', 'Europe/Berlin'));
    const characters = fc.string({
      unit: fc.constantFrom(...'0123456789*/-,#L? @MONJANsmhdw'),
      maxLength: 40,
    });
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      characters,
      fc.array(characters, { minLength: 5, maxLength: 6 }).map((parts) => parts.join(' ')),
    );
    fc.assert(
      fc.property(fc.constantFrom('CRON', 'INTERVAL'), text, zone, (kind, expression, timezone) => {
        const result = read({ kind, expression, timezone });
        if (result instanceof Timing) expect(result.next(anchor)).toBeInstanceOf(Date);
        else
          for (const { field, message } of result)
            expect([field, message.length]).toEqual([
              expect.stringMatching(/^(expression|timezone)$/),
              expect.any(Number),
            ]);
      }),
      { numRuns: 2000 },
    );
  });
});
