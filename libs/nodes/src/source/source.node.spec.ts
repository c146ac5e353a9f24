import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { type JsonObject } from '@tauro/domain';
import { readTablePreview } from '../tables/preview.js';
import { configFaults } from '../validate.js';
import { NodeHarness } from '../tables/node-harness.js';
import { sourceNode } from './source.node.js';

/* eslint-disable @typescript-eslint/no-explicit-any -- results as the node gives them */

jest.setTimeout(30_000);

let harness: NodeHarness;
const read = (config: JsonObject): Promise<unknown> => harness.run(sourceNode, 'in', config);
const file = (config: JsonObject): Promise<unknown> => read({ source_type: 'file', ...config });
const failure = (config: JsonObject): Promise<string> =>
  file(config).then(
    () => 'no failure',
    (error: Error) => `${(error as Error & { type: string }).type}: ${error.message}`,
  );

beforeAll(async () => (harness = await NodeHarness.create()));
afterAll(() => harness.close());

describe('a file source', () => {
  it('reads CSV as it is written elsewhere: decimal commas, days first, other encodings', async () => {
    await harness.file('iso.csv', Buffer.from('ort;preis;am\nKöln;1.234,5;31.01.2026\n', 'latin1'));
    const options = {
      delimiter: ';',
      encoding: 'latin-1',
      decimal_separator: ',',
      thousands_separator: '.',
      date_format: '%d.%m.%Y',
      columns: { preis: 'DOUBLE' },
    };
    await file({ path: 'iso.csv', options });
    expect(await harness.rows('in')).toEqual([{ ort: 'Köln', preis: 1234.5, am: '2026-01-31' }]);
    await harness.file('wide.csv.gz', gzipSync(Buffer.from('\ufefforte;n\nKöln;2\n', 'utf16le')));
    await file({ path: 'wide.csv.gz', options: { delimiter: ';', encoding: 'utf-16' } });
    expect(await harness.rows('in')).toEqual([{ orte: 'Köln', n: 2 }]);
  });

  it('reads CSV with inferred types, and says what came in', async () => {
    await harness.file('orders.csv', 'id,amount,day,note\n1,2.5,2026-01-31,\n2,3,2026-02-01,"a, b"\n');
    const result = await file({ path: 'orders.csv' });
    expect(result).toMatchObject({ output: { rows: 2, columns: expect.any(Array) }, rows: 2 });
    expect(harness.columns('in')).toEqual([
      { name: 'id', type: 'BIGINT' },
      { name: 'amount', type: 'DOUBLE' },
      { name: 'day', type: 'DATE' },
      { name: 'note', type: 'VARCHAR' },
    ]);
    expect(await harness.rows('in')).toEqual([
      { id: 1, amount: 2.5, day: '2026-01-31', note: null },
      { id: 2, amount: 3, day: '2026-02-01', note: 'a, b' },
    ]);
    expect(harness.logs.at(-1)).toBe('INFO read 2 rows from orders.csv');
  });

  it('obeys every CSV option', async () => {
    await harness.file('odd.txt', "junk\n'x;1';NA\n");
    await file({
      path: 'odd.txt',
      format: 'csv',
      options: {
        delimiter: ';',
        quote: "'",
        header: false,
        skip_lines: 1,
        null_values: ['NA', 'n/a'],
        columns: { code: 'VARCHAR', n: 'INTEGER' },
      },
    });
    expect(await harness.rows('in')).toEqual([{ code: 'x;1', n: null }]);
    await harness.file('latin.csv', Buffer.from('name\nJos\xe9\n', 'latin1'));
    await file({ path: 'latin.csv', options: { encoding: 'latin-1' } });
    expect(await harness.rows('in')).toEqual([{ name: 'José' }]);
    await harness.file('typed.csv', 'id,code\n1,007\n');
    await file({ path: 'typed.csv', options: { columns: { code: 'VARCHAR' } } });
    expect(await harness.rows('in')).toEqual([{ id: 1, code: '007' }]);
    await harness.file('tabs.tsv', 'a\tb\n1\t2\n');
    await file({ path: 'tabs.tsv' });
    expect(await harness.rows('in')).toEqual([{ a: 1, b: 2 }]);
  });

  it('reads JSON, NDJSON, Parquet and compressed files by their endings', async () => {
    await harness.file('a.json', '[{"a": 1, "deep": {"x": [1, 2]}}, {"a": 2}]');
    await file({ path: 'a.json' });
    expect(await harness.rows('in')).toEqual([
      { a: 1, deep: { x: [1, 2] } },
      { a: 2, deep: null },
    ]);
    await harness.file('a.ndjson', '{"a": 1}\n{"a": 2}\n');
    await file({ path: 'a.ndjson' });
    expect(await harness.rows('in')).toEqual([{ a: 1 }, { a: 2 }]);
    await harness.file('a.csv.gz', gzipSync('a\n5\n'));
    await file({ path: 'a.csv.gz' });
    expect(await harness.rows('in')).toEqual([{ a: 5 }]);
  });

  it('reads globs, lists and folders as one table, columns by name', async () => {
    await harness.file('many/b.csv', 'b,a\n2,1\n');
    await harness.file('many/a.csv', 'a,b\n3,4\n');
    await harness.file('many/deep/c.csv', 'a\n5\n');
    await harness.file('many/.hidden.csv', 'a\n99\n');
    await harness.file('many/_SUCCESS', '');
    await file({ path: 'many/*.csv' });
    expect(await harness.rows('in')).toEqual([
      { a: 3, b: 4 },
      { a: 1, b: 2 },
    ]);
    await file({ paths: ['many/b.csv', 'many/deep/c.csv'] });
    expect(await harness.rows('in')).toEqual([
      { b: 2, a: 1 },
      { b: null, a: 5 },
    ]);
    await file({ path: 'many', format: 'csv' });
    expect((await harness.rows('in')).map((row) => row['a'])).toEqual([3, 1, 5]);
    await harness.file('report [1].csv', 'a\n7\n');
    await file({ path: 'report [1].csv' });
    expect(await harness.rows('in')).toEqual([{ a: 7 }]);
  });

  it('tells an empty text from null, unless the file quotes its numbers too', async () => {
    await harness.file('empty.csv', 'id,note,n\n1,"",5\n2,,\n');
    await file({ path: 'empty.csv' });
    expect(await harness.rows('in')).toEqual([
      { id: 1, note: '', n: 5 },
      { id: 2, note: null, n: null },
    ]);
    await harness.file('quoted.csv', '"id","note"\n"1",""\n"","b"\n');
    await file({ path: 'quoted.csv' });
    const quoted = [
      { id: 1, note: null },
      { id: null, note: 'b' },
    ];
    expect(await harness.rows('in')).toEqual(quoted);
    // Where the first rows do not show it.
    const many = Array.from({ length: 30_000 }, (_, i) => `"${i}",""`).join('\n');
    await harness.file('quoted.csv', `"id","note"\n${many}\n"","b"\n`);
    await file({ path: 'quoted.csv' });
    expect((await harness.rows('in', 40_000)).slice(-1)).toEqual([{ id: null, note: 'b' }]);
    await harness.file('stated.csv', 'id,note\n1,"NA"\n2,""\n');
    await file({ path: 'stated.csv', options: { null_values: 'NA' } });
    expect((await harness.rows('in')).map((row) => row['note'])).toEqual([null, null]);
  });

  it('takes an empty file with a header as an empty table', async () => {
    await harness.file('head.csv', 'a,b\n');
    await expect(file({ path: 'head.csv' })).resolves.toMatchObject({ output: { rows: 0 } });
    expect(harness.columns('in').map((column) => column.name)).toEqual(['a', 'b']);
  });
});

describe('a bad row', () => {
  const rows = Array.from({ length: 30_000 }, (_, i) => `${i},${i * 2},c${i}`).join('\n');

  it('is told with file, line, column and value', async () => {
    await harness.file('bad.csv', `id,amount,city\n${rows}\n50,abc,x\n`);
    expect(await failure({ path: 'bad.csv' })).toBe(
      'BadRow: bad.csv line 30002, column \'amount\': "abc" is not a BIGINT',
    );
    await harness.file('early.csv', 'id,amount\n1,2\n2,x\n');
    expect(await failure({ path: 'early.csv', options: { columns: { amount: 'INTEGER' } } })).toBe(
      'BadRow: early.csv line 3, column \'amount\': "x" is not a INTEGER',
    );
  });

  it('with too few or too many columns never becomes a table with one column', async () => {
    await harness.file('short.csv', 'id,amount,city\n1,2,x\n51,5\n');
    expect(await failure({ path: 'short.csv' })).toBe(
      'BadRow: short.csv line 3: expected 3 columns, found 2: 51,5',
    );
    await harness.file('long.csv', 'id,amount\n1,2\n1,2,3,4\n');
    expect(await failure({ path: 'long.csv' })).toBe(
      'BadRow: long.csv line 3: expected 2 columns, found more: 1,2,3,4',
    );
    await harness.file('latin.csv', Buffer.from('name,b\nJos\xe9,1\n', 'latin1'));
    expect(await failure({ path: 'latin.csv' })).toMatch(/^BadRow: latin\.csv line 2: .*encoding/);
  });

  it('with a quote that is never closed is told by its line, wherever it stands', async () => {
    await harness.file('quote.csv', 'a,b\n1,"x\n2,y\n3,z\n');
    expect(await failure({ path: 'quote.csv' })).toBe(
      `BadRow: quote.csv line 2, column 'b': a quote is not closed: 1,"x (it takes 2 lines after it along)`,
    );
    await harness.file('stray.csv', 'a;b\n1;2\n3;"x"y\n');
    expect(await failure({ path: 'stray.csv', options: { delimiter: ';' } })).toBe(
      `BadRow: stray.csv line 3, column 'b': a quote is not closed: 3;"x"y`,
    );
    await harness.file('late.csv', `id,amount,city\n${rows}\n7,8,"open\n8,9,c\n`);
    expect(await failure({ path: 'late.csv' })).toMatch(
      /^BadRow: late\.csv line 30002, column 'city': a quote/,
    );
    await harness.file('header.csv', 'a,"b\n1,2\n');
    expect(await failure({ path: 'header.csv' })).toBe('BadRow: header.csv line 1: a quote is not closed');
    await harness.file('among/1.csv', 'a,b\n1,2\n');
    await harness.file('among/2.csv', 'b,a\n1,"2\n');
    expect(await failure({ path: 'among/*.csv' })).toMatch(/^BadRow: among\/2\.csv line 2, column 'a'/);
    await harness.file('bare.csv.gz', gzipSync('1,2\n3,"4\n'));
    expect(await failure({ path: 'bare.csv.gz', options: { header: false } })).toMatch(
      /^BadRow: bare\.csv\.gz line 2, column 'column1': a quote is not closed/,
    );
  });

  it('with a stray quote is skipped like any other, and the types stay those of the good rows', async () => {
    await harness.file('skip/a.csv', 'id,day,name\n1,2026-01-31,x\n2,2026-02-01,"y"z\n3,2026-02-02,w\n');
    await harness.file('skip/b.csv', 'name,id\nv,4\n');
    await file({ path: 'skip/*.csv', options: { bad_rows: 'skip' } });
    expect(await harness.rows('in')).toEqual([
      { id: 1, day: '2026-01-31', name: 'x' },
      { id: 3, day: '2026-02-02', name: 'w' },
      { id: 4, day: null, name: 'v' },
    ]);
    expect(harness.columns('in').map(({ type }) => type)).toEqual(['BIGINT', 'DATE', 'VARCHAR']);
    expect(harness.logs.at(-2)).toBe(
      `WARNING skipped 1 bad row(s): skip/a.csv line 3, column 'name': a quote is not closed: 2,2026-02-01,"y"z`,
    );
    await harness.file('open.csv', 'a,b\n1,2\n3,"x\n5,6\n');
    await file({ path: 'open.csv', options: { bad_rows: 'skip', columns: { a: 'INTEGER' } } });
    expect(await harness.rows('in')).toEqual([{ a: 1, b: 2 }]);
    expect(harness.columns('in')[0]).toEqual({ name: 'a', type: 'INTEGER' });
    expect(harness.logs.at(-2)).toContain('it takes 1 line after it along');
  });

  it('is left out and counted when asked to', async () => {
    await harness.file('skip.csv', `id,amount,city\n${rows}\n50,abc,x\n51,5\n`);
    await expect(file({ path: 'skip.csv', options: { bad_rows: 'skip' } })).resolves.toMatchObject({
      rows: 30_000,
    });
    expect(harness.logs.at(-2)).toBe(
      'WARNING skipped 2 bad row(s): skip.csv line 30002, column \'amount\': "abc" is not a BIGINT; ' +
        'skip.csv line 30003: expected 3 columns, found 2: 51,5',
    );
  });

  it('is kept apart with place, reason and text when asked to', async () => {
    const many = Array.from({ length: 1500 }, (_, i) => `x${i},1`).join('\n');
    await harness.file('reject/a.csv', `id,n\n1,1\n2,"a"b\n3\n${many}\n`);
    await harness.file('reject/b.csv', 'id,n\n4,4\n5,5,5\n');
    const columns = { id: 'INTEGER', n: 'VARCHAR' };
    const made: any = await file({ path: 'reject/*.csv', options: { bad_rows: 'reject', columns } });
    expect(made.output).toMatchObject({ rows: 2, quarantined: 1503 });
    const { rows } = await readTablePreview(harness.artifacts.path(made.quarantine.artifact), {
      limit: 2000,
    });
    expect(rows).toHaveLength(1503);
    expect(rows.slice(0, 3)).toEqual([
      { file: 'reject/a.csv', line: 3, column: 'n', reason: 'a quote is not closed: 2,"a"b', text: '2,"a"b' },
      { file: 'reject/a.csv', line: 4, column: 'n', reason: 'expected 2 columns, found 1: 3', text: '3' },
      { file: 'reject/a.csv', line: 5, column: 'id', reason: '"x0" is not a INTEGER', text: 'x0,1' },
    ]);
    expect(rows.at(-1)).toMatchObject({ file: 'reject/b.csv', line: 3, text: '5,5,5' });
    expect(harness.logs.at(-1)).toMatch(/^WARNING rejected 1,503 bad rows/);
    await expect(file({ path: 'orders.csv', options: { bad_rows: 'reject' } })).resolves.not.toHaveProperty(
      'quarantine',
    );
  });

  it('in JSON names the line, and what is no Parquet file says so', async () => {
    const cases: [string, string, string][] = [
      ['bad.ndjson', '{"a": 1}\n{"a": 2\n{"a": 3}\n', 'bad.ndjson line 2: unexpected character'],
      ['cut.ndjson', `${'{"a": 1}\n'.repeat(30_000)}{"a":`, 'cut.ndjson line 30001: unexpected end of data'],
      ['bad.json', '[{"a": 1},\n{"a": }]', 'bad.json record 2: unexpected character'],
      ['text.json', 'hello', 'text.json record 1: unexpected character'],
    ];
    for (const [path, content, message] of cases) {
      await harness.file(path, content);
      expect(await failure({ path })).toBe(`BadRow: ${message}`);
    }
    await harness.file('typed.json', '[{"a": 1},\n{"a": "x"}]');
    expect(await failure({ path: 'typed.json', options: { columns: { a: 'INTEGER' } } })).toBe(
      'BadRow: typed.json record 2: Failed to cast value to numerical: "x"',
    );
    await harness.file('bad.parquet', 'this is not a Parquet file');
    expect(await failure({ path: 'bad.parquet' })).toBe('BadFile: bad.parquet is not a Parquet file');
  });
});

describe('a path', () => {
  it('of a folder is told by the files in it, and what is missing is said', async () => {
    await harness.file('plain/a.csv', 'a\n1\n');
    await harness.file('plain/deep/b.csv', 'a\n2\n');
    await harness.file('plain/README.md', 'not data');
    await file({ path: 'plain' });
    expect(await harness.rows('in')).toEqual([{ a: 1 }, { a: 2 }]);
    await harness.file('mixed/a.csv', 'a\n1\n');
    await harness.file('mixed/b.ndjson', '{"a": 1}\n');
    expect(await failure({ path: 'mixed' })).toBe(
      "UnknownFormat: the files have different formats: csv, ndjson; set format, or name those of one format, such as '*.csv'",
    );
    await harness.file('notes/a.txt', 'a\n1\n');
    expect(await failure({ path: 'notes' })).toMatch(
      /^FileNotFound: 'notes' is a folder without a file that ends in \.csv, .*; set format, or name its files with a glob such as 'notes\/\*\.csv'$/,
    );
    expect(await failure({ path: 'notes', format: 'csv' })).toMatch(
      /^FileNotFound: 'notes' is a folder without/,
    );
    expect(await failure({ path: 'notes/*.txt' })).toMatch(
      /^UnknownFormat: the format of 'notes\/a\.txt' is unclear/,
    );
  });

  it('through a link to nothing is judged by where the link points', async () => {
    const { workingDirectory } = harness.settings;
    const dangling = async (name: string, target: string): Promise<void> => {
      await mkdir(join(workingDirectory, 'dangling'), { recursive: true });
      await symlink(target, join(workingDirectory, 'dangling', name));
    };
    await dangling('out.csv', join(harness.root, 'not-there.csv'));
    await dangling('up.csv', '../../not-there.csv');
    await dangling('hop.csv', 'out.csv');
    await dangling('dir', join(harness.root, 'no-folder'));
    for (const path of ['out.csv', 'up.csv', 'hop.csv', 'dir/a.csv', 'dir/*.csv']) {
      expect([path, await failure({ path: `dangling/${path}` })]).toEqual([
        path,
        expect.stringMatching(/^PathNotAllowed: .*DATA_ROOTS/),
      ]);
    }
    expect(await failure({ path: 'dangling/o*.csv' })).toMatch(/^(PathNotAllowed|FileNotFound)/);
    await dangling('in.csv', '../inside-but-gone.csv');
    expect(await failure({ path: 'dangling/in.csv' })).toMatch(
      /^FileNotFound: 'dangling\/in\.csv' was not found/,
    );
    expect(await failure({ path: 'dangling/in*.csv' })).toMatch(/^FileNotFound: .*(link|not found)/);
    await dangling('circle.csv', 'circle.csv');
    expect(await failure({ path: 'dangling/circle.csv' })).toMatch(
      /^BadPath: symbolic links lead in a circle/,
    );
  });

  it('that names nothing is told as written and where it was looked for', async () => {
    const where = harness.settings.workingDirectory;
    expect(await failure({ path: 'in/nope.csv' })).toBe(
      `FileNotFound: 'in/nope.csv' was not found (looked for ${where}/in/nope.csv)`,
    );
    expect(await failure({ path: 'in/*.csv' })).toMatch(/^FileNotFound: 'in\/\*\.csv' was not found/);
    expect(await failure({ path: 'https://example.com/a.csv' })).toMatch(/^BadPath: .*is a URL/);
  });

  it('stays inside DATA_ROOTS, whatever it is made of', async () => {
    await writeFile(join(harness.root, 'secret.csv'), 'a\n1\n');
    await mkdir(join(harness.root, 'private'));
    await writeFile(join(harness.root, 'private', 'x.csv'), 'a\n1\n');
    const { workingDirectory } = harness.settings;
    await symlink(join(harness.root, 'secret.csv'), join(workingDirectory, 'link.csv'));
    await symlink(join(harness.root, 'private'), join(workingDirectory, 'linked'));
    await harness.file('linked2/ok.csv', 'a\n1\n');
    await symlink(join(harness.root, 'private', 'x.csv'), join(workingDirectory, 'linked2', 'x.csv'));
    for (const path of [
      '../secret.csv',
      'sub/../../secret.csv',
      join(harness.root, 'secret.csv'),
      '/etc/passwd',
      'link.csv',
      'linked/x.csv',
      'linked/*.csv',
      'linked',
      '../*.csv',
      '/etc/*',
      'linked2/*.csv',
      '*/../../secret.csv',
    ]) {
      expect([path, await failure({ path, format: 'csv' })]).toEqual([
        path,
        expect.stringMatching(/^(PathNotAllowed: .*DATA_ROOTS|FileNotFound)/),
      ]);
    }
    expect(await failure({ path: '/etc/passwd', format: 'csv' })).toBe(
      "PathNotAllowed: '/etc/passwd' is outside the folders that pipelines may use (DATA_ROOTS: .)",
    );
  });

  it('never reaches the tables of runs, even when they lie inside DATA_ROOTS', async () => {
    const inside = await NodeHarness.create();
    inside.settings.dataRoots.push(inside.root);
    await inside.run(sourceNode, 'a', { source_type: 'inline', rows: [{ secret: 1 }] });
    const path = join(inside.artifacts.root, '**/*.parquet');
    await expect(inside.run(sourceNode, 'b', { source_type: 'file', path })).rejects.toThrow(
      'artifact store',
    );
    const { table } = inside.results.get('a') as { table: { artifact: string } };
    const cached = inside.artifacts.cachedTableKey('abcd', 'c1');
    await inside.artifacts.share(table.artifact, cached);
    const kept = { source_type: 'file', path: inside.artifacts.path(cached) };
    await expect(inside.run(sourceNode, 'c', kept)).rejects.toThrow('artifact store');
    await inside.close();
  });
});

describe('an inline source', () => {
  it('infers the types of its rows', async () => {
    await read({
      source_type: 'inline',
      rows: [{ id: 1, day: '2026-01-31', tags: ['a'] }, { id: 2, price: 1.5 }, { id: 9007199254740991 }],
    });
    expect(harness.columns('in')).toEqual([
      { name: 'id', type: 'BIGINT' },
      { name: 'day', type: 'DATE' },
      { name: 'tags', type: 'VARCHAR[]' },
      { name: 'price', type: 'DOUBLE' },
    ]);
    expect((await harness.rows('in'))[2]).toEqual({
      id: 9007199254740991,
      day: null,
      tags: null,
      price: null,
    });
  });

  it('takes declared columns, also without rows', async () => {
    await read({ source_type: 'inline', rows: [], columns: { id: 'INTEGER', at: 'TIMESTAMP' } });
    expect(harness.columns('in')).toEqual([
      { name: 'id', type: 'INTEGER' },
      { name: 'at', type: 'TIMESTAMP' },
    ]);
    await expect(read({ source_type: 'inline', rows: [] })).resolves.toMatchObject({ output: { rows: 0 } });
    await expect(
      read({ source_type: 'inline', rows: [{ id: 'x' }], columns: { id: 'INTEGER' } }),
    ).rejects.toMatchObject({ retryable: false });
  });
});

describe('a config', () => {
  it.each([
    [{ source_type: 'file', path: 'a.csv', options: { delimeter: ';' } }, /delimeter/],
    [{ source_type: 'file', path: 7 }, /path must be a string/],
    [{ source_type: 'tape', bucket: 'b' }, /source_type must be one of 'file', 'inline'/],
    [{ source_type: 'file', path: 'a.csv', format: 'xls' }, /format must be one of/],
    [{ source_type: 'inline' }, /rows is required/],
    [{ source_type: 'inline', rows: [1] }, /rows/],
    [{ source_type: 'file', path: 'a.csv', options: { columns: { a: 'INTEGER) FROM x' } } }, /columns\.a/],
    [{}, /source_type/],
  ])('%j is refused', (config, message) => {
    expect(
      configFaults(sourceNode, config)
        .map((fault) => fault.message)
        .join('; '),
    ).toMatch(message);
  });

  it.each([
    [{ source_type: 'file' }, 'config.path'],
    [{ source_type: 'file', path: 'a', paths: 'b' }, 'config.paths'],
    [{ source_type: 'file', path: 'a.parquet', options: { delimiter: ';' } }, 'config.options.delimiter'],
  ])('%j is refused by the check', async (config, field) => {
    expect(await sourceNode.check!({ id: 'n', type: 'source', config }, [])).toMatchObject([{ field }]);
  });
});
