import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { type JsonObject } from '@tauro/domain';
import { CONNECTION_KINDS, type OpenConnection } from '@tauro/nodes';
import { sinkNode } from '../../libs/nodes/src/sink/sink.node.js';
import { sourceNode } from '../../libs/nodes/src/source/source.node.js';
import { NodeHarness } from '../../libs/nodes/src/tables/node-harness.js';
import { hasSftp, SftpServer } from '../support/sftp.js';
import { freePort } from '../support/tauro.js';

if (!hasSftp()) process.stderr.write('sftp: skipped, because no sftp-server of OpenSSH is installed\n');
const withSftp = hasSftp() ? describe : describe.skip;

withSftp('a server of files', () => {
  let server: SftpServer;
  let harness: NodeHarness;
  beforeAll(async () => {
    server = await SftpServer.start();
    harness = await NodeHarness.create({ egressAllowPrivate: true });
  });
  afterAll(async () => {
    await harness?.close();
    await server?.stop();
  });

  const through = (
    config: JsonObject = {},
    secret: Record<string, string> = { password: server.password },
  ): { connection: OpenConnection } => ({
    connection: { id: 'conn_1', name: 'box', kind: 'sftp', config: { ...server.config, ...config }, secret },
  });
  const put = (path: string, content: string | Buffer): void => {
    mkdirSync(join(server.directory, path, '..'), { recursive: true });
    writeFileSync(join(server.directory, path), content);
  };
  const get = (path: string): Buffer => readFileSync(join(server.directory, path));
  const read = (config: JsonObject, connection = through()): Promise<unknown> =>
    harness.run(sourceNode, 'in', { source_type: 'sftp', ...config }, connection);
  const write = (config: JsonObject, connection: object = through()): Promise<unknown> =>
    harness.run(sinkNode, 'out', { destination: 'sftp', ...config }, { after: ['in'], ...connection });
  const ids = async (): Promise<unknown[]> => (await harness.rows('in')).map(({ id }) => id);
  const failure = (work: Promise<unknown>): Promise<string> => harness.failure(work);

  it('is read by file, by folder and by glob, as one table', async () => {
    put('raw/2025-01/a.csv', 'id,n\n1,10\n');
    put('raw/2025-02/b.csv.gz', gzipSync('n,id\n20,2\n'));
    put('raw/.hidden/c.csv', 'id,n\n9,9\n');
    put('raw/notes.txt', 'not data');
    symlinkSync(join(server.directory, 'raw/2025-01/a.csv'), join(server.directory, 'raw/linked.csv'));
    await read({ path: 'raw' });
    expect(await ids()).toEqual([1, 2, 1]);
    await read({ path: 'raw/2025-*/*.csv*' });
    expect(await ids()).toEqual([1, 2]);
    await read({ path: join(server.directory, 'raw/2025-01/a.csv') });
    expect(await ids()).toEqual([1]);
    const incremental = { by: 'key' };
    const after = { by: 'key', value: join(server.directory, 'raw/2025-01/a.csv') };
    const made = await harness.run(
      sourceNode,
      'in',
      { source_type: 'sftp', path: 'raw/2025-*/*', incremental },
      { ...through(), mark: after },
    );
    expect([await ids(), made]).toEqual([
      [2],
      expect.objectContaining({ mark: expect.stringMatching(/b\.csv\.gz$/) }),
    ]);
  });

  it('is written whole or not at all, under folders that are made', async () => {
    await harness.table('in', [{ id: 1 }, { id: 2 }]);
    await write({ path: 'out/deep/day.csv.gz' });
    expect(gunzipSync(get('out/deep/day.csv.gz')).toString()).toBe('id\n1\n2\n');
    await harness.table('in', [{ id: 3 }]);
    // What a worker left behind that was killed while it wrote.
    put('out/deep/.day.csv.gz.task_out.dead.tmp', 'half');
    await write({ path: 'out/deep/day.csv.gz' });
    expect(gunzipSync(get('out/deep/day.csv.gz')).toString()).toBe('id\n3\n');
    expect(await failure(write({ path: 'out/deep/day.csv.gz', write_mode: 'error' }))).toMatch(
      /^TargetExists: /,
    );
    await write({ path: 'out/parts/', write_mode: 'append', format: 'ndjson' });
    await write({ path: 'out/parts/', write_mode: 'append', format: 'ndjson' });
    expect(readdirSync(join(server.directory, 'out/parts'))).toEqual(['part-run_1-out.ndjson']);
    server.denied = ['posix-rename'];
    await write({ path: 'out/deep/day.csv.gz' });
    server.denied = [];
    expect(harness.logs.join()).toContain('WARNING the server cannot replace a file at once');
    expect(readdirSync(join(server.directory, 'out/deep'))).toEqual(['day.csv.gz']);
  });

  it('is entered with a password or a key, and only if it is the one that is meant', async () => {
    put('raw/one.csv', 'id\n1\n');
    const path = { path: 'raw/one.csv' };
    await read(path, through({}, { private_key: server.userKey }));
    const before = server.logins;
    const other = `SHA256:${'A'.repeat(43)}`;
    const failing: [{ connection: OpenConnection }, RegExp][] = [
      [through({}, { password: 'wrong' }), /^AuthenticationFailed: connection 'box': the server refuses/],
      [through({ user: 'eve' }), /^AuthenticationFailed: /],
      [
        through({}, { private_key: 'no key' }),
        /^AuthenticationFailed: connection 'box': the private key cannot be read/,
      ],
      [
        through({ host_key: other }),
        /^ConnectionFailed: connection 'box': 127\.0\.0\.1:\d+ shows the key SHA256:/,
      ],
      [through({ port: await freePort() }), /^ConnectionFailed: connection 'box': nothing listens/],
    ];
    for (const [connection, message] of failing) {
      const said = await failure(read(path, connection));
      expect(said).toMatch(message);
      expect(said).not.toContain('wrong');
    }
    expect(server.logins).toBe(before);
    const how = { egressAllowPrivate: true, signal: AbortSignal.timeout(10_000) };
    const test = CONNECTION_KINDS.get('sftp')!;
    expect(await test.test(through().connection, how)).toBe(`SFTP server with ${server.directory}`);
    await expect(test.test(through().connection, { ...how, egressAllowPrivate: false })).rejects.toThrow(
      /private/,
    );
  });

  it('tells what is missing, forbidden or cut off', async () => {
    expect(await failure(read({ path: 'no/such.csv' }))).toBe(
      "FileNotFound: 'no/such.csv': there is no file",
    );
    put('cut.parquet', 'PAR1 and no more');
    expect(await failure(read({ path: 'cut.parquet' }))).toMatch(
      /^BadFile: sftp:\/\/.*cut\.parquet is not a Parquet file/,
    );
    put('bad.csv', 'id\n1\nx\n');
    expect(await failure(read({ path: 'bad.csv', options: { columns: { id: 'INTEGER' } } }))).toMatch(
      /^BadRow: sftp:\/\/127\.0\.0\.1:\d+\/.*bad\.csv line 3, column 'id'/,
    );
    await harness.table('in', [{ id: 1 }]);
    expect(await failure(write({ path: 'raw', format: 'csv' }))).toMatch(/^BadPath: .* is a folder/);
    expect(await failure(write({ path: 'raw/one.csv/below.csv' }))).toMatch(
      /^(WriteFailed|FileNotFound|QueryFailed): connection 'box'/,
    );
    const locked = join(server.directory, 'locked');
    mkdirSync(locked);
    chmodSync(locked, 0o500);
    // Root may write anywhere.
    if (process.getuid?.() !== 0) {
      expect(await failure(write({ path: 'locked/a.csv' }))).toMatch(/^PermissionDenied: connection 'box'/);
    }
  });

  it('leaves nothing half-written when it is stopped, or the connection breaks', async () => {
    await harness.table('in', [{ id: 1 }]);
    put('kept.csv', 'id\n0\n');
    const stop = new AbortController();
    stop.abort(new Error('stopped'));
    await expect(write({ path: 'kept.csv' }, { ...through(), signal: stop.signal })).rejects.toThrow(
      'stopped',
    );
    const big = Buffer.alloc(24 * 1024 * 1024, 'x');
    put('big.csv', big);
    const reading = failure(read({ path: 'big.csv' }));
    const cutting = setInterval(() => server.cut(), 20);
    expect(await reading.finally(() => clearInterval(cutting))).toMatch(
      /^ConnectionFailed: connection 'box'/,
    );
    expect(get('kept.csv').toString()).toBe('id\n0\n');
    expect(existsSync(join(server.directory, 'half'))).toBe(false);
  });
});
