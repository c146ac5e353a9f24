import { Batcher } from './batcher.js';

describe('joined look-ups', () => {
  const store = new Map([
    ['a', 1],
    ['b', 2],
  ]);
  let loads: string[][];
  let batcher: Batcher<number>;
  beforeEach(() => {
    loads = [];
    batcher = new Batcher(async (keys) => {
      loads.push(keys);
      return new Map(keys.flatMap((key) => (store.has(key) ? [[key, store.get(key)!]] : [])));
    });
  });

  it('cost one look-up of the distinct keys', async () => {
    expect(await Promise.all(['a', 'b', 'a', 'c'].map((key) => batcher.get(key)))).toEqual([
      1,
      2,
      1,
      undefined,
    ]);
    expect(loads).toEqual([['a', 'b', 'c']]);
  });

  it('are not joined by who asks once the look-up has begun', async () => {
    const early = batcher.get('a');
    await new Promise(setImmediate);
    const late = batcher.get('a');
    await Promise.all([early, late]);
    expect(loads).toEqual([['a'], ['a']]);
  });

  it('fail together, and the next ones are tried again', async () => {
    let broken = true;
    const fragile = new Batcher<number>(async (keys) => {
      if (broken) throw new Error('store is away');
      return new Map(keys.map((key) => [key, 7]));
    });
    const outcomes = await Promise.allSettled([fragile.get('a'), fragile.get('b')]);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    broken = false;
    expect(await fragile.get('a')).toBe(7);
  });
});
