import { type Migration, Migrator } from '@tauro/database';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import mongoose, { type Connection } from 'mongoose';
import { join } from 'node:path';
import { ROOT, ServerProcess } from '../support/server-process.js';
import { waitFor } from '../support/wait-for.js';

const LEASE_MS = 900;

describe('migrations', () => {
  let connection: Connection;
  let name: string;

  beforeEach(async () => {
    name = `tauro_test_${randomBytes(5).toString('hex')}`;
    connection = await connect();
  });
  afterEach(async () => {
    await connection.dropDatabase();
    await connection.close();
  });

  const connect = (): Promise<Connection> =>
    mongoose
      .createConnection(process.env.TEST_MONGODB_URL!, { dbName: name, autoIndex: false, autoCreate: false })
      .asPromise();

  const environment = (): Record<string, string> => ({
    MONGODB_URL: process.env.TEST_MONGODB_URL!,
    MONGODB_DATABASE: name,
    REDIS_URL: process.env.TEST_REDIS_URL!,
    QUEUE_PREFIX: name,
    PORT: '0',
    LOG_FILE: 'none',
    PIPELINES_PATH: join(ROOT, 'examples/pipelines'),
  });

  /** What `npm run migrate -- ...` runs. */
  async function cli(...args: string[]): Promise<{ code: number; output: string }> {
    const child = spawn(process.execPath, [join(ROOT, 'dist/apps/cli/src/main.js'), 'migrate', ...args], {
      env: { PATH: process.env.PATH, ...environment() },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += String(text)));
    const [code] = await once(child, 'close');
    return { code: code as number, output };
  }

  const indexesOf = async (collection: string): Promise<string[]> =>
    (await connection.db!.collection(collection).indexes()).map((index) => index.name!);

  it('come and go by the command line, and say whether everything is applied', async () => {
    const before = await cli('status');
    expect(before).toMatchObject({ code: 1, output: expect.stringMatching(/001_collections +PENDING/) });

    expect(await cli('up')).toMatchObject({
      code: 0,
      output: expect.stringContaining('applied 002_indexes'),
    });
    expect(await cli('status')).toMatchObject({ code: 0, output: expect.not.stringContaining('PENDING') });
    expect((await cli('up')).output).toContain('nothing to apply');
    expect(await indexesOf('projects')).toEqual(
      expect.arrayContaining(['name_key_1', 'created_at_-1__id_-1']),
    );

    await connection.db!.collection<{ _id: string }>('projects').insertOne({ _id: 'proj_kept' });
    const down = await cli('down', '--to', '001');
    expect(down.output).toContain('rolled back 002_indexes');
    expect(down.output).not.toContain('001');
    expect(await indexesOf('projects')).toEqual(['_id_', 'name_key_1']);

    expect((await cli('down')).output).toContain('rolled back 001_collections');
    expect((await cli('down')).output).toContain('nothing to roll back');
    // What is stored stays.
    expect(await connection.db!.collection('projects').countDocuments()).toBe(1);
    expect((await cli('status')).code).toBe(1);
    const written = await connection.db!.collection('audit').find().sort({ _id: 1 }).toArray();
    const [up, , back] = written;
    expect(written.map(({ action }) => action.split(' ')[1]).join()).toBe('up,up,down,down,down');
    expect([up, back]).toEqual(
      ['up', 'down'].map((word) =>
        expect.objectContaining({ action: `migrate ${word}`, actor_kind: 'cli', outcome: 'SUCCESS' }),
      ),
    );
  });

  it.each([
    ['a command that is none', ['upwards'], 'Usage'],
    ['no command', [], 'Usage'],
    ['an option that is none', ['up', '--all'], 'Usage'],
    ['a number that is none', ['down', '--to', 'one'], '--to must be the number'],
    ['a number that no migration has', ['down', '--to', '987'], 'there is no migration 987'],
    ['a name that is none', ['create', 'Add Roles'], 'add_user_roles'],
  ])('refuse %s', async (_, args, reason) => {
    expect(await cli(...args)).toMatchObject({ code: 1, output: expect.stringContaining(reason) });
  });

  it('are applied at start, by one of all that start', async () => {
    const servers = [1, 2].map(
      (n) => new ServerProcess(`api ${n}`, 'apps/api/src/main.js', environment(), ROOT),
    );
    const logs = (): string => servers.map((one) => one.logs()).join('\n');
    try {
      await waitFor(() => logs().split('listening on').length === 3, { what: 'two APIs to listen' });
    } finally {
      await Promise.all(servers.map((one) => one.stop()));
    }
    expect(logs().split('applied 001_collections')).toHaveLength(2);
    expect(logs().split('applied 002_indexes')).toHaveLength(2);
  });

  it('are asked for at start where they must not be applied by themselves', async () => {
    const env = { ...environment(), MIGRATE_ON_START: 'false' };
    for (const app of ['api', 'worker']) {
      const server = new ServerProcess(app, `apps/${app}/src/main.js`, env, ROOT);
      await server.exited;
      expect(server.logs()).toContain('Run npm run migrate -- up');
    }
    expect(await connection.db!.listCollections().toArray()).toEqual([]);
  });

  it('of a newer version keep this one from serving, and from changing anything', async () => {
    await cli('up');
    const applied = { name: 'add_user_roles', state: 'APPLIED', finished_at: new Date() };
    await connection.db!.collection<{ _id: number }>('migrations').insertOne({ _id: 903, ...applied });
    for (const app of ['api', 'worker']) {
      const server = new ServerProcess(app, `apps/${app}/src/main.js`, environment(), ROOT);
      await server.exited;
      expect(server.logs()).toContain('903_add_user_roles, which this version of Tauro does not know');
      expect(server.logs()).toContain('npm run migrate -- down --to 902');
    }
    expect(await cli('status')).toMatchObject({ code: 1, output: expect.stringMatching(/903_.+UNKNOWN/) });
    for (const command of ['up', 'down']) {
      expect(await cli(command)).toMatchObject({ code: 1, output: expect.stringContaining('does not know') });
    }
  });

  describe('of any sort', () => {
    const said: string[] = [];
    const migrator = (migrations: Migration[], on = connection): Migrator =>
      new Migrator(on, { say: (line) => said.push(line), migrations, leaseMs: LEASE_MS });
    const migration = (
      number: number,
      up: Migration['up'],
      down: Migration['down'] = async () => {},
    ): Migration => ({
      number,
      name: `step_${number}`,
      up,
      down,
    });
    const states = async (one: Migrator): Promise<string[]> => (await one.status()).map(({ state }) => state);

    it('that fail do not count as applied, stop those after them, and are done again', async () => {
      let broken = true;
      const done: number[] = [];
      const all = migrator([
        migration(1, async () => void done.push(1)),
        migration(2, async () => {
          if (broken) throw new Error('no room on the disk');
          done.push(2);
        }),
        migration(3, async () => void done.push(3)),
      ]);
      await expect(all.up()).rejects.toThrow('002_step_2 failed: no room on the disk');
      expect(await all.status()).toMatchObject([
        { state: 'APPLIED', error: null },
        { state: 'FAILED', error: 'no room on the disk' },
        { state: 'PENDING' },
      ]);
      broken = false;
      expect(await all.up()).toBe(2);
      expect(done).toEqual([1, 2, 3]);
      expect(await all.status()).toMatchObject(Array(3).fill({ state: 'APPLIED', error: null }));
    });

    it('happen once, however many ask at once', async () => {
      let inside = 0;
      let times = 0;
      const steps = [1, 2].map((number) =>
        migration(number, async () => {
          expect(++inside).toBe(1);
          times++;
          await connection.db!.command({ ping: 1 });
          inside--;
        }),
      );
      const applied = await Promise.all([1, 2, 3, 4].map(() => migrator(steps).up()));
      expect(applied.sort()).toEqual([0, 0, 0, 2]);
      expect(times).toBe(2);
    });

    it('outlive the lease while their process lives', async () => {
      const slow = migrator([
        migration(1, async () => {
          const over = Date.now() + 3 * LEASE_MS;
          await waitFor(() => Date.now() > over, { what: 'three leases to pass' });
        }),
      ]);
      said.length = 0;
      const first = slow.up();
      await waitFor(async () => (await states(slow))[0] === 'APPLYING', { what: 'the migration to begin' });
      const second = slow.up();
      expect([await first, await second]).toEqual([1, 0]);
      expect(said).toContainEqual(expect.stringContaining('is changing the schema; waiting for it'));
    });

    it('are taken over from a process that died, whose late word does not count', async () => {
      const other = await connect();
      let release = (): void => undefined;
      const stuck = new Promise<void>((resolve) => (release = resolve));
      const hung = migrator([migration(1, () => stuck)], other);
      const late = hung.up();
      await waitFor(async () => (await states(hung))[0] === 'APPLYING', { what: 'the migration to begin' });
      const locks = connection.db!.collection('migration_locks');
      const holder = await locks.findOne({});

      let ran = 0;
      const heir = migrator([migration(1, async () => void ran++)]);
      let ended = false;
      const taken = heir.up().finally(() => (ended = true));
      // As if its process had been stopped: the lease runs out, again should a last renewal come after it.
      await waitFor(
        async () => {
          await locks.updateOne({ owner: holder!.owner }, { $set: { lease_until: new Date(0) } });
          return ended;
        },
        { what: 'the other one to take over' },
      );
      expect(await taken).toBe(1);
      expect(ran).toBe(1);
      release();
      await expect(late).rejects.toThrow('another process has taken over');
      expect(await states(heir)).toEqual(['APPLIED']);
      await other.close();
    });

    it('go back in the order opposite to that in which they came', async () => {
      const done: string[] = [];
      const all = migrator(
        [1, 2, 3].map((n) =>
          migration(
            n,
            async () => void done.push(`up ${n}`),
            async () => void done.push(`down ${n}`),
          ),
        ),
      );
      await all.up();
      expect(await all.down(1)).toBe(2);
      expect(await all.down()).toBe(1);
      expect(done).toEqual(['up 1', 'up 2', 'up 3', 'down 3', 'down 2', 'down 1']);
      expect(await all.up(2)).toBe(2);
      expect(await states(all)).toEqual(['APPLIED', 'APPLIED', 'PENDING']);
    });
  });
});
