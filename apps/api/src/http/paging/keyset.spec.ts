import * as fc from 'fast-check';
import { behind, decodePlace, encodePlace, type Place, type SortValue } from './keyset.js';
import { type Condition, type SortType } from './list-spec.js';
import { parseSort, type SortField } from './sort.js';

const SORTABLE: Record<string, SortType> = { name: 'string', size: 'number', ended: 'date?' };

describe('an opaque cursor', () => {
  it('survives the round trip with dates and nulls', () => {
    for (const ended of [new Date('2025-11-18T10:00:00.123Z'), null]) {
      const place: Place = { order: parseSort('-ended,name', SORTABLE), values: [ended, 'ä'], id: 'run_1' };
      expect(decodePlace(encodePlace(place), SORTABLE)).toEqual(place);
    }
  });

  it.each([
    ['not base64 of anything', '%%%'],
    ['not JSON', Buffer.from('hello').toString('base64url')],
    ['an operator as a value', encode(['name', [{ $ne: null }], 'run_1'])],
    ['an operator as an id', encode(['name', ['a'], { $gt: '' }])],
    ['a field that cannot be sorted by', encode(['secret', ['a'], 'run_1'])],
    ['a value of another type', encode(['size', ['a'], 'run_1'])],
    ['a null where there can be none', encode(['name', [null], 'run_1'])],
    ['too few values', encode(['name,size', ['a'], 'run_1'])],
    ['a date out of range', encode(['ended', [1e20], 'run_1'])],
  ])('is refused when it holds %s', (_, cursor) => {
    expect(() => decodePlace(cursor, SORTABLE)).toThrow('not a cursor');
  });
});

describe('paging behind a place', () => {
  type Item = { _id: string; name: string; size: number; ended: Date | null };
  const item = fc.record({
    name: fc.constantFrom('a', 'b', 'c'),
    size: fc.integer({ min: 0, max: 2 }),
    ended: fc.constantFrom(null, new Date(1), new Date(2)),
  });
  const items = fc
    .array(item, { maxLength: 12 })
    .map((all) => all.map((one, i): Item => ({ _id: `run_${String(i).padStart(3, '0')}`, ...one })));

  it('visits every item once, whatever the order and however many are equal', () => {
    const sorts = ['name', '-name', 'ended', '-ended', '-size,name', 'ended,-size', '-ended,-name,size'];
    fc.assert(
      fc.property(items, fc.constantFrom(...sorts), (all, sort) => {
        const order = parseSort(sort, SORTABLE);
        const sorted = [...all].sort((a, b) => compare(a, b, order));
        sorted.forEach((last, i) => {
          const values = order.map(({ field }) => last[field as keyof Item] as SortValue);
          const rest = all.filter((one) => matches(one, behind({ order, values, id: last._id })));
          expect(rest.sort((a, b) => compare(a, b, order))).toEqual(sorted.slice(i + 1));
        });
      }),
    );
  });

  /** As MongoDB sorts: null first, and the id last, in the direction of the first field. */
  function compare(a: Item, b: Item, order: SortField[]): number {
    for (const { field, descending } of order) {
      const [x, y] = [a, b].map((one) => one[field as keyof Item]?.valueOf() ?? null);
      if (x === y) continue;
      const ascending = x === null ? -1 : y === null ? 1 : x! < y! ? -1 : 1;
      return descending ? -ascending : ascending;
    }
    return (a._id < b._id ? -1 : 1) * (order[0]!.descending ? -1 : 1);
  }
});

/** The few operators that a keyset needs, with MongoDB's rule that a comparison never matches null. */
function matches(document: Record<string, unknown>, condition: Condition): boolean {
  return Object.entries(condition).every(([key, wanted]) => {
    if (key === '$and') return (wanted as Condition[]).every((one) => matches(document, one));
    if (key === '$or') return (wanted as Condition[]).some((one) => matches(document, one));
    const value = document[key]?.valueOf() ?? null;
    if (wanted === null || typeof wanted !== 'object' || wanted instanceof Date) {
      return value === (wanted?.valueOf() ?? null);
    }
    return Object.entries(wanted).every(([operator, operand]: [string, unknown]) => {
      const bound = operand?.valueOf() ?? null;
      if (operator === '$ne') return value !== bound;
      if (value === null || bound === null) return false;
      if (operator === '$lt') return value < bound;
      if (operator === '$lte') return value <= bound;
      if (operator === '$gt') return value > bound;
      if (operator === '$gte') return value >= bound;
      throw new Error(`unknown operator ${operator}`);
    });
  });
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
