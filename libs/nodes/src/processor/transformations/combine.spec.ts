import { type Json, type JsonObject } from '@tauro/domain';
import { NodeHarness } from '../../tables/node-harness.js';

jest.setTimeout(30_000);

let harness: NodeHarness;
const PEOPLE = [
  { id: 1, name: 'ann', city: 'Oslo', age: 30 },
  { id: 2, name: 'bob', city: 'Rome', age: null },
  { id: 3, name: 'ann', city: 'Oslo', age: 41 },
  { id: 4, name: 'cid', city: null, age: 25 },
];
const CITIES = [
  { city: 'Oslo', country: 'NO', name: 'Oslo kommune' },
  { city: 'Paris', country: 'FR', name: 'Ville de Paris' },
];

beforeAll(async () => {
  harness = await NodeHarness.create();
  await harness.table('people', PEOPLE);
  await harness.table('cities', CITIES);
});
afterAll(() => harness.close());

const run = (config: JsonObject, after = ['people'], params: JsonObject = {}): Promise<JsonObject[]> =>
  harness.process(config, after, params);
const transform = (...transformations: Json[]): Promise<JsonObject[]> => run({ transformations });
const failure = (config: JsonObject, after?: string[], params?: JsonObject): Promise<string> =>
  harness.failure(run(config, after, params));
const ids = (rows: JsonObject[]): Json[] => rows.map((row) => row['id']!);

describe('aggregate', () => {
  it('makes a row per group, in order, or one for everything', async () => {
    const metrics = { n: 'count(*)', oldest: 'max(age)', ids: 'list(id ORDER BY id)' };
    expect(await transform({ type: 'aggregate', group_by: ['city'], metrics })).toEqual([
      { city: 'Oslo', n: 2, oldest: 41, ids: [1, 3] },
      { city: 'Rome', n: 1, oldest: null, ids: [2] },
      { city: null, n: 1, oldest: 25, ids: [4] },
    ]);
    expect(await transform({ type: 'aggregate', metrics: { n: 'count(*)' } })).toEqual([{ n: 4 }]);
    expect(
      await transform({ type: 'limit', count: 0 }, { type: 'aggregate', metrics: { n: 'count(*)' } }),
    ).toEqual([{ n: 0 }]);
  });
});

describe('join', () => {
  const joined = (options: JsonObject): Promise<JsonObject[]> =>
    run(
      {
        transformations: [
          { type: 'join', on: ['city'], ...options },
          { type: 'sort', by: ['id', 'city'] },
        ],
      },
      ['people', 'cities'],
    );

  it.each<[string, (number | null)[]]>([
    ['inner', [1, 3]],
    ['left', [1, 2, 3, 4]],
    ['right', [1, 3, null]],
    ['full', [1, 2, 3, 4, null]],
    ['semi', [1, 3]],
    ['anti', [2, 4]],
  ])('%s keeps the right rows', async (how, expected) => {
    expect(ids(await joined({ how }))).toEqual(expected);
  });

  it('has each key once and other names with a suffix', async () => {
    expect((await joined({}))[0]).toEqual({
      id: 1,
      name: 'ann',
      city: 'Oslo',
      age: 30,
      country: 'NO',
      name_right: 'Oslo kommune',
    });
    expect((await joined({ how: 'full', suffix: '_of_city' })).at(-1)).toEqual({
      id: null,
      name: null,
      city: 'Paris',
      age: null,
      country: 'FR',
      name_of_city: 'Ville de Paris',
    });
  });

  it('joins columns of different names, and names its tables', async () => {
    const transformations: Json[] = [
      { type: 'join', with: 'people', on: { city: 'city' }, how: 'left' },
      { type: 'select', columns: ['country', 'id'] },
      { type: 'sort', by: 'id' },
    ];
    expect(await run({ transformations }, ['people', 'cities'])).toEqual([
      { country: 'NO', id: 1 },
      { country: 'NO', id: 3 },
      { country: 'FR', id: null },
    ]);
  });

  it('says which side lacks a column', async () => {
    const transformations = [{ type: 'join', on: { city: 'town' } }];
    expect(await failure({ transformations }, ['people', 'cities'])).toBe(
      "ColumnNotFound: transformations.0 (join): on, right side: column 'town' does not exist " +
        '(columns: city, country, name)',
    );
  });
});

describe('union', () => {
  const united = (options: JsonObject, after = ['people', 'cities']): Promise<JsonObject[]> =>
    run({ transformations: [{ type: 'union', ...options }] }, after);

  it('matches columns by name, missing ones are null', async () => {
    const rows = await united({});
    expect(rows).toHaveLength(6);
    expect(rows[4]).toEqual({ id: null, name: 'Oslo kommune', city: 'Oslo', age: null, country: 'NO' });
  });

  it('drops doubles when asked to, and takes three tables', async () => {
    await harness.table('more', [...CITIES, { city: 'Bern' }]);
    await harness.table('most', CITIES);
    expect(await united({}, ['cities', 'more', 'most'])).toHaveLength(7);
    expect(await united({ distinct: true }, ['cities', 'more', 'most'])).toHaveLength(3);
  });

  it('by position needs as many columns', async () => {
    expect(
      await failure({ transformations: [{ type: 'union', by_name: false }] }, ['people', 'cities']),
    ).toBe(
      'ColumnMismatch: transformations.0 (union): tables of 4 and 3 columns do not match by position; use by_name',
    );
  });
});
