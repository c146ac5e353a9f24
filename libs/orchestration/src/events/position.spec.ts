import { mongo } from 'mongoose';
import { comparePositions, endOfTime, parsePosition, positionText } from './position.js';

describe('a position in the stream of changes', () => {
  it.each(['1763431500.3.0', '4294967295.4294967295.999999999'])('%s is what it says', (text) => {
    expect(positionText(parsePosition(text)!)).toBe(text);
  });

  it.each(['', '41', '1.2', '1.2.3.4', 'a.b.c', '-1.2.3', '99999999999.1.1', '1.2.3\n'])(
    '%j is none',
    (text) => {
      expect(parsePosition(text)).toBeUndefined();
    },
  );

  it('comes after those of an earlier time, and of an earlier count at the same', () => {
    const sorted = ['9.1.0', '10.1.0', '10.2.0', '10.2.1', '10.2.10', '11.0.0'].map((text) =>
      parsePosition(text)!,
    );
    const shuffled = [3, 0, 5, 1, 4, 2].map((index) => sorted[index]!);
    expect(shuffled.sort(comparePositions)).toEqual(sorted);
  });

  it('at the end of a time is behind all that happened then', () => {
    const end = endOfTime(new mongo.Timestamp({ t: 4_000_000_000, i: 7 }));
    expect(end).toMatchObject({ t: 4_000_000_000, i: 7 });
    expect(comparePositions(end, { t: 4_000_000_000, i: 7, n: 5 })).toBeGreaterThan(0);
    expect(comparePositions(end, { t: 4_000_000_000, i: 8, n: 0 })).toBeLessThan(0);
  });
});
