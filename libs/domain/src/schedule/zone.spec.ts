import * as fc from 'fast-check';
import { Zone } from './zone.js';

/** The offset by another way: the fields that the clock shows, taken for UTC. */
function offsetByFields(timeZone: string, at: number): number {
  const format = new Intl.DateTimeFormat('en', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  const of = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
  return (
    Date.UTC(of.year, of.month - 1, of.day, of.hour, of.minute, of.second) - Math.floor(at / 1000) * 1000
  );
}

describe('a zone', () => {
  it.each([
    'UTC',
    'Europe/Berlin',
    'europe/berlin',
    'America/Argentina/Buenos_Aires',
    'Asia/Calcutta',
    'Etc/GMT+3',
  ])('may be named %s', (name) => expect(Zone.named(name)).toBeInstanceOf(Zone));

  it.each([
    '',
    ' ',
    'Mars/X',
    '+02:00',
    '-0300',
    'Europe/Berlin ',
    'UTC+2',
    '__proto__',
    '💥',
    'x'.repeat(200),
  ])('is not named %j', (name) => expect(Zone.named(name)).toBeNull());

  it.each([
    ['Europe/Berlin', '2026-03-29T01:00:00Z', 1, 2],
    ['Europe/Berlin', '2026-10-25T01:00:00Z', 2, 1],
    ['America/New_York', '2026-03-08T07:00:00Z', -5, -4],
    ['America/New_York', '2026-11-01T06:00:00Z', -4, -5],
    ['Australia/Lord_Howe', '2026-10-03T15:30:00Z', 10.5, 11],
    ['Australia/Lord_Howe', '2026-04-04T15:00:00Z', 11, 10.5],
    ['Pacific/Apia', '2011-12-30T10:00:00Z', -10, 14],
    ['America/Sao_Paulo', '2018-11-04T03:00:00Z', -3, -2],
    ['Africa/Cairo', '2026-04-23T22:00:00Z', 2, 3],
    ['Asia/Beirut', '2026-03-28T22:00:00Z', 2, 3],
    ['America/Boa_Vista', '2000-10-08T04:00:00Z', -4, -3],
    ['America/Boa_Vista', '2000-10-15T03:00:00Z', -3, -4],
    ['Africa/Monrovia', '1972-01-07T00:44:30Z', -(44 * 60 + 30) / 3600, 0],
  ])('%s changes its clock at %s from %d to %d hours', (name, at, before, after) => {
    const change = Date.parse(at);
    const zone = Zone.named(name)!;
    expect(zone.eraAt(change)).toMatchObject({
      from: change,
      offset: after * 3_600_000,
      before: before * 3_600_000,
    });
    const earlier = zone.eraAt(change - 1);
    expect(earlier).toMatchObject({ to: change, offset: before * 3_600_000 });
  });

  it('knows in a block of a change shortly before it', () => {
    // A block begins on 1 July 1999 at 00:00.
    const era = Zone.named('Asia/Amman')!.eraAt(Date.parse('1999-07-01T00:00:00Z'));
    expect(era).toMatchObject({
      from: Date.parse('1999-06-30T22:00:00Z'),
      before: 7_200_000,
      offset: 10_800_000,
    });
  });

  it('agrees everywhere and at any time with the clock that Intl shows, and its eras join', () => {
    const name = fc.constantFrom(...Intl.supportedValuesOf('timeZone'));
    const at = fc.integer({ min: Date.UTC(1900, 0, 1), max: Date.UTC(2120, 0, 1) });
    fc.assert(
      fc.property(name, at, (zoneName, instant) => {
        const zone = Zone.named(zoneName)!;
        const era = zone.eraAt(instant);
        expect(era.from).toBeLessThanOrEqual(instant);
        expect(era.to).toBeGreaterThan(instant);
        for (const point of [era.from, instant, era.to - 1]) {
          expect({ zoneName, point, offset: offsetByFields(zoneName, point) }).toEqual({
            zoneName,
            point,
            offset: era.offset,
          });
        }
        expect(offsetByFields(zoneName, era.from - 1)).toBe(era.before);
      }),
      { numRuns: 300 },
    );
  });
});
