import { type Json, type JsonObject } from '@tauro/domain';
import { NodeHarness } from '../../tables/node-harness.js';

jest.setTimeout(30_000);

let harness: NodeHarness;
const SALES = [
  { city: 'Oslo', month: 'jan', amount: 10, n: 1 },
  { city: 'Oslo', month: 'feb', amount: 20, n: 2 },
  { city: 'Rome', month: 'jan', amount: 5, n: 1 },
  { city: 'Oslo', month: 'jan', amount: 7, n: 1 },
  { city: 'Bern', month: null, amount: 1, n: 9 },
];

beforeAll(async () => {
  harness = await NodeHarness.create();
  await harness.table('sales', SALES);
});
afterAll(() => harness.close());

const transform = (transformation: Json, after = 'sales'): Promise<JsonObject[]> =>
  harness.process({ transformations: [transformation] }, [after]);

describe('pivot', () => {
  const pivot = (options: JsonObject): Promise<JsonObject[]> =>
    transform({ type: 'pivot', on: 'month', column: 'amount', group_by: ['city'], ...options });

  it('makes columns of the values that it finds, in order', async () => {
    const rows = await pivot({});
    expect(rows).toEqual([
      { city: 'Bern', feb: null, jan: null },
      { city: 'Oslo', feb: 20, jan: 17 },
      { city: 'Rome', feb: null, jan: 5 },
    ]);
    expect(Object.keys(rows[0]!)).toEqual(['city', 'feb', 'jan']);
    expect(harness.columns('out').map(({ type }) => type)).toEqual(['VARCHAR', 'BIGINT', 'BIGINT']);
  });

  it('or of those it is told, whatever there is', async () => {
    expect(await pivot({ values: ['jan', 'dec'], prefix: 'in_', aggregate: 'max' })).toEqual([
      { city: 'Bern', in_jan: null, in_dec: null },
      { city: 'Oslo', in_jan: 10, in_dec: null },
      { city: 'Rome', in_jan: 5, in_dec: null },
    ]);
  });

  it('counts rows, over everything, by values that are no texts', async () => {
    expect(await transform({ type: 'pivot', on: 'n', aggregate: 'count', group_by: [] })).toEqual([
      { '1': 3, '2': 1, '9': 1 },
    ]);
    expect(
      await transform({ type: 'pivot', on: 'n', aggregate: 'count', group_by: [], values: [2, 3] }),
    ).toEqual([{ '2': 1, '3': 0 }]);
  });

  it('groups by all other columns by default', async () => {
    const rows = await transform({ type: 'pivot', on: 'month', column: 'amount' });
    expect(rows.map(({ city, n }) => [city, n])).toEqual([
      ['Bern', 9],
      ['Oslo', 1],
      ['Oslo', 2],
      ['Rome', 1],
    ]);
  });

  it.each<[JsonObject, string]>([
    [
      { on: 'mnth' },
      "ColumnNotFound: transformations.0 (pivot): on: column 'mnth' does not exist (columns: city,",
    ],
    [{ values: ['city'] }, "DuplicateColumn: transformations.0 (pivot): there would be two columns 'city'"],
    [
      { on: 'n', values: ['x'] },
      "BadValue: transformations.0 (pivot): Could not convert string 'x' to BIGINT",
    ],
  ])('%j: %s', async (options, message) => {
    expect(await harness.failure(pivot(options))).toContain(message);
  });

  it('refuses more columns than anybody means to have', async () => {
    const many = Array.from({ length: 1001 }, (_, i) => ({ i }));
    await harness.table('many', many);
    expect(await harness.failure(transform({ type: 'pivot', on: 'i', aggregate: 'count' }, 'many'))).toBe(
      "TableError: transformations.0 (pivot): column 'i' has more than 1000 values; name those that are to become " +
        'columns in values',
    );
  });
});

describe('unpivot', () => {
  const unpivot = (options: JsonObject): Promise<JsonObject[]> =>
    transform({ type: 'unpivot', columns: ['a', 'b'], ...options }, 'wide');
  beforeAll(() =>
    harness.table('wide', [
      { id: 1, a: 10, b: 20, c: 'x' },
      { id: 2, a: null, b: 40, c: 'y' },
    ]),
  );

  it('makes a row of each column, in order', async () => {
    expect(await unpivot({})).toEqual([
      { id: 1, c: 'x', name: 'a', value: 10 },
      { id: 1, c: 'x', name: 'b', value: 20 },
      { id: 2, c: 'y', name: 'a', value: null },
      { id: 2, c: 'y', name: 'b', value: 40 },
    ]);
    const rows = await unpivot({ drop_nulls: true, name: 'letter', value: 'n' });
    expect(rows.map(({ id, letter, n }) => [id, letter, n])).toEqual([
      [1, 'a', 10],
      [1, 'b', 20],
      [2, 'b', 40],
    ]);
  });

  it('says which names are taken, and which types do not go together', async () => {
    expect(await harness.failure(unpivot({ name: 'ID' }))).toMatch(
      /^DuplicateColumn: transformations\.0 \(unpivot\): there would be columns 'id' and 'ID'/,
    );
    expect(await harness.failure(unpivot({ columns: ['a', 'c'] }))).toMatch(
      /^TableError: transformations\.0 \(unpivot\): /,
    );
  });
});

describe('split and explode', () => {
  beforeAll(() =>
    harness.table('posts', [
      { id: 1, tags: 'a,b,c' },
      { id: 2, tags: '' },
      { id: 3, tags: null },
      { id: 4, tags: 'd' },
    ]),
  );
  const split = { type: 'split', column: 'tags', separator: ',' };

  it('cuts a text into columns, the last of which has the rest', async () => {
    expect(await transform({ ...split, into: ['first', 'rest'] }, 'posts')).toEqual([
      { id: 1, tags: 'a,b,c', first: 'a', rest: 'b,c' },
      { id: 2, tags: '', first: '', rest: null },
      { id: 3, tags: null, first: null, rest: null },
      { id: 4, tags: 'd', first: 'd', rest: null },
    ]);
  });

  it('makes a list, and a row of each of its elements', async () => {
    const explode = { type: 'explode', column: 'tags' };
    const rows = await harness.process({ transformations: [split, explode] }, ['posts']);
    expect(rows.map(({ id, tags }) => [id, tags])).toEqual([
      [1, 'a'],
      [1, 'b'],
      [1, 'c'],
      [2, ''],
      [4, 'd'],
    ]);
    const kept = { transformations: [split, { ...explode, keep_empty: true }] };
    expect((await harness.process(kept, ['posts'])).at(-2)).toEqual({ id: 3, tags: null });
  });

  it('tells what to do about a column without lists', async () => {
    expect(await harness.failure(transform({ type: 'explode', column: 'tags' }, 'posts'))).toBe(
      "TableError: transformations.0 (explode): column 'tags' is VARCHAR, not a list; make it one with split or derive",
    );
  });
});
