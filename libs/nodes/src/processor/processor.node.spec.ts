import { type Json, type JsonObject } from '@tauro/domain';
import { mayHaveSecret } from '../node-kind.js';
import { NodeHarness } from '../tables/node-harness.js';
import { configFaults } from '../validate.js';
import { processorNode } from './processor.node.js';

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
const failure = (config: JsonObject, after?: string[], params?: JsonObject): Promise<string> =>
  harness.failure(run(config, after, params));
const ids = (rows: JsonObject[]): Json[] => rows.map((row) => row['id']!);

describe('sql', () => {
  it('names its inputs by node id, and input when there is one', async () => {
    const sql = 'SELECT p.id, c.country FROM people p JOIN cities c USING (city) ORDER BY p.id';
    expect(await run({ sql }, ['people', 'cities'])).toEqual([
      { id: 1, country: 'NO' },
      { id: 3, country: 'NO' },
    ]);
    expect(await run({ sql: 'SELECT count(*) AS n FROM input' })).toEqual([{ n: 4 }]);
    expect(await run({ sql: 'SELECT 1 AS a, 2 AS a' })).toHaveLength(1);
    expect(await run({ sql: 'SUMMARIZE people' })).toHaveLength(4);
  });

  it('binds its templates as values', async () => {
    const sql = "SELECT id FROM people WHERE name = {{ params.name }} OR city = '{{ params.city }}'";
    expect(ids(await run({ sql }, ['people'], { name: 'cid', city: 'Rome' }))).toEqual([2, 4]);
    expect(
      await run({ sql }, ['people'], { name: "x' OR '1'='1", city: "'; DROP TABLE people; --" }),
    ).toEqual([]);
    const where = { transformations: [{ type: 'filter', where: 'id IN ({{ params.ids }})' }] };
    expect(ids(await run(where, ['people'], { ids: [2, 3] }))).toEqual([2, 3]);
    const derive = { transformations: [{ type: 'derive', columns: { day: "DATE '{{ params.day }}'" } }] };
    expect((await run(derive, ['people'], { day: '2026-01-31' }))[0]).toMatchObject({ day: '2026-01-31' });
  });

  it('that reaches outside fails, whatever a template holds', async () => {
    for (const sql of [
      "SELECT * FROM '/etc/passwd'",
      "SELECT * FROM read_csv('/etc/passwd')",
      `SELECT * FROM read_parquet('${harness.artifacts.root}/runs/**')`,
      'SELECT * FROM cities',
      "COPY people TO '/tmp/x'",
      'SELECT * FROM "step 0"',
    ]) {
      expect(await failure({ sql })).toMatch(/^SqlRefused: sql: /);
    }
    const where = { transformations: [{ type: 'filter', where: '{{ params.where }}' }] };
    expect(await failure(where, ['people'], { where: '1) FROM secrets --' })).toMatch(
      /^BadValue|^TableError/,
    );
  });
});

describe('what goes wrong is told with its place', () => {
  it.each<[string, Json[], string]>([
    [
      'a wrong column in a list',
      ['deduplicate', { type: 'select', columns: ['id', 'agee'] }],
      "ColumnNotFound: transformations.1 (select): columns: column 'agee' does not exist (columns: id, name, city, age)",
    ],
    [
      'a wrong column in an expression',
      [
        { type: 'select', columns: ['id'] },
        { type: 'filter', where: 'age > 3' },
      ],
      "ColumnNotFound: transformations.1 (filter): column 'age' does not exist (columns: id)",
    ],
    [
      'a function that is not there',
      [{ type: 'derive', columns: { x: 'foo(age)' } }],
      "SqlRefused: transformations.0 (derive): columns.x: function 'foo' is not allowed, or there is none",
    ],
    [
      'broken SQL',
      [{ type: 'filter', where: 'age >' }],
      'SqlRefused: transformations.0 (filter): where: syntax error at end of input (line 1, column 6)',
    ],
    [
      'types that do not go together',
      [{ type: 'derive', columns: { x: 'age + name' } }],
      "TableError: transformations.0 (derive): No function matches the given name and argument types '+(BIGINT, VARCHAR)'",
    ],
    [
      'an aggregate where none belongs',
      [{ type: 'filter', where: 'sum(age) > 3' }],
      'TableError: transformations.0 (filter): WHERE clause cannot contain aggregates',
    ],
    [
      'a value that does not fit',
      [{ type: 'derive', columns: { x: "(name || '')::INTEGER" } }, 'deduplicate'],
      "BadValue: derive, deduplicate: Could not convert string 'ann' to INTEGER",
    ],
  ])('%s', async (_, transformations, message) => {
    expect(await failure({ transformations })).toBe(message);
  });

  it('and never tells a path of ours', async () => {
    const config = { transformations: [{ type: 'filter', where: 'nope' }] };
    await expect(failure(config)).resolves.not.toContain(harness.root);
  });

  it('an aborted run stops in the middle', async () => {
    const stop = new AbortController();
    const sql = 'SELECT sum(a.range * b.range) AS s FROM range(1000000) a, range(1000000) b';
    const running = harness.run(
      processorNode,
      'endless',
      { sql },
      { after: ['people'], signal: stop.signal },
    );
    // A tick of its progress says that the query is at work.
    setTimeout(() => stop.abort(new Error('cancelled')), 200);
    await expect(running).rejects.toThrow('cancelled');
  });
});

describe('a template in anything but SQL', () => {
  const limited = (count: Json): Promise<string> =>
    failure({ transformations: [{ type: 'limit', count: '{{ params.count }}' }] }, ['people'], { count });

  it('must give what the schema wants', async () => {
    expect(await limited(2)).toBe('no failure');
    expect(await limited('2')).toBe('no failure');
    expect(await limited('2.5')).toMatch(/^InvalidConfig: .*transformations\.0\.count must be an integer/);
    expect(await limited('1; DROP TABLE people')).toMatch(/^InvalidConfig/);
    expect(await limited('{{ 1 OFFSET 0 }}')).toMatch(/^InvalidConfig/);
  });

  it('is not possible where names and types stand', async () => {
    const cast = { transformations: [{ type: 'cast', columns: { id: '{{ params.type }}' } }] };
    expect(await failure(cast, ['people'], { type: 'INTEGER) FROM x --' })).toMatch(
      /^InvalidConfig: .*(cannot be a template|must match)/,
    );
  });
});

describe('a config', () => {
  const check = async (config: JsonObject, upstream = ['people']): Promise<string[]> => {
    const nodes = upstream.map((id) => ({ id, type: id === 'wait' ? 'wait' : 'source' }));
    const faults = await processorNode.check!({ id: 'n', type: 'processor', config }, nodes);
    return faults.map(({ field, message }) => `${field}: ${message}`);
  };

  it.each<[JsonObject, RegExp]>([
    [{ transformations: ['normalise'] }, /normali[sz]e/],
    [{ transformations: ['filter'] }, /transformations\.0/],
    [{ transformations: [{ type: 'filter' }] }, /where is required/],
    [{ transformations: [{ type: 'filter', where: 'a', wehre: 'b' }] }, /wehre/],
    [{ transformations: [{ type: 'sort', by: [] }] }, /by/],
    [{ transformations: [{ type: 'limit', count: -1 }] }, /count/],
    [
      { transformations: [{ type: 'scramble', column: 'a' }] },
      /type must be one of 'deduplicate', 'normalize', 'filter'/,
    ],
    [{ transformations: [{ type: 'cast', columns: { a: 'INT) AS x, (1' } }] }, /columns\.a/],
    [{ transformations: [{ type: 'join', on: ['a'], how: 'outer' }] }, /how/],
    [{ transformations: [] }, /transformations/],
    [{ sql: 7 }, /sql must be a string/],
  ])('%j is refused by the schema', (config, message) => {
    expect(
      configFaults(processorNode, config)
        .map((fault) => fault.message)
        .join('; '),
    ).toMatch(message);
  });

  it.each<[JsonObject, string[], string[]]>([
    [{}, ['people'], ['config: needs transformations, sql or checks']],
    [
      { sql: 'SELECT 1', transformations: ['normalize'] },
      ['people'],
      ['config: give transformations or sql, not both'],
    ],
    [
      { transformations: ['normalize'] },
      ['wait'],
      [
        'depends_on: no upstream node made a table; it needs an edge from a source or processor node, or from a task or command with a table',
      ],
    ],
    [
      { transformations: ['normalize'] },
      ['people', 'cities'],
      ["config.transformations: nothing uses the input 'cities'; add a join or union"],
    ],
    [
      { transformations: [{ type: 'join', on: ['a'] }] },
      ['people'],
      ['config.transformations: the join has no other table; add an edge to this node'],
    ],
    [
      { transformations: [{ type: 'join', with: 'towns', on: ['a'] }] },
      ['people', 'cities'],
      ["config.transformations: 'towns' is not an input of this node (inputs: people, cities)"],
    ],
    [
      { transformations: [{ type: 'join', on: ['a'] }] },
      ['a', 'b', 'c'],
      ['config.transformations: name the table to join in with (one of b, c)'],
    ],
    [{ sql: 'SELECT * FROM a' }, ['a', 'A'], ["depends_on: the inputs 'a' and 'A' differ only in case"]],
    [
      { sql: 'SELECT * FROM towns' },
      ['people'],
      ["config.sql: 'towns' is not an input of this node (its inputs are people, input)"],
    ],
    [
      { sql: "SELECT * FROM read_csv('/etc/passwd')" },
      ['people'],
      ["config.sql: table function 'read_csv' is not allowed"],
    ],
    [
      {
        transformations: [
          'normalize',
          { type: 'filter', where: "a > 1) OR (SELECT getenv('HOME')) IS NOT NULL --" },
        ],
      },
      ['people'],
      ['config.transformations.1.where: syntax error at or near ")" (line 1, column 6)'],
    ],
    [
      { transformations: [{ type: 'derive', columns: { x: '1', y: "getenv('HOME')" } }] },
      ['people'],
      ["config.transformations.0.columns.y: function 'getenv' is not allowed, or there is none"],
    ],
    [
      { transformations: [{ type: 'aggregate', metrics: { n: 'count(*), 1' } }] },
      ['people'],
      ['config.transformations.0.metrics.n: must be one expression'],
    ],
    [
      { transformations: [{ type: 'rename', columns: { a: '{{ params.x }}' } }] },
      ['people'],
      ['config.transformations.0.columns.a: cannot be a template'],
    ],
    [
      { transformations: ['normalize', { type: 'sample', rows: 3, fraction: 0.5 }, { type: 'select' }] },
      ['people'],
      [
        'config.transformations.1: needs either rows or fraction',
        'config.transformations.2: needs either columns or exclude',
      ],
    ],
    [
      { transformations: [{ type: 'window', functions: { a: { function: '{{ params.f }}' } } }] },
      ['people'],
      [],
    ],
    [
      { transformations: [{ type: 'window', functions: { place: { function: 'rank' } } }] },
      ['people'],
      ['config.transformations.0: functions.place: rank needs order_by'],
    ],
    [{ sql: "SELECT {{ params.x }} AS x FROM people WHERE d = '{{ params.day }}'" }, ['people', 'wait'], []],
    [
      {
        transformations: [
          { type: 'join', with: 'b', on: ['a'] },
          { type: 'union', with: ['c'] },
        ],
      },
      ['a', 'b', 'c'],
      [],
    ],
    [{ input: 'b', transformations: ['union', 'normalize'] }, ['a', 'b', 'c'], []],
  ])('%j over %j: %j', async (config, upstream, faults) => {
    expect(await check(config, upstream)).toEqual(faults);
  });

  it('binds exactly the texts that are SQL', () => {
    const bound = (...path: (string | number)[]): boolean => processorNode.bound!(path);
    expect(bound('sql')).toBe(true);
    expect(bound('transformations', 1, 'where')).toBe(true);
    expect(bound('transformations', 0, 'columns', 'total')).toBe(true);
    expect(bound('transformations', 0, 'metrics', 'total')).toBe(true);
    expect(bound('transformations', 0, 'columns', 0)).toBe(false);
    expect(bound('transformations', 0, 'with')).toBe(false);
    expect(bound('input')).toBe(false);
  });

  it('may hold a secret only where a hash is keyed by it', () => {
    const may = (...path: (string | number)[]): boolean => mayHaveSecret(processorNode, path);
    expect(may('transformations', 3, 'key')).toBe(true);
    expect(may('transformations', 3, 'columns', 'key')).toBe(false);
    expect(may('transformations', 3, 'where')).toBe(false);
    expect(may('sql')).toBe(false);
  });
});
