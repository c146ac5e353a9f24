import { randomBytes } from 'node:crypto';
import { symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type JsonObject } from '@tauro/domain';
import Database from 'libsql';
import { sinkNode } from '../sink/sink.node.js';
import { sourceNode } from '../source/source.node.js';
import { NodeHarness } from '../tables/node-harness.js';

describe('SQLite', () => {
  let harness: NodeHarness;
  beforeAll(async () => (harness = await NodeHarness.create()));
  afterAll(() => harness?.close());

  const at = (path: string): string => join(harness.settings.workingDirectory, path);
  /** What another program does to the file. */
  function sql<T = object>(text: string, path = 'shop.db'): T[] {
    const database = new Database(at(path));
    try {
      if (!/^SELECT/.test(text)) database.exec(text);
      return /^SELECT/.test(text)
        ? (database.prepare(text).all() as T[]).map((row) => {
            const { _metadata, ...rest } = row as T & { _metadata?: unknown };
            return rest as T;
          })
        : [];
    } finally {
      database.close();
    }
  }
  const read = (config: JsonObject, params: JsonObject = {}): Promise<unknown> =>
    harness.run(sourceNode, 'in', { source_type: 'sqlite', path: 'shop.db', ...config }, { params });
  const copy = (from: string, config: JsonObject, id = `t${randomBytes(4).toString('hex')}`, rest = {}) =>
    harness.run(
      sinkNode,
      id,
      { destination: 'sqlite', path: 'shop.db', ...config },
      { after: [from], ...rest },
    );
  /** Each call is a task of its own, unless it is given the id of one. */
  const write = async (rows: JsonObject[], config: JsonObject, id?: string): Promise<unknown> => {
    await harness.table('rows', rows);
    return copy('rows', config, id);
  };
  const failure = (work: Promise<unknown>): Promise<string> => harness.failure(work);
  const types = (): Record<string, string> =>
    Object.fromEntries(harness.columns('in').map(({ name, type }) => [name, type]));

  it('gives values as what they are, and believes types that all values agree with', async () => {
    sql(`CREATE TABLE kinds (i INTEGER, r REAL, t TEXT, b BLOB, flag BOOLEAN, d DATE, at DATETIME, tz TIMESTAMPTZ,
           n DECIMAL(10, 2), j JSON, odd_date DATE, mixed);
         INSERT INTO kinds VALUES (9007199254740993, 0.5, 'a "b"''\n😀', x'deadbeef', 1, '2024-02-29', '2024-02-29 01:02:03.25',
           '2024-02-29 01:02:03Z', 12.5, '{"a": [1, null]}', 'yesterday', 1);
         INSERT INTO kinds (flag, mixed) VALUES (0, 'text');`);
    await read({ table: 'kinds' });
    expect(types()).toEqual({
      i: 'BIGINT',
      r: 'DOUBLE',
      t: 'VARCHAR',
      b: 'BLOB',
      flag: 'BOOLEAN',
      d: 'DATE',
      at: 'TIMESTAMP',
      tz: 'TIMESTAMP WITH TIME ZONE',
      n: 'DECIMAL(10,2)',
      j: 'JSON',
      odd_date: 'VARCHAR',
      mixed: 'JSON',
    });
    const [full, other] = await harness.rows('in');
    expect(full).toMatchObject({
      i: '9007199254740993',
      t: `a "b"'\n😀`,
      flag: true,
      d: '2024-02-29',
      n: 12.5,
      j: { a: [1, null] },
      odd_date: 'yesterday',
      mixed: 1,
    });
    expect(other).toMatchObject({ i: null, b: null, flag: false, mixed: 'text' });
    // And back again, into a table that is made for it.
    await copy('in', { table: 'kinds_again' });
    const before = types();
    await read({ table: 'kinds_again' });
    expect([types(), (await harness.rows('in'))[0]]).toEqual([before, full]);
    const columns = Object.keys(before).filter((name) => !['mixed', 'at', 'tz'].includes(name));
    const same = columns.map((name) => `k.${name} IS c.${name}`).join(' AND ');
    expect(sql(`SELECT count(*) AS n FROM kinds k JOIN kinds_again c ON ${same}`)).toEqual([{ n: 2 }]);
  });

  it('gives what is new by a column of numbers or of texts', async () => {
    sql(`CREATE TABLE events (id INTEGER, at DATETIME, n REAL, code TEXT COLLATE NOCASE, mixed, pic BLOB);
         INSERT INTO events VALUES (9007199254740992, '2025-01-01 00:00:00', 0.5, 'B', 1, x'00'),
           (9007199254740993, '2025-01-01 00:00:01', 0.75, 'a', 'text', x'01'), (NULL, NULL, NULL, NULL, NULL, NULL);`);
    const next = async (column: string, value: string | null, rest: object = {}): Promise<unknown[]> => {
      const config = {
        source_type: 'sqlite',
        path: 'shop.db',
        table: 'events',
        incremental: { column, ...rest },
      };
      const made = await harness.run(sourceNode, 'in', config, { mark: { by: column, value } });
      return [
        (await harness.rows('in')).map(({ id }) => String(id).slice(-1)),
        (made as { mark?: string }).mark,
      ];
    };
    expect(await next('id', null)).toEqual([['2', '3'], '9007199254740993']);
    expect(await next('id', '9007199254740992')).toEqual([['3'], '9007199254740993']);
    expect(await next('id', '9007199254740993')).toEqual([[], undefined]);
    expect(types()).toMatchObject({ id: 'VARCHAR', at: 'TIMESTAMP' });
    expect(await next('id', '9007199254740993', { inclusive: true })).toEqual([['3'], '9007199254740993']);
    expect(await next('id', null, { initial: 9 })).toEqual([['2', '3'], '9007199254740993']);
    expect(await next('at', '2025-01-01 00:00:00')).toEqual([['3'], '2025-01-01 00:00:01']);
    expect(await next('n', '0.5')).toEqual([['3'], '0.75']);
    // Texts by their bytes, whatever order the column has.
    expect(await next('code', 'B')).toEqual([['3'], 'a']);
    const query = 'SELECT id + {{ params.more }} AS id FROM events -- end';
    const queried = { source_type: 'sqlite', path: 'shop.db', query, incremental: { column: 'id' } };
    await expect(
      harness.run(sourceNode, 'in', queried, {
        params: { more: 1 },
        mark: { by: 'id', value: '9007199254740993' },
      }),
    ).resolves.toMatchObject({ rows: 1, mark: '9007199254740994' });
    expect(await failure(next('id', '1; DROP TABLE events'))).toMatch(/^BadValue: incremental: /);
    expect(await failure(next('nope', null))).toMatch(
      /^ColumnNotFound: incremental.column: .*columns: id, at/,
    );
    expect(await failure(next('mixed', null))).toMatch(/^InvalidConfig: .*'mixed' must .* integer and text/);
    expect(await failure(next('pic', null))).toMatch(/^InvalidConfig: .*'pic' must have numbers only/);
    sql('DELETE FROM events');
    expect(await next('id', '1')).toEqual([[], undefined]);
  });

  it('answers queries whose params are values, and which only read', async () => {
    sql(`CREATE TABLE people (id INTEGER, name TEXT, day TEXT);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)
         INSERT INTO people SELECT i, 'p' || i, '2025-01-01' FROM n;`);
    const query =
      "SELECT id FROM people WHERE (name = {{ params.name }} OR id IN ({{ params.ids }})) AND day = DATE '{{ params.day }}' ORDER BY id -- end";
    await read({ query }, { name: 'p7', ids: [3, 5], day: '2025-01-01' });
    expect(await harness.rows('in')).toEqual([{ id: 3 }, { id: 5 }, { id: 7 }]);
    await read({ query }, { name: `x' OR '1'='1`, ids: [], day: '2025-01-01' });
    expect([types(), await harness.rows('in')]).toEqual([{ id: 'VARCHAR' }, []]);
    await read({ query: 'SELECT id, count(*) AS n FROM people LIMIT 1;', columns: { id: 'VARCHAR' } });
    expect(types()).toEqual({ id: 'VARCHAR', n: 'BIGINT' });
    await harness.file('text.db', 'this is no database, however long it may be'.repeat(40));
    await writeFile(join(harness.root, 'outside.db'), '');
    await symlink(join(harness.root, 'outside.db'), at('link.db'));
    const failing: [JsonObject, RegExp][] = [
      [{ query: 'DELETE FROM people' }, /^InvalidConfig: query: it must be one SELECT/],
      [{ query: 'WITH a AS (SELECT 1) DELETE FROM people' }, /^InvalidConfig: query: it gives no rows/],
      [{ query: "ATTACH '/etc/passwd' AS a" }, /^InvalidConfig: /],
      [{ query: 'SELECT no_such FROM people' }, /^ColumnNotFound: 'shop.db': no such column: no_such/],
      [{ query: 'SELECT 1 AS a, 2 AS A' }, /^DuplicateColumn: /],
      [{ table: 'no_such' }, /^TableNotFound: 'shop.db': no such table: no_such/],
      [{ table: 'x', path: 'text.db' }, /^BadFile: 'text.db': it is no SQLite database/],
      [{ table: 'x', path: 'absent.db' }, /^FileNotFound: 'absent.db' was not found/],
      [{ table: 'x', path: 'link.db' }, /^PathNotAllowed: /],
      [{ table: 'x', path: '/etc/passwd' }, /^PathNotAllowed: /],
    ];
    for (const [config, message] of failing) expect(await failure(read(config))).toMatch(message);
    expect(sql('SELECT count(*) AS n FROM people')).toEqual([{ n: 100 }]);
  });

  it('appends exactly once, however often an attempt is repeated', async () => {
    await write([{ id: 1 }, { id: null }], { path: 'new/made.db', table: 'appended' }, 'one');
    for (let i = 0; i < 2; i++) await write([{ id: 2 }], { path: 'new/made.db', table: 'appended' }, 'two');
    expect(sql('SELECT id FROM appended ORDER BY 1', 'new/made.db')).toEqual([
      { id: null },
      { id: 1 },
      { id: 2 },
    ]);
    expect(harness.logs.filter((line) => line.includes('has written the rows'))).toHaveLength(1);
  });

  it('overwrites, updates by key, and refuses what is there', async () => {
    const upsert = { table: 'moded', write_mode: 'upsert', key: ['id'] };
    await write(
      [
        { id: 1, n: 1 },
        { id: 2, n: 2 },
      ],
      upsert,
    );
    sql("ALTER TABLE moded ADD COLUMN note TEXT DEFAULT 'kept'");
    await write(
      [
        { id: 2, n: 20 },
        { id: 3, n: 30 },
        { id: 3, n: 31 },
      ],
      upsert,
    );
    expect(sql('SELECT * FROM moded ORDER BY id')).toEqual([
      { id: 1, n: 1, note: 'kept' },
      { id: 2, n: 20, note: 'kept' },
      { id: 3, n: 31, note: 'kept' },
    ]);
    await write([{ id: 9, n: 9 }], { table: 'moded', write_mode: 'overwrite' });
    expect(sql('SELECT id, n FROM moded')).toEqual([{ id: 9, n: 9 }]);
    await write([{ id: 1 }], { table: 'fresh', write_mode: 'error' }, 'fresh');
    await write([{ id: 1 }], { table: 'fresh', write_mode: 'error' }, 'fresh');
    expect(await failure(write([{ id: 1 }], { table: 'fresh', write_mode: 'error' }))).toBe(
      'TargetExists: table fresh exists already, and write_mode is error',
    );
    await write([{ a: 1 }], { table: 'keyless' });
    expect(await failure(write([{ a: 1 }], { table: 'keyless', write_mode: 'upsert', key: ['a'] }))).toMatch(
      /^InvalidConfig: table keyless has no unique index on a/,
    );
  });

  it('leaves nothing half-written, and says what it does about columns that are not there', async () => {
    sql('CREATE TABLE strict (id INTEGER PRIMARY KEY, n INTEGER NOT NULL) STRICT');
    await write([{ id: 1, n: 1 }], { table: 'strict' });
    const bad: [JsonObject[], JsonObject, RegExp][] = [
      [
        [
          { id: 2, n: 2 },
          { id: 3, n: null },
        ],
        {},
        /^ConstraintViolated: 'shop.db': NOT NULL constraint failed: strict.n/,
      ],
      [
        [
          { id: 2, n: 2 },
          { id: 1, n: 3 },
        ],
        {},
        /^ConstraintViolated: .*UNIQUE/,
      ],
      [[{ id: 4, n: 'text' }], { write_mode: 'overwrite' }, /^ConstraintViolated: .*cannot store TEXT/],
      [[{ id: 5, n: 5, extra: 'x' }], {}, /^ColumnMismatch: table strict has no column extra/],
      [[{ id: 5, n: null, extra: 'x' }], { drift: 'add' }, /^ConstraintViolated: /],
    ];
    for (const [rows, config, message] of bad) {
      expect(await failure(write(rows, { table: 'strict', ...config }))).toMatch(message);
    }
    expect(sql('SELECT * FROM strict')).toEqual([{ id: 1, n: 1 }]);
    await write([{ id: 2, n: 2, extra: 'x' }], { table: 'strict', drift: 'ignore' });
    await write([{ id: 3, n: 3, extra: 'y' }], { table: 'strict', drift: 'add' });
    expect(sql('SELECT * FROM strict')).toEqual([
      { id: 1, n: 1, extra: null },
      { id: 2, n: 2, extra: null },
      { id: 3, n: 3, extra: 'y' },
    ]);
    const abort = new AbortController();
    await harness.table('rows', [{ id: 4, n: 4 }]);
    const late = copy('rows', { table: 'strict' }, 'late', { signal: abort.signal });
    abort.abort(new Error('told to'));
    await expect(late).rejects.toThrow('told to');
    expect(sql('SELECT count(*) AS n FROM strict')).toEqual([{ n: 3 }]);
  });

  it('carries many rows in their order', async () => {
    await read({
      query: `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000) SELECT i AS id, 'x' AS pad FROM n`,
    });
    await copy('in', { table: 'many' });
    expect(sql('SELECT count(*) AS n, sum(id) AS s FROM many')).toEqual([{ n: 30_000, s: 450_015_000 }]);
  });
});
