import { randomBytes } from 'node:crypto';
import { type JsonObject } from '@tauro/domain';
import { sinkNode } from '../../libs/nodes/src/sink/sink.node.js';
import { sourceNode } from '../../libs/nodes/src/source/source.node.js';
import { sqlNode } from '../../libs/nodes/src/sql/sql.node.js';
import { NodeHarness } from '../../libs/nodes/src/tables/node-harness.js';
import { hasPostgres, PostgresServer } from '../support/postgres.js';

/* eslint-disable @typescript-eslint/no-explicit-any -- outputs as the node gives them */

if (!hasPostgres()) process.stderr.write('postgresql: skipped, because no PostgreSQL server is installed\n');
const withPostgres = hasPostgres() ? describe : describe.skip;

withPostgres('PostgreSQL', () => {
  let server: PostgresServer;
  let harness: NodeHarness;
  beforeAll(async () => {
    server = await PostgresServer.start();
    harness = await NodeHarness.create({ egressAllowPrivate: true });
  });
  afterAll(async () => {
    await harness?.close();
    await server?.stop();
  });

  const through = () => ({
    connection: {
      id: 'conn_1',
      name: 'db',
      kind: 'postgresql',
      config: server.config as JsonObject,
      secret: { password: server.password },
    },
  });
  const read = (config: JsonObject, params: JsonObject = {}): Promise<unknown> =>
    harness.run(
      sourceNode,
      'in',
      { source_type: 'postgresql', connection: 'db', ...config },
      { params, ...through() },
    );
  /** Each call is a task of its own, unless it is given the id of one. */
  const write = (
    rows: JsonObject[],
    config: JsonObject,
    id = `t${randomBytes(4).toString('hex')}`,
  ): Promise<unknown> =>
    harness
      .table('rows', rows)
      .then(() =>
        harness.run(
          sinkNode,
          id,
          { destination: 'postgresql', connection: 'db', ...config },
          { after: ['rows'], ...through() },
        ),
      );
  const stored = (table: string): Promise<object[]> => server.query(`SELECT * FROM ${table} ORDER BY 1`);
  const failure = (work: Promise<unknown>): Promise<string> => harness.failure(work);

  it('reads only what is new, by whatever the server can order', async () => {
    await server.query(`CREATE TABLE events (id bigint, at timestamptz, code text, n numeric, u uuid)`);
    const insert = (id: number, at: string, code: string | null, n: string): Promise<unknown> =>
      server.query(
        `INSERT INTO events VALUES (${id}, '${at}', ${code === null ? 'NULL' : `'${code}'`}, ${n}, 'a0000000-0000-4000-8000-00000000000${id}')`,
      );
    await insert(1, '2025-01-01 00:00:00.000001+00', 'a', '1.00000000000000000001');
    await insert(2, '2025-01-01 00:00:00.000002+00', 'B', '2');
    const next = async (column: string, value: string | null, rest: JsonObject = {}): Promise<any> => {
      const config = {
        source_type: 'postgresql',
        connection: 'db',
        table: 'events',
        incremental: { column, ...rest },
      };
      const made: any = await harness.run(sourceNode, 'in', config, {
        ...through(),
        mark: { by: column, value },
      });
      return [(await harness.rows('in')).map(({ id }) => id), made.mark];
    };
    expect(await next('id', null)).toEqual([[1, 2], '2']);
    expect(await next('id', null, { initial: 1 })).toEqual([[2], '2']);
    expect(await next('id', '2')).toEqual([[], undefined]);
    expect(harness.columns('in')).toHaveLength(5);
    expect(await next('id', '2', { inclusive: true })).toEqual([[2], '2']);
    // To the last digit, and texts by their bytes.
    expect(await next('at', '2025-01-01 00:00:00.000001+00')).toEqual([[2], '2025-01-01 00:00:00.000002+00']);
    expect(await next('n', '1')).toEqual([[1, 2], '2']);
    expect(await next('n', '1.00000000000000000001')).toEqual([[2], '2']);
    expect(await next('code', 'B')).toEqual([[1], 'a']);
    expect((await next('u', null))[1]).toBe('a0000000-0000-4000-8000-000000000002');
    await insert(3, 'infinity', null, '3');
    expect(await next('code', 'a')).toEqual([[], undefined]);
    expect(await failure(next('at', null))).toMatch(/^BadValue: .*nothing comes after that/);
    expect(await failure(next('nope', null))).toMatch(
      /^ColumnNotFound: incremental.column: .*columns: id, at, code/,
    );
    expect(await failure(next('id', "1'; DROP TABLE events"))).toMatch(/^BadValue: connection 'db': /);
    expect(await server.query('SELECT count(*)::int AS rows FROM events')).toEqual([{ rows: 3 }]);
    const query = {
      query: 'SELECT id FROM events WHERE id < {{ params.below }} -- only those',
      incremental: { column: 'id' },
    };
    const made: any = await harness.run(
      sourceNode,
      'in',
      { source_type: 'postgresql', connection: 'db', ...query },
      { ...through(), params: { below: 3 }, mark: { by: 'id', value: '1' } },
    );
    expect([made.rows, made.mark]).toEqual([1, '2']);
  });

  it('gives every type as what it is', async () => {
    await server.query(`CREATE TYPE mood AS ENUM ('good', 'bad')`);
    await server.query(
      `CREATE TABLE kinds (b boolean, i2 smallint, i4 int, i8 bigint, f4 real, f8 double precision,
         n numeric(12, 3), any_n numeric, t text, v varchar(9), d date, tm time, ts timestamp, tz timestamptz,
         u uuid, j jsonb, a int[], bin bytea, m mood, iv interval, ip inet)`,
    );
    await server.query(
      `INSERT INTO kinds VALUES (true, 1, 2, 9007199254740993, 1.5, 2.25, 1234.500, 7.125, 'a "b",' || chr(10) || 'c', '',
         '2024-02-29', '13:14:15', '2024-02-29 01:02:03.456', '2024-02-29 01:02:03+02',
         '2f1e7a60-0000-4000-8000-000000000001', '{"a": [1, null]}', '{1,NULL,3}', '\\xdeadbeef', 'bad', '1 day 02:00', '10.0.0.1')`,
    );
    await server.query('INSERT INTO kinds DEFAULT VALUES');
    await read({ table: 'kinds' });
    expect(Object.fromEntries(harness.columns('in').map(({ name, type }) => [name, type]))).toEqual({
      b: 'BOOLEAN',
      i2: 'SMALLINT',
      i4: 'INTEGER',
      i8: 'BIGINT',
      f4: 'FLOAT',
      f8: 'DOUBLE',
      n: 'DECIMAL(12,3)',
      any_n: 'DOUBLE',
      t: 'VARCHAR',
      v: 'VARCHAR',
      d: 'DATE',
      tm: 'TIME',
      ts: 'TIMESTAMP',
      tz: 'TIMESTAMP WITH TIME ZONE',
      u: 'UUID',
      j: 'JSON',
      a: 'JSON',
      bin: 'BLOB',
      m: 'VARCHAR',
      iv: 'INTERVAL',
      ip: 'VARCHAR',
    });
    const [full, empty] = await harness.rows('in');
    expect(full).toMatchObject({
      b: true,
      i8: '9007199254740993',
      t: 'a "b",\nc',
      v: '',
      d: '2024-02-29',
      m: 'bad',
    });
    expect(Object.values(empty!).every((value) => value === null)).toBe(true);

    // And back again, into a table that is made for it.
    await harness.run(
      sinkNode,
      'copy',
      { destination: 'postgresql', connection: 'db', table: 'kinds_again' },
      { after: ['in'], ...through() },
    );
    const same = `SELECT count(*)::int AS same FROM kinds k JOIN kinds_again c ON k.i8 = c.i8 AND k.t = c.t AND k.v = c.v
      AND k.n = c.n AND k.ts = c.ts AND k.tz = c.tz AND k.u = c.u AND k.j = c.j AND k.bin = c.bin AND k.iv = c.iv
      AND to_jsonb(k.a) = c.a AND k.d = c.d AND k.tm = c.tm AND k.b = c.b`;
    expect(await server.query(same)).toEqual([{ same: 1 }]);
  });

  it('answers queries whose params are values, and which only read', async () => {
    await server.query('CREATE TABLE people (id int, name text)');
    await server.query(`INSERT INTO people SELECT n, 'p' || n FROM generate_series(1, 100) n`);
    const query =
      'SELECT id FROM people WHERE name = {{ params.name }} OR id IN ({{ params.ids }}) ORDER BY id -- end';
    await read({ query }, { name: `p7`, ids: [3, 5] });
    expect(await harness.rows('in')).toEqual([{ id: 3 }, { id: 5 }, { id: 7 }]);
    await read({ query }, { name: `x' OR '1'='1`, ids: [] });
    expect(await harness.rows('in')).toEqual([]);
    await read({ query: 'SELECT id FROM people LIMIT 1;', columns: { id: 'VARCHAR' } });
    expect(harness.columns('in')).toEqual([{ name: 'id', type: 'VARCHAR' }]);
    const failing: [JsonObject, RegExp][] = [
      [{ query: 'DELETE FROM people RETURNING id' }, /^QueryFailed: connection 'db': /],
      [{ query: 'SELECT 1; SELECT 2' }, /^QueryFailed: connection 'db': syntax error/],
      [{ query: "SELECT nextval('x')" }, /^TableNotFound: /],
      [
        { query: 'SELECT no_such FROM people' },
        /^ColumnNotFound: connection 'db': column "no_such" does not exist/,
      ],
      [{ table: 'no_such' }, /^TableNotFound: connection 'db': relation "no_such" does not exist/],
      [{ query: 'SELECT 1 AS a, 2 AS a' }, /^DuplicateColumn: /],
      [
        { table: 'people', columns: { nome: 'VARCHAR' } },
        /^ColumnNotFound: columns: column 'nome' does not exist/,
      ],
      [{ query: 'SELECT 1 / (id - 50) AS x FROM people' }, /^BadValue: connection 'db': division by zero/],
    ];
    for (const [config, message] of failing) expect(await failure(read(config))).toMatch(message);
  });

  it('appends exactly once, however often an attempt is repeated', async () => {
    await write([{ id: 1, name: 'a' }], { table: 'appended' }, 'one');
    await write([{ id: 2, name: 'b' }], { table: 'appended' }, 'two');
    await write([{ id: 2, name: 'b' }], { table: 'appended' }, 'two');
    await Promise.all([1, 2, 3].map(() => write([{ id: 3, name: 'c' }], { table: 'appended' }, 'three')));
    expect(await stored('appended')).toMatchObject([{ name: 'a' }, { name: 'b' }, { name: 'c' }]);
    expect(harness.logs.filter((line) => line.includes('has written the rows'))).toHaveLength(3);
  });

  it('overwrites, updates by key, and refuses what is there', async () => {
    await write(
      [
        { id: 1, n: 1 },
        { id: 2, n: 2 },
      ],
      { table: 'moded', write_mode: 'upsert', key: ['id'] },
    );
    await write(
      [
        { id: 2, n: 20 },
        { id: 3, n: 30 },
        { id: 3, n: 31 },
      ],
      { table: 'moded', write_mode: 'upsert', key: ['id'] },
    );
    expect(await stored('moded')).toEqual([
      { id: '1', n: '1' },
      { id: '2', n: '20' },
      { id: '3', n: '31' },
    ]);
    await write([{ id: 9, n: 9 }], { table: 'moded', write_mode: 'overwrite' });
    expect(await stored('moded')).toEqual([{ id: '9', n: '9' }]);
    expect(await failure(write([{ id: 1, n: 1 }], { table: 'moded', write_mode: 'error' }))).toBe(
      'TargetExists: table moded exists already, and write_mode is error',
    );
    await write([{ a: 1 }], { table: 'keyless' });
    expect(await failure(write([{ a: 1 }], { table: 'keyless', write_mode: 'upsert', key: ['a'] }))).toMatch(
      /^InvalidConfig: table keyless has no unique index on a/,
    );
  });

  it('leaves nothing half-written when a row does not fit', async () => {
    await server.query('CREATE TABLE strict (id int PRIMARY KEY, n int NOT NULL)');
    await write([{ id: 1, n: 1 }], { table: 'strict' });
    expect(
      await failure(
        write(
          [
            { id: 2, n: 2 },
            { id: 3, n: null },
          ],
          { table: 'strict' },
        ),
      ),
    ).toMatch(/^ConstraintViolated: connection 'db': null value in column "n"/);
    expect(
      await failure(
        write(
          [
            { id: 2, n: 2 },
            { id: 1, n: 3 },
          ],
          { table: 'strict' },
        ),
      ),
    ).toMatch(/^ConstraintViolated: .*strict_pkey/);
    expect(
      await failure(write([{ id: 4, n: 'text' }], { table: 'strict', write_mode: 'overwrite' })),
    ).toMatch(/^BadValue: connection 'db': invalid input syntax for type integer/);
    expect(await stored('strict')).toEqual([{ id: 1, n: 1 }]);
  });

  it('says what it does about columns that the table does not have', async () => {
    await write([{ id: 1 }], { table: 'drifting' });
    const wider = [{ id: 2, extra: 'x' }];
    expect(await failure(write(wider, { table: 'drifting' }))).toMatch(
      /^ColumnMismatch: table drifting has no column extra/,
    );
    await write(wider, { table: 'drifting', drift: 'ignore' });
    await write([{ id: 3, extra: 'y' }], { table: 'drifting', drift: 'add' });
    expect(await stored('drifting')).toEqual([
      { id: '1', extra: null },
      { id: '2', extra: null },
      { id: '3', extra: 'y' },
    ]);
  });

  it('respects what a user may not do', async () => {
    await server.query(`CREATE ROLE reader LOGIN PASSWORD 'reader/pw'`);
    await server.query('CREATE TABLE secret_table (id int)');
    const { connection } = through();
    const reader = {
      connection: {
        ...connection,
        config: { ...connection.config, user: 'reader' },
        secret: { password: 'reader/pw' },
      },
    };
    const config = { source_type: 'postgresql', connection: 'db', table: 'secret_table' };
    expect(await failure(harness.run(sourceNode, 'in', config, reader))).toBe(
      "PermissionDenied: connection 'db': permission denied for table secret_table",
    );
  });

  describe('runs statements where the data is', () => {
    const run = (
      sql: string | string[],
      params: JsonObject = {},
      id = `s${randomBytes(4).toString('hex')}`,
    ): Promise<any> => harness.run(sqlNode, id, { connection: 'db', sql }, { params, ...through() });

    it('in one transaction, once, with values for templates', async () => {
      await server.query('CREATE TABLE visits (day date, n int)');
      await server.query(
        `INSERT INTO visits SELECT '2025-01-01'::date + i % 3, i FROM generate_series(1, 9) i`,
      );
      const statements = [
        'CREATE TABLE IF NOT EXISTS per_day (day date PRIMARY KEY, n bigint)',
        'INSERT INTO per_day SELECT day, sum(n) FROM visits WHERE n > {{ params.least }} GROUP BY day',
        'SELECT day::text, n::int FROM per_day ORDER BY day',
      ];
      const rows = [
        { day: '2025-01-01', n: 18 },
        { day: '2025-01-02', n: 11 },
        { day: '2025-01-03', n: 15 },
      ];
      expect((await run(statements, { least: 1 }, 'once')).output).toEqual({ row_count: 3, rows });
      // Whoever repeats it finds it done, and what it put out.
      expect((await run(statements, { least: 1 }, 'once')).output).toEqual({ row_count: 3, rows });
      expect(await failure(run(statements, { least: 1 }))).toMatch(/^ConstraintViolated: /);
      expect(await server.query('SELECT count(*)::int AS n FROM per_day')).toEqual([{ n: 3 }]);
    });

    it('and refuses what would end its transaction, or hide several in one', async () => {
      expect(await failure(run(['SELECT 1', 'commit']))).toMatch(/^InvalidConfig: sql: 'commit'/);
      expect(await failure(run('SELECT 1; DROP TABLE visits'))).toMatch(/one transaction|entry of its own/);
      expect(
        await failure(run('SELECT * FROM visits WHERE n = {{ params.n }}', { n: '1; DROP TABLE visits' })),
      ).toMatch(/^BadValue: /);
      expect((await run('SELECT count(*)::int AS n FROM visits')).output).toEqual({
        row_count: 1,
        rows: [{ n: 9 }],
      });
    });

    it('and shows no more rows than an output holds', async () => {
      const { output } = await run('SELECT i FROM generate_series(1, 500) i');
      expect([output.row_count, output.rows.length]).toEqual([500, 100]);
    });
  });

  it('carries more rows than a pipe holds, in their order, and stops when told to', async () => {
    await server.query(
      "CREATE TABLE many AS SELECT n AS id, repeat('x', 50) AS pad FROM generate_series(1, 200000) n",
    );
    await expect(read({ query: 'SELECT * FROM many ORDER BY id' })).resolves.toMatchObject({ rows: 200_000 });
    await harness.run(
      sinkNode,
      'many',
      { destination: 'postgresql', connection: 'db', table: 'many_again' },
      { after: ['in'], ...through() },
    );
    const [sums] = await server.query('SELECT count(*)::int AS n, sum(id)::bigint AS s FROM many_again');
    expect(sums).toEqual({ n: 200_000, s: '20000100000' });
    const abort = new AbortController();
    const slow = harness.run(
      sourceNode,
      'in',
      { source_type: 'postgresql', connection: 'db', query: 'SELECT pg_sleep(60) AS s' },
      { signal: abort.signal, ...through() },
    );
    abort.abort(new Error('told to'));
    await expect(slow).rejects.toThrow('told to');
  });
});
