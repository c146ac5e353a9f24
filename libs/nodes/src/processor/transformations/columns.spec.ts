import { type Json, type JsonObject } from '@tauro/domain';
import { NodeHarness } from '../../tables/node-harness.js';
import { snakeCase } from './columns.js';

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
const failure = (config: JsonObject, after?: string[], params?: JsonObject): Promise<string> =>
  harness.failure(run(config, after, params));

describe('normalize', () => {
  const rows = [
    { 'Full Name': '  Ann\t', 'e-mail': '', n: 1 },
    { 'Full Name': '\u00a0 ', 'e-mail': 'a@b', n: 2 },
  ];
  beforeAll(() => harness.table('messy', rows));
  const clean = (options: JsonObject = {}): Promise<JsonObject[]> =>
    run({ transformations: [{ type: 'normalize', ...options }] }, ['messy']);

  it('trims texts, empties become null, names become snake_case', async () => {
    const expected = [
      { full_name: 'Ann', e_mail: null, n: 1 },
      { full_name: null, e_mail: 'a@b', n: 2 },
    ];
    expect(await clean()).toEqual(expected);
    expect(await run({ transformations: ['normalize'] }, ['messy'])).toEqual(expected);
  });

  it.each<[JsonObject, JsonObject]>([
    [{ names: false }, { 'Full Name': 'Ann', 'e-mail': null, n: 1 }],
    [{ trim: false }, { full_name: '  Ann\t', e_mail: null, n: 1 }],
    [{ empty_to_null: false }, { full_name: 'Ann', e_mail: '', n: 1 }],
    [{ columns: ['Full Name'] }, { full_name: 'Ann', e_mail: '', n: 1 }],
  ])('%j', async (options, first) => {
    expect((await clean(options))[0]).toEqual(first);
  });

  it.each([
    ['x', 'x'],
    [' x', 'x'],
    ['x ', 'x'],
    ['\tx y\n', 'x y'],
    ['x\r', 'x'],
    ['\u00a0é\u00a0', 'é'],
    ['é ', 'é'],
    ['é', 'é'],
    [' \n ', null],
    ['', null],
    [null, null],
  ])('%j becomes %j', async (text, expected) => {
    await harness.table('text', [{ text }], { text: 'VARCHAR' });
    expect(await run({ transformations: ['normalize'] }, ['text'])).toEqual([{ text: expected }]);
  });

  it('refuses to make one column of two', async () => {
    await harness.table('twins', [{ 'Total Sum': 1, total_sum: 2 }]);
    expect(await failure({ transformations: ['normalize'] }, ['twins'])).toBe(
      "DuplicateColumn: transformations.0 (normalize): columns 'Total Sum' and 'total_sum' would both become " +
        "'total_sum'; rename one of them first",
    );
  });

  it.each([
    ['totalAmount', 'total_amount'],
    ['Total Amount (EUR)', 'total_amount_eur'],
    ['HTTPStatus', 'http_status'],
    ['already_fine', 'already_fine'],
    ['2nd', '_2nd'],
    ['Größe', 'größe'],
    ['temp2Max', 'temp2_max'],
    ['--', 'column_1'],
  ])('%s becomes %s', (name, expected) => expect(snakeCase(name)).toBe(expected));
});

describe('columns', () => {
  const first = async (...transformations: Json[]): Promise<JsonObject> =>
    (await transform(...transformations))[0]!;

  it('select and exclude', async () => {
    expect(await first({ type: 'select', columns: ['age', 'ID'] })).toEqual({ age: 30, id: 1 });
    expect(Object.keys(await first({ type: 'select', columns: ['age', 'id'] }))).toEqual(['age', 'id']);
    expect(await first({ type: 'select', exclude: ['name', 'city', 'age'] })).toEqual({ id: 1 });
  });

  it('rename, also swapping two', async () => {
    expect(await first({ type: 'rename', columns: { name: 'first name', id: 'select' } })).toEqual({
      select: 1,
      'first name': 'ann',
      city: 'Oslo',
      age: 30,
    });
    expect(await first({ type: 'rename', columns: { name: 'city', city: 'name' } })).toMatchObject({
      name: 'Oslo',
      city: 'ann',
    });
    expect(await failure({ transformations: [{ type: 'rename', columns: { id: 'AGE' } }] })).toMatch(
      /^DuplicateColumn: transformations\.0 \(rename\): there would be columns 'AGE' and 'age'/,
    );
  });

  it('cast, failing or making null', async () => {
    await transform({ type: 'cast', columns: { id: 'VARCHAR', age: 'DECIMAL(10, 2)' } });
    expect(harness.columns('out').map((column) => column.type)).toEqual([
      'VARCHAR',
      'VARCHAR',
      'VARCHAR',
      'DECIMAL(10,2)',
    ]);
    expect(await failure({ transformations: [{ type: 'cast', columns: { name: 'INTEGER' } }] })).toBe(
      "BadValue: transformations.0 (cast): Could not convert string 'ann' to INTEGER when casting from source column name",
    );
    expect(await first({ type: 'cast', columns: { name: 'INTEGER' }, on_error: 'null' })).toMatchObject({
      name: null,
    });
    expect(await failure({ transformations: [{ type: 'cast', columns: { id: 'NUMBERS' } }] })).toBe(
      "TableError: transformations.0 (cast): type 'NUMBERS' does not exist",
    );
  });

  it('derive, all from the columns before', async () => {
    expect(
      await first({
        type: 'derive',
        columns: { age: 'age + 1', next: 'age + 1', label: "upper(name) || '!'" },
      }),
    ).toEqual({
      id: 1,
      name: 'ann',
      city: 'Oslo',
      age: 31,
      next: 31,
      label: 'ANN!',
    });
  });
});
