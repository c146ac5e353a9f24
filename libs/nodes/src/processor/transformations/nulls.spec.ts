import { type Json, type JsonObject } from '@tauro/domain';
import { NodeHarness } from '../../tables/node-harness.js';

jest.setTimeout(30_000);

let harness: NodeHarness;

beforeAll(async () => {
  harness = await NodeHarness.create();
  await harness.table('people', [
    { id: 1, name: 'ann', age: 30, since: '2026-01-31' },
    { id: 2, name: null, age: null, since: null },
    { id: 3, name: 'cid', age: null, since: '2026-02-01' },
  ]);
});
afterAll(() => harness.close());

const transform = (...transformations: Json[]): Promise<JsonObject[]> =>
  harness.process({ transformations }, ['people']);
const ids = async (transformation: Json): Promise<Json[]> =>
  (await transform(transformation)).map((row) => row['id']!);

describe('fill_null', () => {
  it('puts values in the place of null, of the type of the column', async () => {
    const typed = { type: 'cast', columns: { since: 'DATE' } };
    const fill = { type: 'fill_null', values: { Name: "it's unknown", age: -1, since: '1970-01-01' } };
    expect((await transform(typed, fill))[1]).toEqual({
      id: 2,
      name: "it's unknown",
      age: -1,
      since: '1970-01-01',
    });
    expect(harness.columns('out').map(({ type }) => type)).toEqual(['BIGINT', 'VARCHAR', 'BIGINT', 'DATE']);
  });

  it('says which value does not fit', async () => {
    expect(await harness.failure(transform({ type: 'fill_null', values: { age: 'none' } }))).toMatch(
      /^BadValue: transformations\.0 \(fill_null\): Could not convert string 'none' to BIGINT/,
    );
    expect(await harness.failure(transform({ type: 'fill_null', values: { aged: 1 } }))).toBe(
      "ColumnNotFound: transformations.0 (fill_null): values: column 'aged' does not exist (columns: id, name, age, since)",
    );
  });
});

describe('drop_nulls', () => {
  it.each<[Json, number[]]>([
    ['drop_nulls', [1]],
    [{ type: 'drop_nulls', columns: ['name'] }, [1, 3]],
    [{ type: 'drop_nulls', columns: ['name', 'age'] }, [1]],
    [{ type: 'drop_nulls', columns: ['name', 'age'], how: 'all' }, [1, 3]],
  ])('%j', async (transformation, expected) => {
    expect(await ids(transformation)).toEqual(expected);
  });
});
