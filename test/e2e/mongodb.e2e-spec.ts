import { randomBytes } from 'node:crypto';
import { type JsonObject } from '@tauro/domain';
import { Binary, type Db, Decimal128, Double, Int32, Long, MongoClient, ObjectId, UUID } from 'mongodb';
import { CONNECTION_KINDS } from '../../libs/nodes/src/connections/kinds.js';
import { configFaults } from '../../libs/nodes/src/validation/node-config.js';
import { sinkNode } from '../../libs/nodes/src/sink/sink.node.js';
import { sourceNode } from '../../libs/nodes/src/source/source.node.js';
import { NodeHarness } from '../../libs/nodes/src/tables/node-harness.js';
import { LonelyMongod } from '../support/mongod.js';

describe('MongoDB', () => {
  const database = `sink_${randomBytes(4).toString('hex')}`;
  let client: MongoClient;
  let db: Db;
  let harness: NodeHarness;
  beforeAll(async () => {
    client = new MongoClient(process.env.TEST_MONGODB_URL!);
    db = client.db(database);
    harness = await NodeHarness.create({ egressAllowPrivate: true });
  });
  afterAll(async () => {
    await harness?.close();
    await db?.dropDatabase();
    await client?.close();
  });

  const through = (config: object = {}, secret: Record<string, string> = {}) => {
    const [host, port] = client.options.hosts.map(String)[0]!.split(':') as [string, string];
    return {
      connection: {
        id: 'conn_1',
        name: 'events',
        kind: 'mongodb',
        config: { host, port: Number(port), database, ...config } as JsonObject,
        secret,
      },
    };
  };
  const read = (config: JsonObject, params: JsonObject = {}, rest: object = {}): Promise<unknown> =>
    harness.run(
      sourceNode,
      'in',
      { source_type: 'mongodb', connection: 'events', ...config },
      { params, ...through(), ...rest },
    );
  const copy = (
    from: string,
    config: JsonObject,
    id = `t${randomBytes(4).toString('hex')}`,
    rest: object = {},
  ): Promise<unknown> =>
    harness.run(
      sinkNode,
      id,
      { destination: 'mongodb', connection: 'events', ...config },
      { after: [from], ...through(), ...rest },
    );
  /** Each call is a task of its own, unless it is given the id of one. */
  const write = async (rows: JsonObject[], config: JsonObject, id?: string): Promise<unknown> => {
    await harness.table('rows', rows);
    return copy('rows', config, id);
  };
  const stored = (name: string): Promise<object[]> =>
    db
      .collection(name)
      .find({}, { projection: { _id: 0 } })
      .sort({ id: 1 })
      .toArray();
  const failure = (work: Promise<unknown>): Promise<string> => harness.failure(work);
  const leftovers = async (): Promise<string[]> =>
    (await db.listCollections().toArray()).map(({ name }) => name).filter((name) => /^tauro_new/.test(name));

  it('gives what is new by a key', async () => {
    const [one, two] = ['65b000000000000000000001', '65b000000000000000000002'].map((id) => new ObjectId(id));
    await db.collection<Record<string, unknown>>('news').insertMany([
      {
        _id: one,
        n: new Double(0.1),
        l: Long.fromString('9007199254740992'),
        at: new Date(1),
        t: 'B',
        mixed: 1,
      },
      {
        _id: two,
        n: new Double(0.2),
        l: Long.fromString('9007199254740993'),
        at: new Date(2),
        t: 'a',
        mixed: 'a',
      },
      { _id: new ObjectId('65b000000000000000000003'), n: null, list: [1] },
    ] as never);
    const next = async (column: string, value: string | null, rest: JsonObject = {}): Promise<unknown[]> => {
      const { inclusive, initial, ...config } = rest;
      const incremental = { column, ...(inclusive && { inclusive }), ...(initial && { initial }) };
      const made = await read(
        { collection: 'news', incremental, sort: { _id: 1 }, ...config } as JsonObject,
        {},
        {
          mark: { by: column, value },
        },
      );
      return [
        (await harness.rows('in')).map(({ _id }) => String(_id).slice(-1)),
        (made as { mark?: string }).mark,
      ];
    };
    expect(await next('n', null)).toEqual([['1', '2'], '0.2']);
    expect(await next('n', '0.1')).toEqual([['2'], '0.2']);
    expect(await next('n', '0.2', { inclusive: true })).toEqual([['2'], '0.2']);
    expect(await next('n', '0.2')).toEqual([[], undefined]);
    expect(harness.columns('in').map(({ name }) => name)).toEqual(['_id', 'n', 'l', 'at', 't', 'mixed']);
    expect(await next('n', '0.2', { projection: { t: 1 } })).toEqual([[], undefined]);
    expect(harness.columns('in').map(({ name }) => name)).toEqual(['_id', 't']);
    expect(await next('l', '9007199254740992', { projection: { t: 1 } })).toEqual([
      ['2'],
      '9007199254740993',
    ]);
    expect(await next('at', null, { initial: '1970-01-01T00:00:00.001Z' })).toEqual([
      ['2'],
      '1970-01-01T00:00:00.002Z',
    ]);
    expect(await next('t', 'B')).toEqual([['2'], 'a']);
    expect(await next('_id', one!.toHexString(), { filter: { n: { $ne: null } } })).toEqual([
      ['2'],
      two!.toHexString(),
    ]);
    const staged = {
      collection: 'news',
      pipeline: [{ $group: { _id: '$t', most: { $max: '$l' } } }],
      incremental: { column: 'most' },
    };
    await expect(
      read(staged, {}, { mark: { by: 'most', value: '9007199254740992' } }),
    ).resolves.toMatchObject({ rows: 1, mark: '9007199254740993' });
    await expect(next('absent', null)).resolves.toEqual([[], undefined]);
    expect(await failure(next('at', 'yesterday'))).toMatch(/^BadValue: incremental: 'yesterday'/);
    expect(await failure(next('l', '1'.repeat(40)))).toMatch(/^BadValue: incremental: '1111/);
    expect(await failure(next('mixed', null))).toMatch(
      /^InvalidConfig: incremental.column: 'mixed' must have/,
    );
    expect(await failure(next('list', null))).toMatch(/^InvalidConfig: incremental.column: 'list' must have/);
    const config = {
      source_type: 'mongodb',
      collection: 'news',
      limit: 5,
      incremental: { column: 'doc.at' },
    };
    const faults = await sourceNode.check!({ id: 'a', type: 'source', config }, []);
    expect(faults.map(({ field }) => field)).toEqual(['config.limit', 'config.incremental.column']);
  });

  it('gives every type as what it is, and takes it back', async () => {
    const id = new ObjectId();
    const uuid = new UUID();
    await db.collection('kinds').insertMany([
      {
        _id: id,
        b: true,
        i: new Int32(1),
        l: Long.fromString('9007199254740993'),
        d: new Double(2),
        n: Decimal128.fromString('1234567890123456789.25'),
        t: 'a "b"\n😀',
        at: new Date('2024-02-29T01:02:03.456Z'),
        u: uuid,
        bin: new Binary(Buffer.from('deadbeef', 'hex')),
        doc: { lines: [{ sku: 'x', of: id, big: Long.MAX_VALUE }], at: new Date(0) },
        list: [1, null],
        mixed: 'text',
        number: 1,
        nothing: null,
      } as object,
      { mixed: 7, number: new Double(0.5), n: Decimal128.fromString('1E+3') },
    ]);
    await read({ collection: 'kinds', sort: { _id: 1 } });
    expect(Object.fromEntries(harness.columns('in').map(({ name, type }) => [name, type]))).toEqual({
      _id: 'VARCHAR',
      b: 'BOOLEAN',
      i: 'INTEGER',
      l: 'BIGINT',
      d: 'DOUBLE',
      n: 'DECIMAL(21,2)',
      t: 'VARCHAR',
      at: 'TIMESTAMP WITH TIME ZONE',
      u: 'UUID',
      bin: 'BLOB',
      doc: 'JSON',
      list: 'JSON',
      mixed: 'JSON',
      number: 'DOUBLE',
      nothing: 'VARCHAR',
    });
    const [first, second] = await harness.rows('in');
    expect(first).toMatchObject({
      _id: id.toHexString(),
      l: '9007199254740993',
      n: '1234567890123456789.25',
      t: 'a "b"\n😀',
      u: uuid.toHexString(),
      doc: {
        lines: [{ sku: 'x', of: id.toHexString(), big: '9223372036854775807' }],
        at: '1970-01-01T00:00:00.000Z',
      },
      list: [1, null],
      mixed: 'text',
    });
    expect(second).toMatchObject({ n: 1000, mixed: 7, number: 0.5, t: null, doc: null });

    await copy('in', { collection: 'kinds_again', write_mode: 'overwrite', object_ids: ['_id'] });
    const [again] = await db.collection('kinds_again').find({ _id: id }, { promoteValues: false }).toArray();
    expect(again).toMatchObject({
      b: true,
      i: new Int32(1),
      l: Long.fromString('9007199254740993'),
      d: new Double(2),
      n: Decimal128.fromString('1234567890123456789.25'),
      at: new Date('2024-02-29T01:02:03.456Z'),
      u: uuid,
      bin: new Binary(Buffer.from('deadbeef', 'hex')),
      list: [new Int32(1), null],
    });
  });

  it('answers questions whose params are values, and which only read', async () => {
    const day = (n: number): Date => new Date(Date.UTC(2025, 0, n));
    await db
      .collection<{ _id: number; at: Date; page: string }>('visits')
      .insertMany([1, 2, 3, 4].map((n) => ({ _id: n, at: day(n), page: `p${n % 2}` })));
    const since = { at: { $gte: { $date: '{{ params.since }}' } }, page: { $in: '{{ params.pages }}' } };
    const params = { since: '2025-01-02T00:00:00Z', pages: ['p0'] };
    await read(
      { collection: 'visits', filter: since, projection: { page: 1 }, sort: { _id: -1 }, limit: 5 },
      params,
    );
    expect(await harness.rows('in')).toEqual([
      { _id: 4, page: 'p0' },
      { _id: 2, page: 'p0' },
    ]);
    await read(
      { collection: 'visits', pipeline: [{ $match: since }, { $group: { _id: '$page', n: { $sum: 1 } } }] },
      params,
    );
    expect(await harness.rows('in')).toEqual([{ _id: 'p0', n: 2 }]);
    await read({ collection: 'visits', filter: { page: 'none' }, columns: { page: 'VARCHAR' } });
    expect([harness.columns('in'), await harness.rows('in')]).toEqual([
      [{ name: 'page', type: 'VARCHAR' }],
      [],
    ]);
    const failing: [JsonObject, RegExp][] = [
      [
        { filter: { page: '{{ params.evil }}' } },
        /^InvalidConfig: filter.page: the value of a template has keys/,
      ],
      [
        { filter: { page: 'p{{ params.n }}' } },
        /^InvalidConfig: filter.page: a template is a whole value|next to a word/,
      ],
      [{ filter: { $where: 'sleep(1000)' } }, /^InvalidConfig: filter.\$where: \$where is not allowed/],
      [{ pipeline: [{ $out: 'visits' }] }, /^InvalidConfig: pipeline.0.\$out: /],
      [{ pipeline: [{ $group: { _id: 1, x: { $no_such: 1 } } }] }, /^QueryFailed: connection 'events': /],
      [{ collection: 'no_such' }, /^TableNotFound: connection 'events': there is no collection 'no_such'/],
    ];
    for (const [config, message] of failing) {
      const work = read({ collection: 'visits', ...config }, { evil: { $ne: null }, n: 1 });
      expect(
        await failure(
          work.catch((error: Error & { type?: string }) => {
            throw error.name === 'TemplateError' ? Object.assign(error, { type: 'InvalidConfig' }) : error;
          }),
        ),
      ).toMatch(message);
    }
    const faults = await sourceNode.check!(
      {
        id: 'in',
        type: 'source',
        config: {
          source_type: 'mongodb',
          collection: 'c',
          limit: 1,
          pipeline: [{ $lookup: { pipeline: [{ $merge: 'x' }] } }],
        },
      },
      [],
    );
    expect(faults.map(({ field }) => field)).toEqual([
      'config.limit',
      'config.pipeline.0.$lookup.pipeline.0.$merge',
    ]);
    expect(configFaults(sourceNode, { source_type: 'mongodb' })).toMatchObject([
      { field: 'config.collection' },
    ]);
  });

  it('appends exactly once, however often an attempt is repeated, also where it died', async () => {
    await write([{ id: 1 }], { collection: 'appended' }, 'one');
    await write([{ id: 2 }], { collection: 'appended' }, 'two');
    await write([{ id: 2 }], { collection: 'appended' }, 'two');
    expect(await stored('appended')).toMatchObject(
      [{ id: 1n }, { id: 2n }].map(({ id }) => ({ id: Number(id) })),
    );
    expect(harness.logs.filter((line) => line.includes('has written the rows'))).toHaveLength(1);

    // More rows than one transaction takes: some of them are there when the worker dies, and found by the next attempt.
    const query = 'SELECT range AS id FROM range(10001)';
    await harness.table('one', [{ x: 1 }]);
    await harness.process({ sql: query }, ['one']);
    await copy('out', { collection: 'long' }, 'long');
    await db.collection('long').deleteMany({ id: { $gte: 4000 } });
    await db.collection<{ _id: string }>('tauro_writes').deleteOne({ _id: 'task_long' });
    await copy('out', { collection: 'long' }, 'long');
    expect(await db.collection('long').countDocuments()).toBe(10_001);
    expect((await db.collection('long').distinct('id')).length).toBe(10_001);
    // What fails for good takes back what it has put.
    await db.collection('narrow').createIndex({ part: 1 }, { unique: true });
    await harness.process({ sql: 'SELECT range AS id, range % 10000 AS part FROM range(10001)' }, ['one']);
    expect(await failure(copy('out', { collection: 'narrow' }))).toMatch(/^ConstraintViolated: .*part/);
    expect(await db.collection('narrow').countDocuments()).toBe(0);
  });

  it('overwrites at once, updates by key, and refuses what is there', async () => {
    const upsert = { collection: 'moded', write_mode: 'upsert', key: ['id'] };
    await write(
      [
        { id: 1, n: 1 },
        { id: 2, n: 2 },
      ],
      upsert,
    );
    await db.collection('moded').updateMany({}, { $set: { kept: true } });
    await write(
      [
        { id: 2, n: 20 },
        { id: 3, n: 30 },
        { id: 3, n: 31 },
      ],
      upsert,
    );
    expect(await stored('moded')).toEqual([
      { id: 1, n: 1, kept: true },
      { id: 2, n: 20, kept: true },
      { id: 3, n: 31 },
    ]);
    await write([{ id: 9, n: 9 }], { collection: 'moded', write_mode: 'overwrite' }, 'over');
    expect(await stored('moded')).toEqual([{ id: 9, n: 9 }]);
    expect((await db.collection('moded').indexes()).map(({ name }) => name)).toEqual(['_id_', 'id_1']);
    // An attempt that died between the new name and the note is found by what the name now means.
    await db.collection('moded').insertOne({ id: 10 });
    const [now] = await db.listCollections({ name: 'moded' }).toArray();
    await db
      .collection<{ _id: string }>('tauro_writes')
      .updateOne(
        { _id: 'task_over' },
        { $set: { collection: (now as unknown as { info: { uuid: Binary } }).info.uuid } },
      );
    await write([{ id: 9, n: 9 }], { collection: 'moded', write_mode: 'overwrite' }, 'over');
    expect(await db.collection('moded').countDocuments()).toBe(2);

    await write([{ _id: 'a', id: 1 }], { collection: 'fresh', write_mode: 'error' }, 'fresh');
    await write([{ _id: 'a', id: 1 }], { collection: 'fresh', write_mode: 'error' }, 'fresh');
    expect(await failure(write([{ id: 1 }], { collection: 'fresh', write_mode: 'error' }))).toBe(
      'TargetExists: collection fresh exists already, and write_mode is error',
    );
    await write([{ _id: 'a', id: 2 }], { collection: 'fresh', write_mode: 'upsert', key: ['_id'] });
    expect(await stored('fresh')).toEqual([{ id: 2 }]);
    expect(
      await failure(write([{ a: 1 }], { collection: 'fresh', write_mode: 'upsert', key: ['a'] })),
    ).toMatch(/^InvalidConfig: collection fresh has no unique index on a/);
    expect(await leftovers()).toEqual([]);
  });

  it('leaves nothing half-written when a row does not fit', async () => {
    await db.createCollection('strict', { validator: { n: { $type: 'number' } } });
    await write([{ id: 1, n: 1 }], { collection: 'strict' });
    const rows = [
      { id: 2, n: 2 },
      { id: 3, n: null },
    ];
    for (const write_mode of ['append', 'overwrite']) {
      expect(await failure(write(rows, { collection: 'strict', write_mode }))).toMatch(
        /^ConstraintViolated: connection 'events': Document failed validation/,
      );
    }
    const bad: [JsonObject, JsonObject, RegExp][] = [
      [{ _id: 'x' }, {}, /^InvalidConfig: append gives documents ids of its own/],
      [{ 'a.b': 1 }, {}, /^InvalidConfig: column 'a.b' cannot be a key/],
      [{ id: 'short' }, { object_ids: ['id'] }, /^BadValue: row 1, column 'id': 'short': it is no id/],
    ];
    for (const [row, config, message] of bad) {
      expect(await failure(write([row], { collection: 'strict', ...config }))).toMatch(message);
    }
    expect(await stored('strict')).toEqual([{ id: 1, n: 1 }]);
    expect(await leftovers()).toEqual([]);
  });

  it('fails fast where it may not go, and tells no secret', async () => {
    const at = (config: object, secret: Record<string, string> = {}): Promise<string> =>
      failure(read({ collection: 'kinds' }, {}, through(config, secret)));
    expect(await at({ port: 1, connect_timeout_seconds: 1 })).toBe(
      "ConnectionFailed: connection 'events': nothing listens at 127.0.0.1:1",
    );
    expect(await at({ host: '169.254.169.254' })).toMatch(/^EgressDenied: /);
    expect(await at({ host: 'no-such-host.invalid', connect_timeout_seconds: 1 })).toMatch(
      /^ConnectionFailed: connection 'events': host /,
    );
    expect(await at({ tls: 'require', connect_timeout_seconds: 1 })).toMatch(
      /^ConnectionFailed: connection 'events': /,
    );
    const abort = new AbortController();
    const slow = read({ collection: 'kinds', pipeline: [{ $match: {} }] }, {}, { signal: abort.signal });
    abort.abort(new Error('told to'));
    await expect(slow).rejects.toThrow('told to');
  });

  it('works with a server that is no replica set, and as a user who may not do everything', async () => {
    const server = await LonelyMongod.start();
    if (!server)
      return void process.stderr.write('mongodb: skipped in part, because the server runs elsewhere\n');
    try {
      const config = { host: '127.0.0.1', port: server.port, database: 'shop', user: 'tauro' };
      const root = through(config, { password: server.password });
      await harness.table('rows', [{ id: 1 }, { id: 2 }]);
      const sink = { collection: 'orders' };
      await copy('rows', sink, 'lonely', root);
      await copy('rows', sink, 'lonely', root);
      await read(sink, {}, root);
      expect(await harness.rows('in')).toMatchObject([{ id: 1 }, { id: 2 }]);
      await server.command('shop', { createUser: 'reader', pwd: 'reader/pw', roles: ['read'] });
      const reader = through({ ...config, user: 'reader', auth_database: 'shop' }, { password: 'reader/pw' });
      expect(await failure(copy('rows', sink, 'denied', reader))).toMatch(
        /^PermissionDenied: connection 'events': not authorized on shop/,
      );
      const wrong = through(config, { password: 'not/this' });
      expect(await failure(read(sink, {}, wrong))).toBe(
        "AuthenticationFailed: connection 'events': Authentication failed.",
      );
      const how = { egressAllowPrivate: true, signal: new AbortController().signal };
      expect(await CONNECTION_KINDS.get('mongodb')!.test(root.connection, how)).toMatch(/^MongoDB \d/);
    } finally {
      await server.stop();
    }
  });
});
