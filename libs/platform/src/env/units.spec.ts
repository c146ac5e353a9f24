import { parseDuration, parseSize } from './units.js';

describe('parseSize', () => {
  it.each([
    ['100 MB', 100_000_000],
    ['1.5 GB', 1_500_000_000],
    ['64MiB', 67_108_864],
    ['10 kb', 10_000],
    ['512 B', 512],
  ])('reads %s as %d bytes', (text, bytes) => expect(parseSize(text)).toBe(bytes));

  it.each(['100', 'MB', '-1 MB', '0 MB', '1 day', '1 MB 2', ''])('refuses %j', (text) => {
    expect(() => parseSize(text)).toThrow('is not a size with a unit');
  });
});

describe('parseDuration', () => {
  it.each([
    ['30 days', 2_592_000_000],
    ['1 day', 86_400_000],
    ['12h', 43_200_000],
    ['90 s', 90_000],
    ['500ms', 500],
    ['2 Weeks', 1_209_600_000],
    ['5 minutes', 300_000],
  ])('reads %s as %d milliseconds', (text, ms) => expect(parseDuration(text)).toBe(ms));

  it.each(['30', 'days', '0 days', '-2 h', '3 fortnights', '1 MB'])('refuses %j', (text) => {
    expect(() => parseDuration(text)).toThrow('is not a duration with a unit');
  });
});
