import { randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:net';
import { type AddressInfo } from 'node:net';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import Sqlite from 'libsql';
import { hasMariadb, MariadbServer } from '../support/mariadb.js';
import { LonelyMongod } from '../support/mongod.js';
import { ONCE } from '../support/nodes.js';
import { hasPostgres, PostgresServer } from '../support/postgres.js';
import { S3Server } from '../support/s3.js';
import { placesWith } from '../support/sweep.js';
import { freePort, Tauro } from '../support/tauro.js';
import { expectStatus, User } from '../support/user.js';
import { waitFor } from '../support/wait-for.js';

/* eslint-disable @typescript-eslint/no-explicit-any -- JSON as the server answers it */

const V1 = '/api/v1';
const KEY = randomBytes(32).toString('base64');

if (!hasPostgres())
  process.stderr.write('connections: skipped in part, because no PostgreSQL server is installed\n');
if (!hasMariadb())
  process.stderr.write('connections: skipped in part, because no MariaDB server is installed\n');
const withMariadb = hasMariadb() ? it : it.skip;
const withPostgres = hasPostgres() ? describe : describe.skip;

describe('connections', () => {
  let tauro: Tauro;
  let user: User;
  let project: string;
  beforeAll(async () => {
    tauro = await Tauro.start({
      env: {
        SECRET_KEY: KEY,
        LOG_LEVEL: 'DEBUG',
        LEASE_SECONDS: '3',
        HEARTBEAT_SECONDS: '0.75',
        RECONCILE_SECONDS: '0.5',
        TABLE_PROCESSES: '3',
      },
    });
    user = new User(tauro.api);
    project = await user.project();
  });
  afterAll(() => tauro?.stop());

  const create = async (name: string, config: object, rest: object = {}): Promise<any> =>
    expectStatus(
      await tauro.api.post(`${V1}/connections`, {
        name,
        kind: 'postgresql',
        project_id: project,
        config,
        ...rest,
      }),
      201,
    );
  const test = async (id: string): Promise<any> =>
    expectStatus(await tauro.api.post(`${V1}/connections/${id}/test`, {}), 200);
  const SOMEWHERE = { host: 'db.example.com', database: 'sales', user: 'ana' };

  it('are made, found, changed and removed, and never show what is secret', async () => {
    const password = randomBytes(12).toString('hex');
    const made = await create('sales', SOMEWHERE, { secret: { password } });
    expect(made).toMatchObject({
      name: 'sales',
      kind: 'postgresql',
      config: SOMEWHERE,
      secret: { password: '***' },
    });
    expect(made.id).toMatch(/^conn_/);
    expect(await placesWith(tauro, [password])).toEqual([]);
    const list = await tauro.api.get(`${V1}/connections?project_id=${project}&kind=postgresql&name=sales`);
    expect(expectStatus(list, 200)).toHaveLength(1);

    const put = (body: object, headers = {}): Promise<any> =>
      tauro.api.put(`${V1}/connections/${made.id}`, body, headers);
    expect(expectStatus(await put({ secret: { password: '***' }, description: 'mine' }), 200)).toMatchObject({
      description: 'mine',
      secret: { password: '***' },
      revision: 2,
    });
    expect(expectStatus(await put({ secret: { password: '{{ secrets.sales }}' } }), 200).secret).toEqual({
      password: '{{ secrets.sales }}',
    });
    expect((await put({ secret: { password: '***' } })).body.error.details[0].field).toBe('secret.password');
    expect((await put({}, { 'if-match': '"1"' })).status).toBe(412);
    expectStatus(await tauro.api.delete(`${V1}/connections/${made.id}`), 200);
    expect((await tauro.api.get(`${V1}/connections/${made.id}`)).status).toBe(404);
  });

  it('name the field that is wrong, and tell no secret in doing so', async () => {
    const cases: [object, string, string?][] = [
      [{ kind: 'oracle' }, 'kind', 'postgresql, mysql'],
      [{ config: { ...SOMEWHERE, host: '/var/run' } }, 'config.host'],
      [{ config: { ...SOMEWHERE, port: 70_000 } }, 'config.port'],
      [{ config: { database: 'x', user: 'y' } }, 'config.host'],
      [{ config: { ...SOMEWHERE, password: 'hunter22' } }, 'config.password', 'give it as secret.password'],
      [{ secret: { pasword: 'hunter22' } }, 'secret.pasword'],
      [{ secret: { password: { deep: 'hunter22' } } }, 'secret.password'],
      [{ secret: { password: 'abc' } }, 'secret.password'],
      [{ name: 'a b' }, 'name'],
      [{ project_id: 'proj_0' }, 'project_id'],
    ];
    for (const [change, field, mentions = ''] of cases) {
      const body = { name: 'wrong', kind: 'postgresql', project_id: project, config: SOMEWHERE, ...change };
      const { status, body: answer } = await tauro.api.post(`${V1}/connections`, body);
      if (field === 'project_id') {
        expect(status).toBe(404);
        continue;
      }
      expect([status, answer.error.details[0].field]).toEqual([422, field]);
      expect(answer.error.details[0].message).toContain(mentions);
      expect(JSON.stringify(answer)).not.toContain('hunter22');
    }
    await create('twice', SOMEWHERE);
    const again = { name: 'twice', kind: 'postgresql', project_id: project, config: SOMEWHERE };
    expect((await tauro.api.post(`${V1}/connections`, again)).status).toBe(409);
  });

  describe('that lead nowhere', () => {
    let deaf: Server;
    beforeAll(async () => {
      deaf = createServer((socket) => socket.resume()).listen(0, '127.0.0.1');
      await new Promise((done) => deaf.once('listening', done));
    });
    afterAll(() => void deaf.close());

    it('say so within seconds, when tested and in a run', async () => {
      const port = await freePort();
      const nobody = await create('nobody', { ...SOMEWHERE, host: '127.0.0.1', port });
      expect(await test(nobody.id)).toMatchObject({
        ok: false,
        server: null,
        error: {
          type: 'ConnectionFailed',
          message: `connection 'nobody': nothing listens at 127.0.0.1:${port}`,
        },
      });
      const { port: deafPort } = deaf.address() as AddressInfo;
      const silent = await create('silent', {
        ...SOMEWHERE,
        host: '127.0.0.1',
        port: deafPort,
        connect_timeout_seconds: 1,
      });
      expect((await test(silent.id)).error.type).toBe('ConnectionFailed');
      const lake = {
        name: 'lake',
        kind: 's3',
        project_id: project,
        config: { endpoint: `http://127.0.0.1:${port}` },
      };
      const store = expectStatus(await tauro.api.post(`${V1}/connections`, lake), 201);
      expect((await test(store.id)).error).toEqual({
        type: 'ConnectionFailed',
        message: `connection 'lake': its buckets: nothing listens at 127.0.0.1:${port}`,
      });
      const metadata = await create('metadata', { ...SOMEWHERE, host: '169.254.169.254' });
      expect((await test(metadata.id)).error.type).toBe('EgressDenied');

      const read = (connection: string): object => ({
        id: 'in',
        type: 'source',
        config: { source_type: 'postgresql', connection, table: 'orders' },
        ...ONCE,
      });
      for (const [connection, type] of [
        ['nobody', 'ConnectionFailed'],
        ['no_such', 'ConnectionNotFound'],
      ]) {
        const pipeline = await user.pipeline(project, [read(connection!)]);
        const { state, error } = await user.ended(await user.start(project, pipeline.id));
        expect([state, error.type]).toEqual(['FAILED', type]);
        expect(error.message).toContain(`'${connection}'`);
      }
      const { warnings } = expectStatus(
        await tauro.api.post(`${V1}/pipelines/validate`, {
          project_id: project,
          name: 'p',
          nodes: [read('no_such')],
        }),
        200,
      );
      expect(warnings).toMatchObject([{ field: 'nodes.0.config.connection', type: 'unknown_connection' }]);
    });
  });

  withPostgres('to PostgreSQL', () => {
    let server: PostgresServer;
    beforeAll(async () => (server = await PostgresServer.start()));
    afterAll(() => server?.stop());

    it('work with a password of their own, or with one of the secrets', async () => {
      const own = await create('own', server.config, { secret: { password: server.password } });
      expect(await test(own.id)).toMatchObject({
        ok: true,
        server: expect.stringMatching(/^PostgreSQL \d/),
        error: null,
      });
      expectStatus(
        await tauro.api.post(`${V1}/secrets`, { name: 'pg', value: server.password, project_id: project }),
        201,
      );
      const referring = await create('referring', server.config, {
        secret: { password: '{{ secrets.pg }}' },
      });
      expect((await test(referring.id)).ok).toBe(true);
      const wrong = await create('wrong', server.config, { secret: { password: 'not this one' } });
      expect((await test(wrong.id)).error).toEqual({
        type: 'AuthenticationFailed',
        message: `connection 'wrong': password authentication failed for user "tauro"`,
      });
      const absent = await create(
        'absent',
        { ...server.config, database: 'no_such' },
        {
          secret: { password: server.password },
        },
      );
      expect((await test(absent.id)).error.message).toContain('database "no_such" does not exist');
      const encrypted = await create(
        'encrypted',
        { ...server.config, tls: 'require' },
        {
          secret: { password: server.password },
        },
      );
      expect((await test(encrypted.id)).error).toMatchObject({
        type: 'ConnectionFailed',
        message: expect.stringContaining('does not support SSL'),
      });
      const preferred = await create(
        'preferred',
        { ...server.config, tls: 'prefer' },
        {
          secret: { password: server.password },
        },
      );
      expect((await test(preferred.id)).ok).toBe(true);
    });

    it('carry rows in and out, and nobody sees the password', async () => {
      await create('shop', server.config, { secret: { password: server.password } });
      await server.query('CREATE TABLE orders (id bigint PRIMARY KEY, amount numeric(10, 2), note text)');
      await server.query(`INSERT INTO orders VALUES (1, 2.50, 'x, "y"'), (2, NULL, ''), (3, 7, NULL)`);
      const pipeline = await user.pipeline(
        project,
        [
          {
            id: 'in',
            type: 'source',
            config: { source_type: 'postgresql', connection: 'shop', table: 'orders' },
          },
          {
            id: 'sum',
            type: 'processor',
            config: {
              sql: 'SELECT id, amount * 2 AS double_amount, note FROM input WHERE id > {{ params.after }}',
            },
          },
          {
            id: 'out',
            type: 'sink',
            config: { destination: 'postgresql', connection: 'shop', table: 'doubled' },
          },
        ],
        {
          edges: [
            { from: 'in', to: 'sum' },
            { from: 'sum', to: 'out' },
          ],
        },
      );
      const { id, state, error } = await user.ended(
        await user.start(project, pipeline.id, { params: { after: 0 } }),
      );
      expect([state, error]).toEqual(['SUCCESS', null]);
      expect(await server.query('SELECT * FROM doubled ORDER BY id')).toEqual([
        { id: '1', double_amount: '5.00', note: 'x, "y"' },
        { id: '2', double_amount: null, note: '' },
        { id: '3', double_amount: '14.00', note: null },
      ]);
      expect((await user.tasks(id)).in.output).toMatchObject({
        rows: 3,
        columns: [
          { name: 'id', type: 'BIGINT' },
          { name: 'amount', type: 'DECIMAL(10,2)' },
          { name: 'note', type: 'VARCHAR' },
        ],
      });
      expect(await placesWith(tauro, [server.password, server.password.slice(3)])).toEqual([]);
    });

    it('let a pipeline bring objects of S3 into a warehouse, without a word about how', async () => {
      const store = await S3Server.start('data-lake');
      try {
        const own = await user.project();
        const connect = async (kind: string, config: object, secret: object): Promise<void> => {
          const body = { name: kind, kind, project_id: own, config, secret };
          expectStatus(await tauro.api.post(`${V1}/connections`, body), 201);
        };
        await connect('s3', { endpoint: store.url }, store.keys);
        await connect('postgresql', server.config, { password: server.password });
        await store.put('data-lake', 'raw/a.csv', 'Day,Visits\n2025-11-18, 10\n2025-11-19,12\n');
        await store.put('data-lake', 'raw/b.csv', 'Day,Visits\n2025-11-19,12\n2025-11-20,7\n');
        await server.query('CREATE SCHEMA analytics');
        const pipeline = await user.pipeline(
          own,
          [
            {
              id: 'extract_source',
              type: 'source',
              config: { source_type: 's3', bucket: 'data-lake', prefix: 'raw/' },
            },
            {
              id: 'transform_data',
              type: 'processor',
              config: { transformations: ['deduplicate', 'normalize'] },
            },
            {
              id: 'load_warehouse',
              type: 'sink',
              config: { destination: 'postgresql', table: 'analytics.daily_metrics' },
            },
          ],
          {
            edges: [
              { from: 'extract_source', to: 'transform_data' },
              { from: 'transform_data', to: 'load_warehouse' },
            ],
            config: { max_parallelism: 4, retry_policy: { max_attempts: 3, backoff_seconds: 5 } },
          },
        );
        const { id, state, error } = await user.ended(await user.start(own, pipeline.id));
        expect([state, error]).toEqual(['SUCCESS', null]);
        const lineage = expectStatus(await tauro.api.get(`${V1}/runs/${id}/lineage`), 200);
        expect(lineage).toMatchObject({
          inputs: [{ namespace: 's3://data-lake', name: 'raw/', rows: 4 }],
          outputs: [
            {
              namespace: `postgres://127.0.0.1:${server.port}`,
              name: 'postgres.analytics.daily_metrics',
              rows: 3,
            },
          ],
        });
        expect(
          await server.query('SELECT day::text, visits::int FROM analytics.daily_metrics ORDER BY day'),
        ).toEqual([
          { day: '2025-11-18', visits: 10 },
          { day: '2025-11-19', visits: 12 },
          { day: '2025-11-20', visits: 7 },
        ]);
      } finally {
        await store.stop();
      }
    });

    it('leave no row out and none twice when the worker dies in the middle of writing', async () => {
      await server.query('CREATE TABLE slow (id bigint)');
      await server.query(
        `CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.002); RETURN NEW; END $$`,
      );
      await server.query(
        'CREATE TRIGGER lingers BEFORE INSERT ON slow FOR EACH ROW EXECUTE FUNCTION linger()',
      );
      await create('slow_db', server.config, { secret: { password: server.password } });
      const through = { connection: 'slow_db' };
      const query = 'SELECT generate_series(1, 2000) AS id';
      const pipeline = await user.pipeline(
        project,
        [
          { id: 'in', type: 'source', config: { source_type: 'postgresql', ...through, query } },
          { id: 'out', type: 'sink', config: { destination: 'postgresql', ...through, table: 'slow' } },
        ],
        { edges: [{ from: 'in', to: 'out' }] },
      );
      const id = await user.start(project, pipeline.id);
      const copying = `SELECT 1 FROM pg_stat_activity WHERE query LIKE 'COPY "slow"%' AND state = 'active'`;
      await waitFor(async () => (await server.query(copying)).length > 0, { what: 'rows to be written' });
      await tauro.workers[0]!.kill();
      expect(await server.query('SELECT count(*)::int AS n FROM slow')).toEqual([{ n: 0 }]);
      await tauro.addWorker();
      const { state } = await user.ended(id);
      expect(state).toBe('SUCCESS');
      expect((await user.tasks(id)).out.attempts).toHaveLength(2);
      expect(
        await server.query('SELECT count(*)::int AS n, count(DISTINCT id)::int AS ids FROM slow'),
      ).toEqual([{ n: 2000, ids: 2000 }]);
    });
  });

  withMariadb(
    'to MySQL and MongoDB, and files of SQLite, keep what they promise when the worker dies',
    async () => {
      const mariadb = await MariadbServer.start();
      const mongod = await LonelyMongod.start();
      const sqlite = new Sqlite(join(tauro.files, 'held.db'));
      const session = await mariadb.session();
      try {
        if (!mongod)
          return void process.stderr.write('connections: skipped in part, because MongoDB runs elsewhere\n');
        const rows = 30_000;
        await create('orders', mariadb.config, { kind: 'mysql', secret: { password: mariadb.password } });
        const config = { host: '127.0.0.1', port: mongod.port, database: 'shop', user: 'tauro' };
        const events = await create('events', config, {
          kind: 'mongodb',
          secret: { password: mongod.password },
        });
        expect(await test(events.id)).toMatchObject({
          ok: true,
          server: expect.stringMatching(/^MongoDB \d/),
        });
        const sink = (id: string, config: object): object => ({
          id,
          type: 'sink',
          depends_on: ['many'],
          config,
        });
        const pipeline = await user.pipeline(project, [
          {
            id: 'many',
            type: 'source',
            config: {
              source_type: 'mysql',
              connection: 'orders',
              query: `SELECT seq AS id FROM seq_1_to_${rows}`,
            },
          },
          sink('mysql', { destination: 'mysql', connection: 'orders', table: 'held' }),
          sink('mongodb', { destination: 'mongodb', connection: 'events', collection: 'held' }),
          sink('sqlite', { destination: 'sqlite', path: join(tauro.files, 'held.db'), table: 'held' }),
        ]);
        // Each of them is held in the middle: by a row that another session is writing, and by somebody who reads.
        await session.query('CREATE TABLE held (id bigint PRIMARY KEY)');
        await session.query('START TRANSACTION');
        await session.query(`INSERT INTO held VALUES (${rows / 2})`);
        sqlite.exec('CREATE TABLE held (id INTEGER); BEGIN');
        const inSqlite = (): unknown =>
          sqlite.prepare('SELECT count(*), count(DISTINCT id) FROM held').raw().get();
        expect(inSqlite()).toEqual([0, 0]);
        const inMongod = async (): Promise<number> =>
          (await mongod.command('shop', { count: 'held' }))['n'] as number;

        const id = await user.start(project, pipeline.id);
        await waitFor(async () => (await inMongod()) > 0, { what: 'documents to be written', everyMs: 2 });
        await mongod.command('admin', { fsync: 1, lock: true });
        const waiting = `SELECT 1 FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'`;
        await waitFor(async () => (await mariadb.query(waiting)).length > 0, { what: 'rows to be written' });
        await waitFor(() => existsSync(join(tauro.files, 'held.db-journal')), {
          what: 'SQLite to be written',
        });
        await tauro.workers.at(-1)!.kill();
        expect(await mariadb.query('SELECT count(*) AS n FROM held')).toEqual([{ n: 0 }]);
        expect(inSqlite()).toEqual([0, 0]);
        expect(await inMongod()).toBeLessThan(rows);

        await mongod.command('admin', { fsyncUnlock: 1 });
        await session.query('ROLLBACK');
        sqlite.exec('ROLLBACK');
        await tauro.addWorker();
        expect((await user.ended(id)).state).toBe('SUCCESS');
        const tasks = await user.tasks(id);
        // More than two where a slow machine outlasts the patience with a lock.
        for (const one of ['mysql', 'mongodb', 'sqlite'])
          expect(tasks[one].attempts.length).toBeGreaterThanOrEqual(2);
        expect(await mariadb.query('SELECT count(*) AS n FROM held')).toEqual([{ n: rows }]);
        expect(inSqlite()).toEqual([rows, rows]);
        expect(await inMongod()).toBe(rows);
        const group = [{ $group: { _id: '$id' } }, { $count: 'n' }];
        const found = await mongod.command('shop', { aggregate: 'held', pipeline: group, cursor: {} });
        expect(found['cursor'].firstBatch).toEqual([{ n: rows }]);
        expect(await placesWith(tauro, [mariadb.password, mongod.password])).toEqual([]);
      } finally {
        sqlite.close();
        session.destroy();
        await Promise.all([mariadb.stop(), mongod?.stop()]);
      }
    },
  );
});
