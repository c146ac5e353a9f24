import { randomBytes } from 'node:crypto';
import { type JsonObject } from '@tauro/domain';
import { CONNECTION_KINDS } from '../../libs/nodes/src/connections/kinds.js';
import { sinkNode } from '../../libs/nodes/src/sink/sink.node.js';
import { sourceNode } from '../../libs/nodes/src/source/source.node.js';
import { NodeHarness } from '../../libs/nodes/src/tables/node-harness.js';
import { hasMariadb, MariadbServer } from '../support/mariadb.js';

if (!hasMariadb()) process.stderr.write('mysql: skipped, because no MariaDB server is installed\n');
const withMariadb = hasMariadb() ? describe : describe.skip;

withMariadb('MySQL and MariaDB', () => {
  let server: MariadbServer;
  let harness: NodeHarness;
  beforeAll(async () => {
    server = await MariadbServer.start();
    harness = await NodeHarness.create({ egressAllowPrivate: true });
  });
  afterAll(async () => {
    await harness?.close();
    await server?.stop();
  });

  const through = (config: object = {}, secret: Record<string, string> = {}) => ({
    connection: {
      id: 'conn_1',
      name: 'db',
      kind: 'mysql',
      config: { ...server.config, ...config } as JsonObject,
      secret: { password: server.password, ...secret },
    },
  });
  const read = (config: JsonObject, params: JsonObject = {}): Promise<unknown> =>
    harness.run(
      sourceNode,
      'in',
      { source_type: 'mysql', connection: 'db', ...config },
      { params, ...through() },
    );
  /** Each call is a task of its own, unless it is given the id of one. */
  const write = async (
    rows: JsonObject[],
    config: JsonObject,
    id = `t${randomBytes(4).toString('hex')}`,
  ): Promise<unknown> => {
    await harness.table('rows', rows);
    return copy('rows', config, id);
  };
  const copy = (from: string, config: JsonObject, id = `t${randomBytes(4).toString('hex')}`) =>
    harness.run(
      sinkNode,
      id,
      { destination: 'mysql', connection: 'db', ...config },
      { after: [from], ...through() },
    );
  const stored = (table: string): Promise<object[]> => server.query(`SELECT * FROM ${table} ORDER BY 1`);
  const failure = (work: Promise<unknown>): Promise<string> => harness.failure(work);

  it('gives every type as what it is', async () => {
    await server.query(
      `CREATE TABLE kinds (i1 tinyint, u1 tinyint unsigned, i2 smallint, u2 smallint unsigned, i3 mediumint, i4 int,
         u4 int unsigned, i8 bigint, u8 bigint unsigned, f4 float, f8 double, n decimal(12, 3), wide decimal(38, 10),
         flag bit(1), bits bit(12), t text, v varchar(9), c char(4), d date, tm time(3), dt datetime(6),
         ts timestamp(6) NULL, y year, j json, bin varbinary(8), bl blob, e enum('good', 'bad'), s set('x', 'y'), u uuid)`,
    );
    await server.query(
      `INSERT INTO kinds VALUES (-128, 255, -2, 65535, -8388608, 3, 4294967295, -9007199254740993, 18446744073709551615,
         0.1, 2.25, 1234.5, 1234567890123456789012345678.0123456789, 1, 0xABC, 'a "b",\n\\\\c', '', 'ö😀', '2024-02-29',
         '13:14:15.123', '2024-02-29 01:02:03.456789', '2024-02-28 23:02:03.5', 2024, '{"a": [1, null, "é"]}',
         0xdeadbeef, '', 'bad', 'x,y', '2f1e7a60-0000-4000-8000-000000000001')`,
    );
    await server.query('INSERT INTO kinds () VALUES ()');
    await read({ table: 'kinds' });
    expect(Object.fromEntries(harness.columns('in').map(({ name, type }) => [name, type]))).toEqual({
      i1: 'TINYINT',
      u1: 'UTINYINT',
      i2: 'SMALLINT',
      u2: 'USMALLINT',
      i3: 'INTEGER',
      i4: 'INTEGER',
      u4: 'UINTEGER',
      i8: 'BIGINT',
      u8: 'UBIGINT',
      f4: 'FLOAT',
      f8: 'DOUBLE',
      n: 'DECIMAL(12,3)',
      wide: 'DECIMAL(38,10)',
      flag: 'BOOLEAN',
      bits: 'UBIGINT',
      t: 'VARCHAR',
      v: 'VARCHAR',
      c: 'VARCHAR',
      d: 'DATE',
      tm: 'TIME',
      dt: 'TIMESTAMP',
      ts: 'TIMESTAMP WITH TIME ZONE',
      y: 'SMALLINT',
      j: 'JSON',
      bin: 'BLOB',
      bl: 'BLOB',
      e: 'VARCHAR',
      s: 'VARCHAR',
      u: 'UUID',
    });
    const [full, empty] = await harness.rows('in');
    expect(full).toMatchObject({
      u8: '18446744073709551615',
      i8: '-9007199254740993',
      wide: '1234567890123456789012345678.0123456789',
      flag: true,
      bits: 0xabc,
      t: 'a "b",\n\\c',
      v: '',
      c: 'ö😀',
      j: { a: [1, null, 'é'] },
      u: '2f1e7a60-0000-4000-8000-000000000001',
    });
    expect(Object.values(empty!).every((value) => value === null)).toBe(true);

    // And back again, into a table that is made for it.
    await copy('in', { table: 'kinds_again' });
    const names = harness.columns('in').map(({ name }) => name);
    const texts = new Set(['c', 'e', 's', 'j', 't', 'v']);
    const same = names.map((name) =>
      texts.has(name) ? `BINARY k.${name} = BINARY c.${name}` : `k.${name} = c.${name}`,
    );
    const sum = same.map((one) => `coalesce(${one}, 0)`).join(' + ');
    expect(
      await server.query(`SELECT ${sum} AS same FROM kinds k JOIN kinds_again c ON c.i1 = k.i1`),
    ).toEqual([{ same: names.length }]);
    await read({ table: 'kinds_again' });
    expect((await harness.rows('in'))[0]).toEqual({ ...full, flag: 1 });
  });

  it('takes a date that is none for null, and types that are declared', async () => {
    await server.query(`CREATE TABLE days (id int, d date, dt datetime, long_time time, yes tinyint(1))`);
    await server.query(`SET sql_mode = ''`);
    await server.query(
      `INSERT INTO days VALUES (1, '0000-00-00', '0000-00-00 00:00:00', '800:00:01', 1), (2, '2024-01-01', '2024-01-01', '10:00', 0)`,
    );
    await read({ table: 'days', columns: { long_time: 'INTERVAL', yes: 'BOOLEAN' } });
    expect(await harness.rows('in')).toMatchObject([
      { d: null, dt: null, yes: true },
      { d: '2024-01-01', yes: false },
    ]);
    expect(await failure(read({ table: 'days', columns: { no_such: 'DATE' } }))).toMatch(/^ColumnNotFound: /);
  });

  it('answers queries whose params are values, and which only read', async () => {
    await server.query('CREATE TABLE people AS SELECT seq AS id, concat("p", seq) AS name FROM seq_1_to_100');
    const query =
      'SELECT id FROM people WHERE name = {{ params.name }} OR id IN ({{ params.ids }}) ORDER BY id LIMIT {{ params.most }} -- end';
    await read({ query }, { name: 'p7', ids: [3, 5], most: 10 });
    expect((await harness.rows('in')).map(({ id }) => id)).toEqual([3, 5, 7]);
    await read({ query }, { name: `x' OR '1'='1`, ids: [], most: 10 });
    expect(await harness.rows('in')).toEqual([]);
    await read(
      { query: "SELECT name FROM people WHERE name LIKE '%{{ params.s }}' AND id = '{{ params.n }}'" },
      { s: '42', n: 42 },
    );
    expect(await harness.rows('in')).toEqual([{ name: 'p42' }]);
    const failing: [JsonObject, RegExp][] = [
      [{ query: 'DELETE FROM people' }, /^InvalidConfig: query: it must be one SELECT/],
      [{ query: 'WITH a AS (SELECT 1) DELETE FROM people' }, /^QueryFailed: connection 'db': /],
      [{ query: 'SELECT 1; DROP TABLE people' }, /^QueryFailed: connection 'db': .*syntax/],
      [{ query: 'SELECT no_such FROM people' }, /^ColumnNotFound: connection 'db': Unknown column 'no_such'/],
      [{ query: 'SELECT 1 AS a, 2 AS A' }, /^DuplicateColumn: two columns are called 'A'/],
      [{ table: 'no_such' }, /^TableNotFound: connection 'db': Table 'shop.no_such' doesn't exist/],
      [{ table: 'no_such.people' }, /^TableNotFound: |^AuthenticationFailed: /],
      [{ query: 'SELECT 1 INTO @a' }, /^(InvalidConfig|QueryFailed): /],
    ];
    for (const [config, message] of failing) expect(await failure(read(config))).toMatch(message);
    expect(await server.query('SELECT count(*) AS n FROM people')).toEqual([{ n: 100 }]);
  });

  it('reads only what is new', async () => {
    await server.query(
      'CREATE TABLE events (id bigint unsigned, at timestamp(6) NULL, n decimal(30, 20), code varchar(9), pic blob)',
    );
    const insert = (id: string, at: string | null, n: string, code: string | null): Promise<unknown> =>
      server.query(
        `INSERT INTO events VALUES (${id}, ${at && `'${at}'`}, ${n}, ${code && `'${code}'`}, x'00')`,
      );
    await server.query("SET GLOBAL time_zone = '+00:00'");
    await insert('18446744073709551614', '2025-01-01 00:00:00.000001', '1', 'B');
    await insert('18446744073709551615', '2025-01-01 00:00:00.000002', '1.00000000000000000002', 'a');
    const next = async (column: string, value: string | null, rest: object = {}): Promise<unknown[]> => {
      const made = (await harness.run(
        sourceNode,
        'in',
        { source_type: 'mysql', connection: 'db', table: 'events', incremental: { column, ...rest } },
        { ...through(), mark: { by: column, value } },
      )) as { mark?: string };
      return [(await harness.rows('in')).map(({ id }) => String(id).slice(-1)), made.mark];
    };
    expect(await next('id', null)).toEqual([['4', '5'], '18446744073709551615']);
    expect(await next('id', null, { initial: '18446744073709551614' })).toEqual([
      ['5'],
      '18446744073709551615',
    ]);
    expect(await next('id', '18446744073709551615')).toEqual([[], undefined]);
    expect(await next('id', '18446744073709551615', { inclusive: true })).toEqual([
      ['5'],
      '18446744073709551615',
    ]);
    expect(await next('at', '2025-01-01 00:00:00.000001+00')).toEqual([['5'], '2025-01-01 00:00:00.000002']);
    expect(await next('n', '1.00000000000000000001')).toEqual([['5'], '1.00000000000000000002']);
    // Texts by their bytes: in the order of a language nothing comes after `B` here.
    expect(await next('code', 'B')).toEqual([['5'], 'a']);
    await insert('3', null, '3', null);
    expect(await next('code', 'a')).toEqual([[], undefined]);
    expect(await failure(next('nope', null))).toMatch(
      /^ColumnNotFound: incremental.column: .*columns: id, at, n/,
    );
    expect(await failure(next('id', '1; DROP TABLE events'))).toMatch(/^BadValue: incremental: /);
    expect(await failure(next('at', 'yesterday'))).toMatch(/^BadValue: incremental: /);
    expect(await failure(next('pic', null))).toMatch(/^InvalidConfig: incremental.column: 'pic' must be/);
  });

  it('appends exactly once, however often an attempt is repeated', async () => {
    await write([{ id: 1, name: "a'\\" }], { table: 'appended' }, 'one');
    await write([{ id: 2, name: 'b' }], { table: 'appended' }, 'two');
    await write([{ id: 2, name: 'b' }], { table: 'appended' }, 'two');
    await harness.table('rows', [{ id: 3, name: 'c' }]);
    await Promise.all([1, 2, 3].map(() => copy('rows', { table: 'appended' }, 'three')));
    expect(await stored('appended')).toMatchObject([{ name: "a'\\" }, { name: 'b' }, { name: 'c' }]);
    expect(harness.logs.filter((line) => line.includes('has written the rows'))).toHaveLength(3);
  });

  it('overwrites, updates by key, and refuses what is there', async () => {
    const upsert = { table: 'moded', write_mode: 'upsert', key: ['name'] };
    await write(
      [
        { name: 'A', n: 0 },
        { name: 'a', n: 1 },
        { name: 'b', n: 2 },
      ],
      upsert,
    );
    await server.query('ALTER TABLE moded ADD COLUMN note varchar(9) DEFAULT "kept", ADD UNIQUE (n)');
    await write(
      [
        { name: 'b', n: 20 },
        { name: 'c', n: 30 },
        { name: 'c', n: 31 },
      ],
      upsert,
    );
    const rows = [
      { name: 'A', n: 0, note: 'kept' },
      { name: 'a', n: 1, note: 'kept' },
      { name: 'b', n: 20, note: 'kept' },
      { name: 'c', n: 31, note: 'kept' },
    ];
    expect(await stored('moded')).toEqual(rows);
    // Another unique index finds no row to replace: two rows cannot be told apart by it.
    expect(await failure(write([{ name: 'd', n: 31 }], upsert))).toMatch(/^ConstraintViolated: /);
    expect(await stored('moded')).toEqual(rows);
    await write([{ name: 'z', n: 9 }], { table: 'moded', write_mode: 'overwrite' });
    expect(await stored('moded')).toEqual([{ name: 'z', n: 9, note: 'kept' }]);
    expect(await failure(write([{ n: 1 }], { table: 'moded', write_mode: 'error' }))).toBe(
      'TargetExists: table moded exists already, and write_mode is error',
    );
    await write([{ n: 1 }], { table: 'fresh', write_mode: 'error' });
    expect(await stored('fresh')).toEqual([{ n: 1 }]);
    await write([{ a: 1 }], { table: 'keyless' });
    expect(await failure(write([{ a: 1 }], { table: 'keyless', write_mode: 'upsert', key: ['a'] }))).toMatch(
      /^InvalidConfig: table keyless has no unique index on a/,
    );
  });

  it('leaves nothing half-written when a row does not fit', async () => {
    await server.query('CREATE TABLE strict (id int PRIMARY KEY, n int NOT NULL)');
    await write([{ id: 1, n: 1 }], { table: 'strict' });
    const bad: [JsonObject[], JsonObject, RegExp][] = [
      [
        [
          { id: 2, n: 2 },
          { id: 3, n: null },
        ],
        {},
        /^ConstraintViolated: connection 'db': Column 'n' cannot be null/,
      ],
      [
        [
          { id: 2, n: 2 },
          { id: 1, n: 3 },
        ],
        {},
        /^ConstraintViolated: .*Duplicate entry '1'/,
      ],
      [
        [{ id: 4, n: 'text' }],
        { write_mode: 'overwrite' },
        /^BadValue: connection 'db': Incorrect integer value: 'text'/,
      ],
      [[{ id: 5, n: 3_000_000_000 }], {}, /^BadValue: .*Out of range/],
    ];
    for (const [rows, config, message] of bad) {
      expect(await failure(write(rows, { table: 'strict', ...config }))).toMatch(message);
    }
    expect(await stored('strict')).toEqual([{ id: 1, n: 1 }]);
    // A table that was made for rows that do not fit goes again.
    await harness.table('rows', [{ id: 'x'.repeat(300) }]);
    expect(await failure(copy('rows', { table: 'gone', write_mode: 'upsert', key: ['id'] }))).toMatch(
      /^BadValue: /,
    );
    expect(await server.query(`SHOW TABLES LIKE 'gone'`)).toEqual([]);
    await server.query('CREATE TABLE old (id int) ENGINE=MyISAM');
    expect(await failure(write([{ id: 1 }], { table: 'old' }))).toBe(
      'InvalidConfig: table old is of MyISAM, which has no transactions: rows are written to InnoDB tables',
    );
  });

  it('says what it does about columns that the table does not have', async () => {
    await write([{ id: 1 }], { table: 'drifting' });
    const wider = [{ ID: 2, extra: 'x' }];
    expect(await failure(write(wider, { table: 'drifting' }))).toMatch(
      /^ColumnMismatch: table drifting has no column extra/,
    );
    await write(wider, { table: 'drifting', drift: 'ignore' });
    await write([{ id: 3, extra: 'y' }], { table: 'drifting', drift: 'add' });
    expect(await stored('drifting')).toEqual([
      { id: 1, extra: null },
      { id: 2, extra: null },
      { id: 3, extra: 'y' },
    ]);
  });

  it('fails fast where it may not go, and tells no secret', async () => {
    await server.query(`CREATE USER reader@'%' IDENTIFIED BY 'reader/pw'`);
    await server.query(`CREATE TABLE private_table (id int)`);
    await server.query(`GRANT SELECT ON shop.people TO reader@'%'`);
    const config = { source_type: 'mysql', connection: 'db', table: 'private_table' };
    const as = (change: object, secret: Record<string, string> = {}): Promise<string> =>
      failure(harness.run(sourceNode, 'in', config, through(change, secret)));
    expect(await as({ user: 'reader' }, { password: 'reader/pw' })).toMatch(
      /^PermissionDenied: connection 'db': SELECT command denied to user 'reader'/,
    );
    expect(await as({}, { password: 'not/this' })).toMatch(
      /^AuthenticationFailed: connection 'db': Access denied for user 'tauro'/,
    );
    expect(await as({ database: 'no_such' })).toMatch(/^AuthenticationFailed: .*Unknown database 'no_such'/);
    expect(await as({ port: 1 })).toBe("ConnectionFailed: connection 'db': nothing listens at 127.0.0.1:1");
    expect(await as({ host: 'no-such-host.invalid' })).toMatch(/^ConnectionFailed: connection 'db': host /);
    expect(await as({ host: '169.254.169.254' })).toMatch(/^EgressDenied: /);
    await harness.table('rows', [{ id: 1 }]);
    const sink = { destination: 'mysql', connection: 'db', table: 'people' };
    const reader = { after: ['rows'], ...through({ user: 'reader' }, { password: 'reader/pw' }) };
    expect(await failure(harness.run(sinkNode, 'denied', sink, reader))).toMatch(/^PermissionDenied: /);
  });

  it('encrypts as it is told', async () => {
    const how = { egressAllowPrivate: true, signal: new AbortController().signal };
    const test = (config: object): Promise<string> =>
      CONNECTION_KINDS.get('mysql')!.test(through(config).connection, how);
    expect(await test({ tls: 'prefer' })).toMatch(/^MariaDB \d+\.\d+/);
    if (server.ca === undefined) {
      expect(await failure(test({ tls: 'require' }))).toBe(
        "ConnectionFailed: connection 'db': the server does not support TLS",
      );
      return;
    }
    await test({ tls: 'require' });
    await test({ tls: 'verify', host: 'localhost', ca: server.ca });
    expect(await failure(test({ tls: 'verify', host: 'localhost' }))).toMatch(
      /^ConnectionFailed: connection 'db': self-signed certificate/,
    );
    expect(await failure(test({ tls: 'verify' }))).toMatch(/^InvalidConfig: connection 'db': tls: verify/);
  });

  it('carries more rows than a pipe holds, in their order, and stops when told to', async () => {
    await server.query("CREATE TABLE many AS SELECT seq AS id, repeat('x', 50) AS pad FROM seq_1_to_30000");
    await expect(read({ query: 'SELECT * FROM many ORDER BY id' })).resolves.toMatchObject({ rows: 30_000 });
    await copy('in', { table: 'many_again' });
    const [sums] = await server.query('SELECT count(*) AS n, cast(sum(id) AS char) AS s FROM many_again');
    expect(sums).toEqual({ n: 30_000, s: '450015000' });
    const abort = new AbortController();
    const slow = harness.run(
      sourceNode,
      'in',
      { source_type: 'mysql', connection: 'db', query: 'SELECT sleep(60) AS s' },
      { signal: abort.signal, ...through() },
    );
    abort.abort(new Error('told to'));
    await expect(slow).rejects.toThrow('told to');
    await expect(
      harness.run(
        sourceNode,
        'in',
        { source_type: 'mysql', connection: 'db', query: 'SELECT sleep(60) AS s' },
        through({ statement_timeout_seconds: 1 }),
      ),
    ).rejects.toThrow(/^connection 'db': Query execution was interrupted \(max_statement_time exceeded\)/);
  });
});
