import { mkdir, readdir, readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { type JsonObject } from '@tauro/domain';
import { type NodeContext } from '../node-kind.js';
import { configFaults } from '../validate.js';
import { NodeHarness } from '../tables/node-harness.js';
import { sourceNode } from '../source/source.node.js';
import { drawTable } from './console-sink.js';
import { sinkNode } from './sink.node.js';

jest.setTimeout(30_000);

let harness: NodeHarness;
const ROWS = [
  { id: 1, kind: 'a', note: 'x, "y"', day: '2026-01-31' },
  { id: 2, kind: 'b', note: null, day: '2026-02-01' },
  { id: 3, kind: 'a', note: 'z', day: '2026-02-02' },
];

beforeEach(async () => {
  harness = await NodeHarness.create();
  await harness.run(sourceNode, 'rows', { source_type: 'inline', rows: ROWS });
  await harness.run(sourceNode, 'fewer', { source_type: 'inline', rows: ROWS.slice(0, 1) });
});
afterEach(() => harness.close());

const write = (
  config: JsonObject,
  after = 'rows',
  extra: Partial<NodeContext> = {},
): Promise<{ output: unknown }> =>
  harness.run(sinkNode, 'out', { destination: 'file', ...config }, { after: [after], ...extra });
const failure = (config: JsonObject, after?: string): Promise<string> =>
  write(config, after).then(
    () => 'no failure',
    (error: Error & { type: string }) => `${error.type}: ${error.message}`,
  );
const data = (path = ''): string => join(harness.settings.workingDirectory, path);
const text = (path: string): Promise<string> => readFile(data(path), 'utf8');
const back = async (path: string, options: JsonObject = {}): Promise<JsonObject[]> => {
  await harness.run(sourceNode, 'back', { source_type: 'file', path, ...options });
  return harness.rows('back');
};

describe('a file sink', () => {
  it('writes what a source reads back, in every format', async () => {
    for (const path of [
      'o.parquet',
      'o.csv',
      'o.json',
      'o.ndjson',
      'deep/er/o.tsv',
      'o.csv.gz',
      'o.ndjson.zst',
    ]) {
      const { output } = await write({ path });
      expect(output).toMatchObject({ rows: 3, path, columns: [{ name: 'id' }, {}, {}, {}] });
      expect(await back(path)).toEqual(ROWS);
    }
    expect(await text('o.csv')).toBe(
      'id,kind,note,day\n1,a,"x, ""y""",2026-01-31\n2,b,,2026-02-01\n3,a,z,2026-02-02\n',
    );
    expect(JSON.parse(await text('o.json'))).toEqual(ROWS);
    expect(gunzipSync(await readFile(data('o.csv.gz'))).toString()).toBe(await text('o.csv'));
    expect(harness.logs.at(-2)).toBe('INFO wrote 3 rows to o.ndjson.zst');
  });

  it('overwrites at once and leaves nothing else behind', async () => {
    await write({ path: 'out/o.csv' });
    await write({ path: 'out/o.csv' }, 'fewer');
    expect(await back('out/o.csv')).toHaveLength(1);
    expect(await readdir(data('out'))).toEqual(['o.csv']);
  });

  it('with write_mode error leaves what is there alone', async () => {
    await write({ path: 'o.csv', write_mode: 'error' });
    expect(await failure({ path: 'o.csv', write_mode: 'error' }, 'fewer')).toBe(
      "TargetExists: 'o.csv' exists already, and write_mode is error",
    );
    expect(await back('o.csv')).toHaveLength(3);
  });

  it('appends a file per run and node, and repeats an attempt without doubling its rows', async () => {
    const config = { path: 'log', format: 'csv', write_mode: 'append' };
    await write(config);
    await write(config);
    expect(await readdir(data('log'))).toEqual(['part-run_1-out.csv']);
    const run = {
      id: 'run_2',
      project_id: '',
      pipeline_id: '',
      pipeline_name: '',
      created_at: '',
      state: 'RUNNING' as const,
      error: null,
    };
    await write(config, 'fewer', { run });
    expect(await back('log', { format: 'csv' })).toHaveLength(4);
  });

  it('partitions into folders, and replaces all of them', async () => {
    await write({ path: 'parts', partition_by: ['KIND'] });
    expect(await readdir(data('parts'))).toEqual(['kind=a', 'kind=b']);
    expect((await back('parts')).map((row) => row['kind'])).toEqual(['a', 'a', 'b']);
    await write({ path: 'parts', partition_by: ['kind'] }, 'fewer');
    expect(await readdir(data('parts'))).toEqual(['kind=a']);
    expect(await back('parts')).toEqual([{ id: 1, note: 'x, "y"', day: '2026-01-31', kind: 'a' }]);
    expect((await readdir(data())).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it.each(['log.csv', 'log.ndjson', 'log.csv.gz'])('appends rows to the file %s', async (path) => {
    await write({ path, write_mode: 'append' });
    await write({ path, write_mode: 'append' }, 'fewer');
    expect(await back(path)).toHaveLength(4);
    expect((await readdir(data())).sort()).toEqual([path]);
  });

  it('appends to a file that somebody began by hand, and not under other columns', async () => {
    await harness.file('log.csv', 'id,kind,note,day\n9,z,by hand,2026-01-01');
    await write({ path: 'log.csv', write_mode: 'append' }, 'fewer');
    expect((await back('log.csv')).map((row) => row['id'])).toEqual([9, 1]);
    await harness.file('other.csv', 'a,b\n1,2\n');
    expect(await failure({ path: 'other.csv', write_mode: 'append' })).toMatch(
      /^ColumnMismatch: 'other\.csv' has the columns a, b, but id, /,
    );
  });

  it('appends to partitions', async () => {
    const config = { path: 'parts', partition_by: ['kind'], write_mode: 'append', format: 'csv' };
    await write(config);
    await write(config);
    expect(await back('parts', { format: 'csv' })).toHaveLength(3);
    await write(config, 'fewer', { task: { id: 't', node_id: 'other', attempt: 1, claim_id: 'c' } });
    expect(await back('parts', { format: 'csv' })).toHaveLength(4);
  });

  it('publishes nothing after its claim is lost', async () => {
    const stop = new AbortController();
    const log = (): void => undefined;
    stop.abort(new Error('lease lost'));
    await expect(write({ path: 'o.csv' }, 'rows', { signal: stop.signal, log })).rejects.toThrow(
      'lease lost',
    );
    expect(await readdir(data())).toEqual([]);
  });

  it('clears away what a dead attempt of the same task left', async () => {
    await mkdir(data('.o.csv.task_out.dead-claim.tmp'));
    await mkdir(data('.o.csv.task_other.live-claim.tmp'));
    await write({ path: 'o.csv' });
    expect((await readdir(data())).sort()).toEqual(['.o.csv.task_other.live-claim.tmp', 'o.csv']);
  });
});

describe('a path through a link', () => {
  it('is refused where the link leaves the roots, even when nothing is there yet', async () => {
    const own = await NodeHarness.create();
    await own.table('rows', [{ id: 1, kind: 'a' }]);
    const at = (path: string): string => join(own.settings.workingDirectory, path);
    const outside = join(own.root, 'outside');
    await symlink(join(outside, 'o.csv'), at('file.csv'));
    await symlink(outside, at('folder'));
    await mkdir(at('log'));
    await symlink(outside, at('log/kind=a'));
    const write = (config: JsonObject): Promise<string> =>
      own.failure(own.run(sinkNode, 'out', { destination: 'file', ...config }, { after: ['rows'] }));
    const refused = /^PathNotAllowed: .*DATA_ROOTS/;
    for (const write_mode of ['overwrite', 'append', 'error']) {
      expect(await write({ path: 'file.csv', write_mode })).toMatch(refused);
      expect(await write({ path: 'folder/new/o.csv', write_mode })).toMatch(refused);
    }
    await mkdir(outside);
    expect(await write({ path: 'folder/o.csv' })).toMatch(refused);
    const partitions = { path: 'log', write_mode: 'append', partition_by: ['kind'], format: 'csv' };
    expect(await write(partitions)).toMatch(refused);
    expect(await readdir(outside)).toEqual([]);
    await symlink('later.csv', at('inside.csv'));
    expect(await write({ path: 'inside.csv' })).toBe('no failure');
    expect(await readFile(at('later.csv'), 'utf8')).toBe('id,kind\n1,a\n');
    await own.close();
  });
});

describe('a CSV file', () => {
  it('is read back by a source as it was: empty texts, nulls, quotes and line ends', async () => {
    const rows = [
      { id: 1, text: '', n: null },
      { id: 2, text: null, n: 1.5 },
      { id: 3, text: ' a, "b"\nc ', n: 2 },
      { id: 4, text: 'NULL', n: 3 },
    ];
    await harness.table('odd', rows);
    await harness.run(sinkNode, 'out', { destination: 'file', path: 'odd.csv' }, { after: ['odd'] });
    await harness.run(sourceNode, 'back', { source_type: 'file', path: 'odd.csv' });
    expect(await harness.rows('back')).toEqual(rows);
    await harness.table('one', [{ text: '' }, { text: null }, { text: 'x' }]);
    await harness.run(sinkNode, 'out', { destination: 'file', path: 'one.tsv' }, { after: ['one'] });
    await harness.run(sourceNode, 'back', { source_type: 'file', path: 'one.tsv' });
    expect((await harness.rows('back')).map(({ text }) => text)).toEqual(['', null, 'x']);
  });
});

describe('a path that cannot be', () => {
  it('is told with the reason', async () => {
    await harness.file('file', 'x');
    await mkdir(data('folder.csv'));
    await symlink(harness.root, data('link'));
    const cases: [JsonObject, RegExp][] = [
      [{ path: '../o.csv' }, /^PathNotAllowed: '\.\.\/o\.csv' is outside .*DATA_ROOTS/],
      [{ path: '/tmp/o.csv' }, /^PathNotAllowed/],
      [{ path: 'link/o.csv' }, /^PathNotAllowed/],
      [{ path: 'new/../../o.csv' }, /^PathNotAllowed/],
      [{ path: 'o.docx' }, /^UnknownFormat: the format of 'o\.docx' is unclear; set format/],
      [{ path: 'folder.csv' }, /^BadPath: 'folder\.csv' is a folder, but a file is to be written/],
      [{ path: 'file', write_mode: 'append' }, /^BadPath: 'file' is a file, but a folder/],
      [{ path: 'o.parquet', write_mode: 'append' }, /^InvalidConfig: 'o\.parquet' would be a folder/],
      [{ path: 'file/o.csv' }, /^WriteFailed: 'file\/o\.csv': a part of the path is a file/],
      [
        { path: 'o', partition_by: ['nope'] },
        /^ColumnNotFound: partition_by: column 'nope' does not exist \(columns: id, /,
      ],
      [{ path: 'o', partition_by: ['id', 'kind', 'note', 'day'] }, /^InvalidConfig: partition_by/],
    ];
    for (const [config, message] of cases) expect(await failure(config)).toMatch(message);
    expect((await readdir(data())).sort()).toEqual(['file', 'folder.csv', 'link']);
    expect(await readdir(harness.root)).not.toContain('o.csv');
  });
});

describe('a console sink', () => {
  it('draws the first rows into the log and puts them in the output', async () => {
    const { output } = await harness.run(
      sinkNode,
      'out',
      { destination: 'console', limit: 2 },
      { after: ['rows'] },
    );
    expect(output).toMatchObject({ rows: 3, preview: ROWS.slice(0, 2) });
    expect(harness.logs.at(-1)).toBe(
      [
        'INFO first 2 of 3 rows',
        'id | kind | note   | day',
        '---+------+--------+-----------',
        ' 1 | a    | x, "y" | 2026-01-31',
        ' 2 | b    |        | 2026-02-01',
      ].join('\n'),
    );
  });

  it('keeps a preview small, and a drawn cell on its line', async () => {
    const rows = Array.from({ length: 100 }, (_, i) => ({ i, text: 'line\n'.repeat(200) }));
    await harness.run(sourceNode, 'long', { source_type: 'inline', rows });
    const { output } = await harness.run(
      sinkNode,
      'out',
      { destination: 'console', limit: 100 },
      { after: ['long'] },
    );
    expect(JSON.stringify(output).length).toBeLessThan(32_000);
    const columns = [{ name: 'a', type: 'VARCHAR' }];
    expect(drawTable(columns, [{ a: 'x\ny' }, { a: 'z'.repeat(50) }])).toBe(
      `a\n${'-'.repeat(40)}\nx y\n${'z'.repeat(39)}…`,
    );
  });
});

describe('a config', () => {
  it.each<[JsonObject, RegExp]>([
    [{ destination: 'tape', table: 't' }, /destination must be one of 'file', 'console'/],
    [{ destination: 'file' }, /path is required/],
    [{ destination: 'file', path: 'a.csv', write_mode: 'upsert' }, /write_mode must be one of/],
    [{ destination: 'console', path: 'a.csv' }, /path is an unknown key/],
    [{ destination: 'file', path: 'a.csv', partition_by: [] }, /partition_by needs at least 1/],
  ])('%j is refused', (config, message) => {
    expect(
      configFaults(sinkNode, config)
        .map((fault) => fault.message)
        .join('; '),
    ).toMatch(message);
  });

  it('takes one table and no more', async () => {
    const config = { destination: 'console' };
    const check = (...types: string[]): unknown =>
      sinkNode.check!(
        { id: 'n', type: 'sink', config },
        types.map((type, i) => ({ id: `n${i}`, type })),
      );
    expect(check('source')).toEqual([]);
    expect(check('source', 'wait')).toEqual([]);
    expect(check('source', 'processor')).toMatchObject([{ field: 'depends_on' }]);
    expect(check('sink')).toMatchObject([{ field: 'depends_on' }]);
    await expect(harness.run(sinkNode, 'out', config, { after: ['rows', 'fewer'] })).rejects.toThrow(
      'one table',
    );
  });

  it('with append wants a folder, or a file that grows by lines', () => {
    const config = { destination: 'file', path: 'a.parquet', write_mode: 'append' };
    const faults = sinkNode.check!({ id: 'n', type: 'sink', config }, [{ id: 'a', type: 'source' }]);
    expect(faults).toMatchObject([{ field: 'config.path', message: expect.stringContaining('folder') }]);
  });
});
