import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { type JsonObject } from '@tauro/domain';
import { type OpenConnection, CONNECTION_KINDS } from '@tauro/nodes';
import { sinkNode } from '../../libs/nodes/src/sink/sink.node.js';
import { sourceNode } from '../../libs/nodes/src/source/source.node.js';
import { NodeHarness } from '../../libs/nodes/src/tables/node-harness.js';
import { S3Server } from '../support/s3.js';

describe('a store that speaks S3', () => {
  let server: S3Server;
  let harness: NodeHarness;
  beforeAll(async () => {
    server = await S3Server.start('lake');
    harness = await NodeHarness.create({ egressAllowPrivate: true });
  });
  afterAll(async () => {
    await harness?.close();
    await server?.stop();
  });

  const lake = (changes: Partial<OpenConnection> = {}): { connection: OpenConnection } => ({
    connection: {
      id: 'conn_1',
      name: 'lake',
      kind: 's3',
      config: { endpoint: server.url, bucket: 'lake' },
      secret: server.keys,
      ...changes,
    },
  });
  const put = (key: string, body: string | Buffer): Promise<void> => server.put('lake', key, body);
  const get = (key: string): Promise<string> => server.get('lake', key);
  const read = (config: JsonObject, through = lake()): Promise<unknown> =>
    harness.run(sourceNode, 'in', { source_type: 's3', ...config }, through);
  const write = (config: JsonObject, through = lake()): Promise<unknown> =>
    harness.run(sinkNode, 'out', { destination: 's3', ...config }, { after: ['in'], ...through });
  const failure = (work: Promise<unknown>): Promise<string> => harness.failure(work);

  it('is read by key, by prefix and by glob, as one table', async () => {
    await put('raw/2025-01/a.csv', 'id,n\n1,10\n');
    await put('raw/2025-01/_SUCCESS', 'done');
    await put('raw/2025-02/b.csv.gz', gzipSync('n,id\n20,2\n'));
    await put('raw/2024-12/c.csv', 'id,n\n3,30\n');
    await put('raw/notes.txt', 'not data');
    await read({ prefix: 'raw/' });
    expect(await harness.rows('in')).toEqual([
      { id: 3, n: 30 },
      { id: 1, n: 10 },
      { id: 2, n: 20 },
    ]);
    await read({ glob: 'raw/2025-*/*.csv*' });
    expect(await harness.rows('in')).toEqual([
      { id: 1, n: 10 },
      { id: 2, n: 20 },
    ]);
    await read({ key: 'raw/2024-12/c.csv', options: { columns: { id: 'VARCHAR' } } });
    expect(await harness.rows('in')).toEqual([{ id: '3', n: 30 }]);
    expect(harness.logs.at(-1)).toBe('INFO read 1 row from s3://lake/raw/2024-12/c.csv');
  });

  it('is read as far as it is new, by key or by time', async () => {
    await put('days/1.csv', 'id\n1\n');
    await put('days/2.csv', 'id\n2\n');
    const next = async (by: string, value: string | null): Promise<unknown> => {
      const config = { source_type: 's3', prefix: 'days/', incremental: { by } };
      const { mark } = (await harness.run(sourceNode, 'in', config, { ...lake(), mark: { by, value } })) as {
        mark?: string;
      };
      return [(await harness.rows('in')).map(({ id }) => id), mark];
    };
    expect(await next('key', null)).toEqual([[1, 2], 'days/2.csv']);
    expect(await next('key', 'days/1.csv')).toEqual([[2], 'days/2.csv']);
    expect(await next('key', 'days/2.csv')).toEqual([[], undefined]);
    expect(harness.columns('in')).toEqual([{ name: 'id', type: 'BIGINT' }]);
    const [all, mark] = (await next('modified', null)) as [number[], string];
    expect([all, mark]).toEqual([[1, 2], expect.stringMatching(/^20\d\d-.*Z days\/2\.csv$/)]);
    await put('days/0.csv', 'id\n3\n');
    // Its time has seconds here, so it is the name that tells the two apart, or the time.
    const [late] = (await next('modified', mark.replace(/Z .*/, ''))) as [number[]];
    expect(late).toContain(3);
  });

  it('says which object is at fault', async () => {
    await put('bad/a.csv', 'id,n\n1,2\n3,x\n');
    expect(await failure(read({ key: 'bad/a.csv', options: { columns: { n: 'INTEGER' } } }))).toBe(
      'BadRow: s3://lake/bad/a.csv line 3, column \'n\': "x" is not a INTEGER',
    );
    expect(await failure(read({ key: 'no/such.csv' }))).toBe(
      "FileNotFound: 's3://lake/no/such.csv': there is no object",
    );
    expect(await failure(read({ prefix: 'raw/notes' }))).toMatch(/there is no object that ends like data/);
    expect(await failure(read({ key: 'a.csv', bucket: 'elsewhere' }))).toMatch(
      /^FileNotFound: connection 'lake': s3:\/\/elsewhere\/a\.csv: NoSuchBucket/,
    );
    const wrong = lake({ secret: { ...server.keys, access_key_id: 'nobody' } });
    expect(await failure(read({ key: 'raw/2024-12/c.csv' }, wrong))).toMatch(
      /^(AuthenticationFailed|PermissionDenied): /,
    );
  });

  it('is written in one piece, in any format', async () => {
    await put('in.csv', 'id,name\n1,x\n2,y\n');
    await read({ key: 'in.csv' });
    await expect(write({ key: 'out/all.csv' })).resolves.toMatchObject({
      output: { rows: 2, path: 's3://lake/out/all.csv' },
    });
    expect(await get('out/all.csv')).toBe('id,name\n1,x\n2,y\n');
    await write({ key: 'out/all.parquet' });
    await read({ key: 'out/all.parquet' });
    expect(await harness.rows('in')).toEqual([
      { id: 1, name: 'x' },
      { id: 2, name: 'y' },
    ]);
    expect(await failure(write({ key: 'out/all.csv', write_mode: 'error' }))).toMatch(/^TargetExists: /);
    await write({ key: 'parts/', write_mode: 'append', format: 'ndjson' });
    await write({ key: 'parts/', write_mode: 'append', format: 'ndjson' });
    await read({ prefix: 'parts/' });
    expect(await harness.rows('in')).toHaveLength(2);
  });

  it('takes more than one part', async () => {
    const rows = Array.from({ length: 200 }, (_, i) => ({
      i,
      noise: randomBytes(60_000).toString('base64'),
    }));
    await harness.table('in', rows);
    await write({ key: 'large.parquet' });
    await read({ key: 'large.parquet' });
    expect(await harness.rows('in')).toHaveLength(200);
  });

  it('is tested by asking for its bucket', async () => {
    const test = (through: { connection: OpenConnection }): Promise<string> =>
      CONNECTION_KINDS.get('s3')!.test(through.connection, {
        egressAllowPrivate: true,
        signal: AbortSignal.timeout(10_000),
      });
    expect(await test(lake())).toBe('S3 bucket lake');
    expect(await test(lake({ config: { endpoint: server.url } }))).toBe('S3 with 1 bucket(s)');
    await expect(test(lake({ config: { endpoint: server.url, bucket: 'nope' } }))).rejects.toThrow(
      's3://nope',
    );
    await expect(
      CONNECTION_KINDS.get('s3')!.test(lake().connection, {
        egressAllowPrivate: false,
        signal: AbortSignal.timeout(10_000),
      }),
    ).rejects.toThrow('private or loopback');
  });
});
