import { type Json, type JsonObject } from '@tauro/domain';
import { NodeHarness } from '../../tables/node-harness.js';
import { processorNode } from '../processor.node.js';

jest.setTimeout(30_000);

let harness: NodeHarness;
const PEOPLE = [
  { id: 1, name: 'ann', city: 'Oslo', age: 30 },
  { id: 2, name: 'bob', city: 'Rome', age: null },
  { id: 3, name: 'ann', city: 'Oslo', age: 41 },
  { id: 4, name: 'cid', city: null, age: 25 },
];

beforeAll(async () => {
  harness = await NodeHarness.create();
  await harness.table('people', PEOPLE);
});
afterAll(() => harness.close());

const run = (config: JsonObject, after = ['people'], params: JsonObject = {}): Promise<JsonObject[]> =>
  harness.process(config, after, params);
const transform = (...transformations: Json[]): Promise<JsonObject[]> => run({ transformations });
const ids = (rows: JsonObject[]): Json[] => rows.map((row) => row['id']!);

describe('deduplicate', () => {
  const rows = [
    { a: 1, b: 'x', c: null },
    { a: 2, b: 'x', c: 1 },
    { a: 1, b: 'x', c: null },
    { a: 1, b: 'y', c: 2 },
    { a: null, b: 'x', c: 3 },
    { a: null, b: 'x', c: 4 },
  ];
  beforeAll(() => harness.table('doubles', rows));
  const unique = (...steps: Json[]): Promise<JsonObject[]> => run({ transformations: steps }, ['doubles']);

  it('drops rows that agree in everything, and keeps the order', async () => {
    expect(await unique('deduplicate')).toEqual([rows[0], rows[1], rows[3], rows[4], rows[5]]);
    expect(await unique({ type: 'deduplicate', keys: ['c', 'a', 'B'] })).toEqual(await unique('deduplicate'));
  });

  it('keeps the first row of each key, nulls and all', async () => {
    expect(await unique({ type: 'deduplicate', keys: ['a'] })).toEqual([rows[0], rows[1], rows[4]]);
    expect(await unique({ type: 'deduplicate', keys: ['b', 'a'] })).toEqual([
      rows[0],
      rows[1],
      rows[3],
      rows[4],
    ]);
  });

  it('knows which row came first after other transformations too', async () => {
    const sorted = { type: 'sort', by: '-c' };
    expect(await unique(sorted, { type: 'deduplicate', keys: ['b'] })).toEqual([rows[5], rows[3]]);
    expect(await unique({ type: 'select', columns: ['b'] }, 'deduplicate')).toEqual([{ b: 'x' }, { b: 'y' }]);
  });

  it('has no quarrel with columns that are named like its helpers', async () => {
    const odd = [
      { row: 2, file_row_number: 7 },
      { row: 1, file_row_number: 7 },
    ];
    await harness.table('odd', odd);
    expect(
      await run({ transformations: [{ type: 'deduplicate', keys: ['file_row_number'] }] }, ['odd']),
    ).toEqual([odd[0]]);
    expect(await run({ transformations: ['deduplicate'] }, ['odd'])).toEqual(odd);
  });

  it('keeps the first of many rows, whatever the number of threads', async () => {
    const sql = 'SELECT i % 5000 AS k, i FROM range(400000) r(i)';
    await harness.run(processorNode, 'many', { sql }, { after: ['people'] });
    const transformations: Json[] = [
      { type: 'deduplicate', keys: ['k'] },
      {
        type: 'aggregate',
        metrics: { rows: 'count(*)', right: 'count(*) FILTER (WHERE k = i)', last: 'last(i)' },
      },
    ];
    expect(await run({ transformations }, ['many'])).toEqual([{ rows: 5000, right: 5000, last: 4999 }]);
  });
});

describe('rows', () => {
  it.each<[string, Json, number[]]>([
    ['a condition', { type: 'filter', where: 'age > 26' }, [1, 3]],
    ['null is not true', { type: 'filter', where: "city <> 'Oslo'" }, [2]],
    ['a subquery over the input', { type: 'filter', where: 'age = (SELECT max(age) FROM people)' }, [3]],
    [
      'the same input by its short name',
      { type: 'filter', where: 'age = (SELECT min(age) FROM input)' },
      [4],
    ],
    ['OR stays inside', { type: 'filter', where: 'id = 1 OR id = 2' }, [1, 2]],
    ['ascending, nulls last', { type: 'sort', by: 'age' }, [4, 1, 3, 2]],
    ['descending', { type: 'sort', by: ['-age', 'id'] }, [3, 1, 4, 2]],
    ['nulls first', { type: 'sort', by: [{ column: 'age', order: 'desc', nulls: 'first' }] }, [2, 3, 1, 4]],
    ['by two columns', { type: 'sort', by: ['name', '-id'] }, [3, 1, 2, 4]],
    ['a limit', { type: 'limit', count: 2 }, [1, 2]],
    ['a limit with offset', { type: 'limit', count: 2, offset: 1 }, [2, 3]],
    ['nothing', { type: 'limit', count: 0 }, []],
  ])('%s', async (_, transformation, expected) => {
    expect(ids(await transform(transformation))).toEqual(expected);
  });
});
