import { parseTiming } from './timing.js';

interface Row {
  why: string;
  zone: string;
  expression: string;
  /** UTC, the first excluded. */
  from: string;
  to: string;
  /** The slots by the clock on the wall of the zone, with its distance from UTC. */
  slots: string[];
}

/** What a clock in the zone shows: `29 02:30 +01:00`. */
function onTheWall(slot: Date, timeZone: string): string {
  const format = new Intl.DateTimeFormat('en', {
    timeZone,
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
    timeZoneName: 'longOffset',
  });
  const of = Object.fromEntries(format.formatToParts(slot).map(({ type, value }) => [type, value]));
  return `${of.day} ${of.hour}:${of.minute} ${of.timeZoneName.slice(3) || '+00:00'}`;
}

const BERLIN_GAP = { zone: 'Europe/Berlin', from: '2026-03-28T12:00Z', to: '2026-03-30T12:00Z' };
const BERLIN_OVERLAP = { zone: 'Europe/Berlin', from: '2026-10-24T12:00Z', to: '2026-10-26T12:00Z' };
const NEW_YORK_GAP = { zone: 'America/New_York', from: '2026-03-07T17:00Z', to: '2026-03-09T17:00Z' };
const NEW_YORK_OVERLAP = { zone: 'America/New_York', from: '2026-10-31T17:00Z', to: '2026-11-02T17:00Z' };
const LORD_HOWE_GAP = { zone: 'Australia/Lord_Howe', from: '2026-10-03T02:00Z', to: '2026-10-05T02:00Z' };
const LORD_HOWE_OVERLAP = { zone: 'Australia/Lord_Howe', from: '2026-04-04T02:00Z', to: '2026-04-06T02:00Z' };
const SAO_PAULO_GAP = { zone: 'America/Sao_Paulo', from: '2018-11-03T12:00Z', to: '2018-11-05T12:00Z' };
const SAO_PAULO_OVERLAP = { zone: 'America/Sao_Paulo', from: '2018-02-17T12:00Z', to: '2018-02-19T12:00Z' };
const CAIRO_GAP = { zone: 'Africa/Cairo', from: '2026-04-23T12:00Z', to: '2026-04-25T12:00Z' };
const CAIRO_OVERLAP = { zone: 'Africa/Cairo', from: '2026-10-29T12:00Z', to: '2026-10-31T12:00Z' };
const BEIRUT_GAP = { zone: 'Asia/Beirut', from: '2026-03-28T12:00Z', to: '2026-03-30T12:00Z' };
const APIA_SKIP = { zone: 'Pacific/Apia', from: '2011-12-29T05:00Z', to: '2012-01-01T05:00Z' };
const KOLKATA = { zone: 'Asia/Kolkata', from: '2026-03-28T12:00Z', to: '2026-03-30T12:00Z' };
const KWAJALEIN_REPEAT = { zone: 'Pacific/Kwajalein', from: '1969-09-29T00:00Z', to: '1969-10-02T12:00Z' };

/** Each row is read in both directions. */
const ROWS: Row[] = [
  {
    ...BERLIN_GAP,
    why: 'moves by the gap',
    expression: '30 2 * * *',
    slots: ['29 03:30 +02:00', '30 02:30 +02:00'],
  },
  {
    ...BERLIN_GAP,
    why: 'moves by the gap at its edge',
    expression: '0 2 * * *',
    slots: ['29 03:00 +02:00', '30 02:00 +02:00'],
  },
  {
    ...BERLIN_GAP,
    why: 'stays after the gap',
    expression: '0 3 * * *',
    slots: ['29 03:00 +02:00', '30 03:00 +02:00'],
  },
  {
    ...BERLIN_GAP,
    why: 'stays before the gap',
    expression: '59 1 * * *',
    slots: ['29 01:59 +01:00', '30 01:59 +02:00'],
  },
  {
    ...BERLIN_GAP,
    why: 'is one slot where two meet',
    expression: '30 2,3 * * *',
    slots: ['29 03:30 +02:00', '30 02:30 +02:00', '30 03:30 +02:00'],
  },
  {
    ...BERLIN_GAP,
    why: 'keeps the order where they cross',
    expression: '*/30 2-3 29 * *',
    slots: ['29 03:00 +02:00', '29 03:30 +02:00'],
  },
  {
    ...BERLIN_GAP,
    why: 'is on a day that the expression names',
    expression: '30 2 29 3 *',
    slots: ['29 03:30 +02:00'],
  },
  {
    ...BERLIN_GAP,
    why: 'leaves out an hour that is not there',
    expression: '30 */1 29 * *',
    slots: [
      '29 00:30 +01:00',
      '29 01:30 +01:00',
      ...Array.from({ length: 21 }, (_, i) => `29 ${String(i + 3).padStart(2, '0')}:30 +02:00`),
    ],
  },
  {
    ...BERLIN_GAP,
    why: 'makes nothing up for a step',
    expression: '0 2-23/12 * * *',
    slots: ['28 14:00 +01:00', '29 14:00 +02:00', '30 02:00 +02:00', '30 14:00 +02:00'],
  },
  {
    ...BERLIN_OVERLAP,
    why: 'fires once, at the first',
    expression: '30 2 * * *',
    slots: ['25 02:30 +02:00', '26 02:30 +01:00'],
  },
  {
    ...BERLIN_OVERLAP,
    why: 'fires once at its edge',
    expression: '0 2,3 * * *',
    slots: ['25 02:00 +02:00', '25 03:00 +01:00', '26 02:00 +01:00', '26 03:00 +01:00'],
  },
  {
    ...BERLIN_OVERLAP,
    why: 'fires once for each of a list',
    expression: '*/30 2 25 * *',
    slots: ['25 02:00 +02:00', '25 02:30 +02:00'],
  },
  {
    ...BERLIN_OVERLAP,
    why: 'fires in both real hours',
    expression: '30 */2 25 * *',
    slots: [
      '25 00:30 +02:00',
      '25 02:30 +02:00',
      '25 02:30 +01:00',
      ...Array.from({ length: 10 }, (_, i) => `25 ${String(2 * i + 4).padStart(2, '0')}:30 +01:00`),
    ],
  },
  {
    ...BERLIN_GAP,
    why: 'leaves out the one of a step',
    expression: '30 */2 29 3 *',
    slots: [
      '29 00:30 +01:00',
      ...Array.from({ length: 10 }, (_, i) => `29 ${String(2 * i + 4).padStart(2, '0')}:30 +02:00`),
    ],
  },
  {
    ...BERLIN_OVERLAP,
    why: 'goes on after the first',
    expression: '30 2,3 25 * *',
    slots: ['25 02:30 +02:00', '25 03:30 +01:00'],
  },
  {
    ...NEW_YORK_GAP,
    why: 'moves by the gap',
    expression: '30 2 * * *',
    slots: ['08 03:30 -04:00', '09 02:30 -04:00'],
  },
  {
    ...NEW_YORK_OVERLAP,
    why: 'fires once, at the first',
    expression: '30 1 * * *',
    slots: ['01 01:30 -04:00', '02 01:30 -05:00'],
  },
  {
    ...NEW_YORK_OVERLAP,
    why: 'fires in both real hours',
    expression: '0 1-1/1 * * *',
    slots: ['01 01:00 -04:00', '01 01:00 -05:00', '02 01:00 -05:00'],
  },
  {
    ...LORD_HOWE_GAP,
    why: 'moves by half an hour',
    expression: '15 2 * * *',
    slots: ['04 02:45 +11:00', '05 02:15 +11:00'],
  },
  {
    ...LORD_HOWE_GAP,
    why: 'meets itself half an hour later',
    expression: '0,30 2 4 * *',
    slots: ['04 02:30 +11:00'],
  },
  {
    ...LORD_HOWE_GAP,
    why: 'leaves out the half hour',
    expression: '*/30 2-2/1 * * *',
    slots: ['04 02:30 +11:00', '05 02:00 +11:00', '05 02:30 +11:00'],
  },
  {
    ...LORD_HOWE_OVERLAP,
    why: 'fires once, at the first',
    expression: '45 1 * * *',
    slots: ['05 01:45 +11:00', '06 01:45 +10:30'],
  },
  {
    ...LORD_HOWE_OVERLAP,
    why: 'fires in both real half hours',
    expression: '15,45 1-1/1 5 * *',
    slots: ['05 01:15 +11:00', '05 01:45 +11:00', '05 01:45 +10:30'],
  },
  {
    ...SAO_PAULO_GAP,
    why: 'moves a midnight that is not there',
    expression: '@daily',
    slots: ['04 01:00 -02:00', '05 00:00 -02:00'],
  },
  {
    ...SAO_PAULO_OVERLAP,
    why: 'fires once though the day before ends twice',
    expression: '30 23 * * *',
    slots: ['17 23:30 -02:00', '18 23:30 -03:00'],
  },
  {
    ...SAO_PAULO_OVERLAP,
    why: 'counts both ends of a day for every hour',
    expression: '30 23-23/1 * * *',
    slots: ['17 23:30 -02:00', '17 23:30 -03:00', '18 23:30 -03:00'],
  },
  {
    ...CAIRO_GAP,
    why: 'moves a midnight that is not there',
    expression: '0 0 * * *',
    slots: ['24 01:00 +03:00', '25 00:00 +03:00'],
  },
  {
    ...CAIRO_OVERLAP,
    why: 'has one midnight though the clock goes back from it',
    expression: '0 0 * * *',
    slots: ['30 00:00 +02:00', '31 00:00 +02:00'],
  },
  {
    ...BEIRUT_GAP,
    why: 'moves a midnight that is not there',
    expression: '15 0 * * *',
    slots: ['29 01:15 +03:00', '30 00:15 +03:00'],
  },
  {
    ...APIA_SKIP,
    why: 'meets the next day over a day that is not there',
    expression: '0 9 * * *',
    slots: ['29 09:00 -10:00', '31 09:00 +14:00', '01 09:00 +14:00'],
  },
  {
    ...APIA_SKIP,
    why: 'moves a date that is not there',
    expression: '0 9 30 12 *',
    slots: ['31 09:00 +14:00'],
  },
  {
    ...APIA_SKIP,
    why: 'leaves out every hour of the day',
    expression: '0 */12 * * *',
    slots: [
      '29 00:00 -10:00',
      '29 12:00 -10:00',
      '31 00:00 +14:00',
      '31 12:00 +14:00',
      '01 00:00 +14:00',
      '01 12:00 +14:00',
    ],
  },
  {
    ...KOLKATA,
    why: 'has no changes',
    expression: '30 2 * * *',
    slots: ['29 02:30 +05:30', '30 02:30 +05:30'],
  },
  {
    ...KWAJALEIN_REPEAT,
    why: 'fires once on a day that is there twice',
    expression: '0 9 * * *',
    slots: ['30 09:00 +11:00', '01 09:00 -12:00'],
  },
];

describe('a schedule over a change of the clock', () => {
  it.each(ROWS)('$zone $expression $why', ({ zone, expression, from, to, slots }) => {
    const timing = parseTiming({
      kind: 'CRON',
      expression,
      timezone: zone,
      anchor: new Date('2026-01-01T00:00:00Z'),
    });
    const stretch = [new Date(from.replace('Z', ':00Z')), new Date(to.replace('Z', ':00Z'))] as const;
    const ascending = [...timing.between(...stretch)];
    expect(ascending.map((slot) => onTheWall(slot, zone))).toEqual(slots);
    expect([...timing.between(...stretch, 'descending')]).toEqual(ascending.toReversed());
  });

  it('gives the data of a moved slot its neighbours', () => {
    const timing = parseTiming({
      kind: 'CRON',
      expression: '30 2 * * *',
      timezone: 'Europe/Berlin',
      anchor: new Date('2026-01-01T00:00:00Z'),
    });
    const moved = new Date('2026-03-29T01:30:00Z');
    expect(timing.dataInterval(moved).start).toEqual(new Date('2026-03-28T01:30:00Z'));
    expect(timing.dataInterval(new Date('2026-03-30T00:30:00Z')).start).toEqual(moved);
  });
});
