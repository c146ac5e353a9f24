import { IntervalSlots, parseInterval } from './interval.js';

describe('an interval', () => {
  it.each([
    ['15s', 15],
    ['30m', 1800],
    ['2h', 7200],
    ['1d', 86_400],
    ['1w', 604_800],
    ['1h30m', 5400],
    ['30m1h', 5400],
    ['1w2d3h4m5s', 788_645],
    [' 1s ', 1],
    ['366d', 31_622_400],
    ['0h1s', 1],
  ])('%s has %i seconds', (text, seconds) => {
    expect(parseInterval(text)).toBe(seconds * 1000);
  });

  it.each([
    ['', /is no interval/],
    ['5', /write a number with a unit of s, m, h, d or w/],
    ['h', /is no interval/],
    ['1.5h', /is no interval/],
    ['-5m', /is no interval/],
    ['5M', /is no interval/],
    ['1h 30m', /is no interval/],
    ['PT1H', /is no interval/],
    ['٣s', /is no interval/],
    ['0s', /shorter than the minimum of 1s/],
    ['367d', /longer than the maximum of 366d/],
    ['366d1s', /longer than the maximum/],
    ['999999999w', /longer than the maximum/],
    ['9999999999s', /is no interval/],
    ['1s'.repeat(60), /is no interval/],
  ])('%j is a fault: %s', (text, fault) => {
    expect(parseInterval(text)).toEqual(expect.stringMatching(fault));
  });

  it.each(['1', '1s', ' '])('is refused at once when it is too long, of %j', (part) => {
    expect(parseInterval(part.repeat(1_000_000))).toEqual(expect.stringMatching(/is no interval/));
  });
});

describe('the slots of an interval', () => {
  const slots = new IntervalSlots(1_000_000, 300);

  it.each([
    [1_000_000, 1_000_300, 999_700],
    [1_000_001, 1_000_300, 1_000_000],
    [1_000_299, 1_000_300, 1_000_000],
    [999_999, 1_000_000, 999_700],
    [-1, 100, -200],
  ])('around %i are %i after and %i before', (at, next, previous) => {
    expect(slots.next(at)).toBe(next);
    expect(slots.previous(at)).toBe(previous);
  });
});
