import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BoundText, type Json } from '@tauro/domain';
import { DuckDbSession } from './duckdb.js';
import { listedFunctions } from './sql-functions.js';
import { userExpression, userQuery, withoutValues, type UserSql } from './user-sql.js';

jest.setTimeout(30_000);

const limits = {
  memoryLimitMb: 256,
  threads: 1,
  maxTempDiskMb: 64,
  tempDirectory: join(tmpdir(), 'tauro-guard'),
};
let session: DuckDbSession;

beforeAll(async () => {
  session = await DuckDbSession.open({ limits });
  await session.run(`CREATE TEMP TABLE orders AS SELECT i AS id, i % 3 AS kind, 'n' || i AS name,
    TIMESTAMP '2020-01-01' + INTERVAL (i) HOUR AS moment, [i, i + 1] AS list, {'p': i} AS item FROM range(12) r(i)`);
  await session.run('CREATE TEMP TABLE kinds AS SELECT i AS kind, i * 10 AS weight FROM range(3) r(i)');
});
afterAll(() => session.close());

const query = (sql: UserSql): Promise<string> => userQuery(session, sql, ['orders', 'kinds'], 'sql');
const expression = (sql: UserSql): Promise<string> => userExpression(session, sql, ['orders'], 'where');
const ask = async (sql: UserSql): Promise<unknown[][]> => session.rows(await query(sql));

describe('what is no SQL is told with its place', () => {
  it.each([
    ['SELECT id,\n  kind kind kind\nFROM orders', 'near "kind" (line 2, column 13)'],
    ["SELECT 'grün 😀' AS a a FROM orders", 'near "a" (line 1, column 22)'],
    [withoutValues('SELECT id\nFROM orders WHERE id = {{ params.x }} id', 'sql'), 'near "id" (line 2)'],
    [
      withoutValues('SELECT id\nFROM orders orders orders WHERE id = {{ params.x }}', 'sql'),
      '(line 2, column 20)',
    ],
  ])('%j', async (sql, told) => {
    await expect(query(sql)).rejects.toThrow(told);
  });

  it('counted in what the author wrote', async () => {
    await expect(expression('id >\n  )')).rejects.toThrow(
      'where: syntax error at or near ")" (line 2, column 3)',
    );
  });
});

describe("a user's query sees its inputs and nothing else", () => {
  it.each([
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_blob('/etc/passwd')",
    "SELECT * FROM read_json_auto('/etc/passwd')",
    "SELECT * FROM read_parquet('runs/run_1/a/claim.parquet')",
    "SELECT * FROM parquet_scan('runs/run_1/a/claim.parquet')",
    "SELECT * FROM parquet_metadata('x.parquet')",
    "SELECT * FROM sniff_csv('/etc/passwd')",
    "SELECT * FROM glob('/*')",
    "FROM '/etc/passwd'",
    "FROM 'data.parquet'",
    "SELECT * FROM orders, 'data.parquet'",
    "SELECT * FROM orders JOIN '/etc/passwd' ON true",
    "SELECT * FROM (SELECT * FROM (SELECT * FROM 'x.csv'))",
    "SELECT (SELECT count(*) FROM 'x.csv')",
    "SELECT * FROM orders WHERE id IN (SELECT 1 FROM 'x.csv')",
    "SELECT * FROM orders WHERE EXISTS (FROM 'x.csv')",
    "SELECT * FROM orders ORDER BY (SELECT max(a) FROM 'x.csv')",
    "SELECT * FROM orders LIMIT (SELECT 1 FROM 'x.csv')",
    "SELECT * FROM orders UNION ALL SELECT * FROM 'x.csv'",
    "WITH a AS (SELECT * FROM 'x.csv') SELECT * FROM a",
    "WITH RECURSIVE a AS (SELECT 1 UNION ALL SELECT 1 FROM 'x.csv') SELECT * FROM a",
    'WITH other AS (SELECT * FROM other) SELECT * FROM other',
    'SELECT * FROM (WITH hidden AS (SELECT 1) SELECT * FROM hidden), hidden',
    'WITH a AS (SELECT * FROM b), b AS (SELECT 1) SELECT * FROM a',
    'SELECT list_transform([1], x -> (SELECT count(*) FROM secrets))',
    "SELECT sum((SELECT count(*) FROM 'x.csv')) OVER () FROM orders",
    "FROM 'x.csv' PIVOT (sum(a) FOR b IN (1))",
    "SELECT * FROM query('SELECT 1')",
    "SELECT * FROM query_table('orders')",
    "SELECT * FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))",
    "SELECT json_serialize_plan('SELECT 1')",
    'SELECT * FROM duckdb_settings()',
    'SELECT * FROM duckdb_views()',
    'SELECT * FROM duckdb_secrets()',
    'SELECT * FROM duckdb_temporary_files()',
    'SELECT * FROM pragma_version()',
    "SELECT * FROM pragma_table_info('orders')",
    'SELECT * FROM information_schema.tables',
    'SELECT * FROM pg_catalog.pg_tables',
    'SELECT * FROM sqlite_master',
    'SELECT * FROM system.main.duckdb_tables',
    'SELECT * FROM memory.main.orders',
    'SELECT * FROM main.orders',
    'SHOW TABLES',
    'SELECT * FROM (SHOW ALL TABLES)',
    "SELECT getenv('HOME')",
    "SELECT current_setting('temp_directory')",
    "SELECT getvariable('x')",
    "SELECT nextval('s')",
    "SELECT has_table_privilege('orders', 'SELECT')",
    'SELECT pg_sleep(10)',
    'SELECT sleep_ms(10000)',
    "SELECT write_log('x')",
    'SELECT sum(id) OVER (ORDER BY pg_sleep(10)) FROM orders',
    'SELECT 1; SELECT 2',
    'SELECT 1; DROP TABLE orders',
    "COPY orders TO '/tmp/x.csv'",
    "COPY (SELECT 1) TO '/tmp/x.csv'",
    "ATTACH '/tmp/x.db'",
    'INSTALL httpfs',
    'LOAD httpfs',
    "SET memory_limit = '100GB'",
    'RESET threads',
    'PRAGMA database_list',
    'CALL pragma_version()',
    'CREATE TABLE x AS SELECT 1',
    'CREATE MACRO f(x) AS x',
    'DROP TABLE orders',
    'INSERT INTO orders VALUES (1)',
    'UPDATE orders SET id = 1',
    'DELETE FROM orders',
    "EXPORT DATABASE '/tmp/x'",
    'EXPLAIN ANALYZE SELECT 1',
    'VACUUM',
    'PREPARE p AS SELECT 1',
    '',
    '-- nothing but a comment',
    'SELEC 1',
    'SELECT $1',
    'SELECT ?',
  ])('refuses %s', async (sql) => {
    await expect(query(sql)).rejects.toMatchObject({ type: 'SqlRefused', retryable: false });
  });

  it('says what there is instead', async () => {
    await expect(query("SELECT * FROM '/etc/passwd'")).rejects.toThrow(
      "sql: '/etc/passwd' is not an input of this node (its inputs are orders, kinds)",
    );
    await expect(query("SELECT * FROM read_csv('x')")).rejects.toThrow(
      "sql: table function 'read_csv' is not allowed",
    );
  });

  it.each([
    ['NOT ', 20_000, 'true'],
    ['id = 1 OR ', 9_000, 'true'],
    ['1 + ', 20_000, '1'],
    ['-', 40_000, '1'],
    ['[', 3_000, '1'],
    ["'a' || ", 12_000, "'b'"],
    ['CASE WHEN true THEN ', 4_000, '1'],
    ['(SELECT ', 5_000, '1'],
    ['id, ', 24_000, 'id'],
    ['{{', 2_000, ''],
  ])('survives %s, %d times', async (piece, count, end) => {
    const sql = `SELECT ${piece.repeat(count)}${end} FROM orders`;
    const outcome = await query(sql).catch((error: unknown) => error);
    if (typeof outcome !== 'string') expect(outcome).toMatchObject({ type: 'SqlRefused' });
    expect(await ask('SELECT count(*) FROM orders')).toEqual([[12n]]);
  });

  it('refuses depth that would exhaust the stack', async () => {
    const deep = `SELECT ${'('.repeat(20_000)}1${')'.repeat(20_000)}`;
    await expect(query(deep)).rejects.toMatchObject({ type: 'SqlRefused' });
    await expect(query(`SELECT '${'x'.repeat(200_000)}'`)).rejects.toThrow('longer than');
  });
});

describe('the engine holds even where the guard would not', () => {
  it.each([
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM glob('/etc/*')",
    "FROM '/etc/passwd'",
    "COPY orders TO '/tmp/tauro-escape.csv'",
    "ATTACH '/tmp/tauro-escape.db'",
    'INSTALL httpfs',
    'LOAD httpfs',
    "SET memory_limit = '100GB'",
    'SET enable_external_access = true',
    "SET allowed_directories = ['/']",
    'RESET lock_configuration',
    "EXPORT DATABASE '/tmp/tauro-escape'",
    "CREATE SECRET s (TYPE s3, KEY_ID 'a', SECRET 'b')",
  ])('%s fails', async (sql) => {
    await expect(session.run(sql)).rejects.toThrow();
  });
});

describe('what runs is printed from the tree that was checked', () => {
  it.each([
    'SELECT * FROM orders',
    'FROM orders SELECT id WHERE id > 3',
    'SELECT kind, sum(id) FILTER (WHERE id > 2), count(DISTINCT name) FROM orders GROUP BY kind ORDER BY kind',
    'SELECT kind, count(*) FROM orders GROUP BY ALL ORDER BY ALL',
    'SELECT o.id, k.weight FROM orders o LEFT JOIN kinds k USING (kind) ORDER BY 1',
    'SELECT * EXCLUDE (list, item) REPLACE (id * 2 AS id) FROM orders',
    "SELECT COLUMNS(c -> c LIKE 'k%') FROM orders",
    'WITH a AS (SELECT id FROM orders), b AS (SELECT max(id) AS m FROM a) SELECT * FROM b',
    'WITH orders AS (SELECT id FROM orders WHERE id < 3) SELECT * FROM orders',
    'WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT * FROM r',
    'SELECT id, row_number() OVER (PARTITION BY kind ORDER BY moment DESC) AS r FROM orders QUALIFY r = 1 ORDER BY id',
    "SELECT date_trunc('day', moment), moment::DATE, extract(hour FROM moment), moment + INTERVAL 3 DAY FROM orders",
    'SELECT item.p, list[1], [x * 2 FOR x IN list IF x > 3], list_transform(list, x -> x + 1) FROM orders',
    "SELECT CASE WHEN id > 3 THEN 'big' ELSE 'small' END, coalesce(name, '?'), name || '''s' FROM orders",
    'SELECT id::DECIMAL(10, 2), try_cast(name AS INTEGER), 1e10, 1.10, 9007199254740993, -5 - -3 FROM orders',
    "SELECT name LIKE 'n1%', name ILIKE 'N%', name ~ '1', id BETWEEN 1 AND 3, kind NOT IN (1, 2) FROM orders",
    'SELECT unnest(list), id FROM orders ORDER BY ALL',
    'SELECT * FROM range(3), generate_series(1, 2) g(x), (VALUES (1), (2)) v(y)',
    'SELECT * FROM orders PIVOT (sum(id) FOR kind IN (0, 1, 2) GROUP BY name) ORDER BY ALL',
    'SELECT id FROM orders EXCEPT SELECT kind FROM kinds ORDER BY 1 LIMIT 3 OFFSET 1',
    'SELECT (SELECT max(weight) FROM kinds k WHERE k.kind = o.kind) FROM orders o',
    'SELECT * FROM (SUMMARIZE kinds)',
    'SELECT * FROM (DESCRIBE orders)',
    'SELECT "ORDERS".id FROM "ORDERS"; -- case does not matter, nor does a comment',
  ])('%s', async (sql) => {
    expect(await ask(sql)).toEqual(await session.rows(sql));
    const types = async (text: string): Promise<string[]> =>
      (await session.columns(text)).map((column) => column.type);
    expect(await types(await query(sql))).toEqual(await types(sql));
  });

  it('knows only functions that exist', async () => {
    const known = new Set(await session.texts('SELECT function_name FROM duckdb_functions()'));
    expect(listedFunctions().filter((name) => !known.has(name) && name !== 'count_star')).toEqual([]);
  });
});

describe('an expression is one expression', () => {
  it.each([
    '1) FROM secrets --',
    '1 FROM orders',
    '1, 2',
    '1 AS x',
    '*',
    'COLUMNS(*)',
    '1 WHERE true',
    '1 UNION SELECT 2',
    '1 LIMIT 1',
    '1 ORDER BY 1',
    '1 GROUP BY ALL',
    'DISTINCT id',
    '1; DROP TABLE orders',
    "id IN (SELECT 1 FROM 'x.csv')",
    "getenv('HOME')",
    '',
    '/* x',
  ])('refuses %s', async (text) => {
    await expect(expression(text)).rejects.toMatchObject({ type: 'SqlRefused' });
  });

  it.each([
    ['id > 3 -- a comment', '((id > 3))'],
    ['id > 1 OR true', "(((id > 1) OR CAST('t' AS BOOLEAN)))"],
    ['id IN (SELECT id FROM orders)', '((id = ANY(SELECT id FROM orders)))'],
  ])('takes %s', async (text, printed) => {
    expect(await expression(text)).toBe(printed);
  });
});

describe('a value is only ever a value', () => {
  const names = async (sql: string, ...values: Json[]): Promise<unknown[]> =>
    (await ask(new BoundText(sql, values))).flat();

  it.each([
    '1 OR 1=1',
    "'; DROP TABLE orders; --",
    "' OR ''='",
    '$1',
    '\\',
    "\\'",
    '{{ params.x }}',
    'ünïcødé ☃ 漢字 \u202e',
    'line\nbreak\ttab',
    '"quoted"',
    '',
  ])('the text %j stays text', async (value) => {
    expect(await names('SELECT $1', value)).toEqual([value]);
    expect(await names('SELECT id FROM orders WHERE name = $1', value)).toEqual([]);
    expect(await session.texts('SELECT count(*) FROM orders')).toEqual(['12']);
  });

  it('keeps the types of numbers, booleans, null, lists and objects', async () => {
    expect(await names('SELECT $1', 42)).toEqual([42]);
    expect(await names('SELECT 5 -$1', -3)).toEqual([8]);
    expect(await names('SELECT $1', 0.1)).toEqual([0.1]);
    expect(await names('SELECT $1', 1e300)).toEqual([1e300]);
    expect(await names('SELECT $1 + 0', Number.MAX_SAFE_INTEGER)).toEqual([BigInt(Number.MAX_SAFE_INTEGER)]);
    expect(await names('SELECT $1', true)).toEqual([true]);
    expect(await names('SELECT $1 IS NULL', null)).toEqual([true]);
    expect(await names('SELECT list_sum($1)', [1, 2])).toEqual([3n]);
    expect(await names("SELECT $1 ->> '$.a'", { a: "it's" })).toEqual(["it's"]);
    expect(await names('SELECT id FROM orders WHERE moment < $1', '2020-01-01 02:00:00')).toEqual([0n, 1n]);
  });

  it('spreads a list after IN', async () => {
    expect(await names('SELECT id FROM orders WHERE name IN ($1)', ['n1', 'n3', "x'); --"])).toEqual([
      1n,
      3n,
    ]);
    expect(await names('SELECT id FROM orders WHERE id IN $1', [2])).toEqual([2n]);
    expect(await names('SELECT id FROM orders WHERE id IN ($1, $2)', [2], 4)).toEqual([2n, 4n]);
    expect(await names('SELECT id FROM orders WHERE id IN ($1)', [])).toEqual([]);
    expect(await names('SELECT count(*) FROM orders WHERE id NOT IN ($1)', [1])).toEqual([11n]);
  });

  it('keeps the name of a column that is a parameter', async () => {
    expect(await session.columns(await query(new BoundText('SELECT $1 AS day', ['x'])))).toEqual([
      { name: 'day', type: 'VARCHAR' },
    ]);
  });

  it('refuses NUL, which no Parquet reader expects', async () => {
    await expect(query(new BoundText('SELECT $1', ['a\0b']))).rejects.toThrow('NUL');
  });

  it('can be checked before there are values', async () => {
    await query(
      withoutValues(
        "SELECT * FROM orders WHERE moment >= '{{ params.day }}' AND id = {{ params.id }}",
        'sql',
      ),
    );
    await expect(query(withoutValues("SELECT {{ params.x }} FROM 'x.csv'", 'sql'))).rejects.toThrow(
      'not an input',
    );
  });
});
