import { type Json, type JsonObject } from '@tauro/domain';
import { NodeHarness } from '../../tables/node-harness.js';
import { configFaults } from '../../validate.js';
import { processorNode } from '../processor.node.js';

jest.setTimeout(30_000);

let harness: NodeHarness;
const SALES = [
  { id: 1, city: 'Oslo', amount: 10 },
  { id: 2, city: 'Rome', amount: 5 },
  { id: 3, city: 'Oslo', amount: 30 },
  { id: 4, city: 'Oslo', amount: 10 },
  { id: 5, city: 'Rome', amount: null },
];

beforeAll(async () => {
  harness = await NodeHarness.create();
  await harness.table('sales', SALES);
});
afterAll(() => harness.close());

const transform = (options: JsonObject, after = 'sales'): Promise<JsonObject[]> =>
  harness.process({ transformations: [{ type: 'window', ...options }] }, [after]);

/** What one function gives for each row, in the order of the table. */
const added = async (call: JsonObject, options: JsonObject): Promise<Json[]> =>
  (await transform({ functions: { x: call }, ...options })).map((row) => row['x']!);

const BY_CITY = { partition_by: ['city'] };
const BY_AMOUNT = { ...BY_CITY, order_by: '-amount' };

describe('window', () => {
  it.each<[JsonObject, JsonObject, Json[]]>([
    [{ function: 'row_number' }, BY_AMOUNT, [2, 1, 1, 3, 2]],
    [{ function: 'rank' }, { ...BY_CITY, order_by: 'amount' }, [1, 1, 3, 1, 2]],
    [{ function: 'dense_rank' }, { ...BY_CITY, order_by: 'amount' }, [1, 1, 2, 1, 2]],
    [{ function: 'percent_rank' }, { ...BY_CITY, order_by: 'amount' }, [0, 0, 1, 0, 1]],
    [{ function: 'ntile', buckets: 2 }, { order_by: 'id' }, [1, 1, 1, 2, 2]],
    [{ function: 'lag', column: 'amount' }, { order_by: 'id' }, [null, 10, 5, 30, 10]],
    [{ function: 'lag', column: 'amount', offset: 2, default: 0 }, { order_by: 'id' }, [0, 0, 10, 5, 30]],
    [{ function: 'lead', column: 'id', default: -1 }, { ...BY_CITY, order_by: 'id' }, [3, 5, 4, -1, -1]],
    [{ function: 'first', column: 'id' }, { ...BY_CITY, order_by: '-id' }, [4, 5, 4, 4, 5]],
    [{ function: 'last', column: 'id' }, { ...BY_CITY, order_by: '-id' }, [1, 2, 1, 1, 2]],
    [{ function: 'sum', column: 'amount' }, BY_CITY, [50, 5, 50, 50, 5]],
    [{ function: 'sum', column: 'amount' }, { ...BY_CITY, order_by: 'id' }, [10, 5, 40, 50, 5]],
    [{ function: 'avg', column: 'amount' }, {}, [13.75, 13.75, 13.75, 13.75, 13.75]],
    [{ function: 'count' }, BY_CITY, [3, 2, 3, 3, 2]],
    [{ function: 'count', column: 'amount' }, BY_CITY, [3, 1, 3, 3, 1]],
    [{ function: 'min', column: 'amount' }, { order_by: 'id' }, [10, 5, 5, 5, 5]],
    [{ function: 'sum', column: 'id', frame: { preceding: 1 } }, { order_by: 'id' }, [1, 3, 5, 7, 9]],
    [
      { function: 'max', column: 'id', frame: { preceding: 0, following: 1 } },
      { order_by: 'id' },
      [2, 3, 4, 5, 5],
    ],
    [
      { function: 'sum', column: 'id', frame: { following: 'unbounded' } },
      { order_by: 'id' },
      [15, 15, 15, 15, 15],
    ],
  ])('%j over %j', async (call, options, expected) => {
    expect(await added(call, options)).toEqual(expected);
  });

  it('adds several columns, beside all others and with rows in their order', async () => {
    const functions = {
      place: { function: 'row_number' },
      'so far': { function: 'sum', column: 'amount' },
    };
    expect((await transform({ functions, ...BY_AMOUNT }))[2]).toEqual({
      id: 3,
      city: 'Oslo',
      amount: 30,
      place: 1,
      'so far': 30,
    });
    expect(harness.columns('out').map(({ type }) => type)).toEqual([
      'BIGINT',
      'VARCHAR',
      'BIGINT',
      'BIGINT',
      'BIGINT',
    ]);
  });

  it('lets the order of the rows decide between equals, with any number of threads', async () => {
    await harness.run(
      processorNode,
      'many',
      { sql: 'SELECT i, i % 3 AS k FROM range(200000) r(i)' },
      { after: ['sales'] },
    );
    const transformations: Json[] = [
      { type: 'window', functions: { n: { function: 'row_number' } }, partition_by: ['k'], order_by: 'k' },
      { type: 'aggregate', metrics: { rows: 'count(*)', right: 'count(*) FILTER (WHERE n = i // 3 + 1)' } },
    ];
    expect(await harness.process({ transformations }, ['many'])).toEqual([{ rows: 200_000, right: 200_000 }]);
  });

  it.each<[JsonObject, JsonObject, string]>([
    [{ function: 'row_number' }, {}, 'functions.x: row_number needs order_by'],
    [{ function: 'sum' }, {}, 'functions.x: sum needs a column'],
    [{ function: 'rank', column: 'id' }, { order_by: 'id' }, 'functions.x: rank takes no column'],
    [{ function: 'ntile' }, { order_by: 'id' }, 'functions.x: ntile needs buckets'],
    [
      { function: 'lag', column: 'id', frame: { preceding: 1 } },
      { order_by: 'id' },
      'functions.x: lag takes no frame',
    ],
  ])('%j over %j: %s', async (call, options, message) => {
    expect(await harness.failure(added(call, options))).toBe(
      `InvalidConfig: transformations.0 (window): ${message}`,
    );
  });

  it('names the place of a column that is not there, and of a name that is taken', async () => {
    expect(await harness.failure(added({ function: 'sum', column: 'amuont' }, {}))).toBe(
      "ColumnNotFound: transformations.0 (window): functions.x: column 'amuont' does not exist (columns: id, city, amount)",
    );
    expect(await harness.failure(added({ function: 'rank' }, { order_by: 'amuont' }))).toContain(
      "transformations.0 (window): order_by: column 'amuont' does not exist",
    );
    const functions = { ID: { function: 'count' } };
    expect(await harness.failure(transform({ functions }))).toMatch(/^DuplicateColumn: .*'id' and 'ID'/);
  });

  it.each<[JsonObject, RegExp]>([
    [{ function: 'median' }, /functions\.x\.function must be one of 'row_number'/],
    [{ function: 'sum', column: 'a', frame: { preceding: -1 } }, /frame\.preceding/],
    [{ function: 'sum', column: 'a', frame: {} }, /frame/],
    [{ function: 'sum', column: 'a', over: 'b' }, /over is an unknown key/],
  ])('%j is refused by the schema', (call, message) => {
    const config = { transformations: [{ type: 'window', functions: { x: call } }] };
    const faults = configFaults(processorNode, config).map((fault) => fault.message);
    expect(faults.join('; ')).toMatch(message);
  });
});
