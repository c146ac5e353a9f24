import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type JsonObject } from '@tauro/domain';
import { NodeHarness } from './tables/node-harness.js';
import { processorNode } from './processor/processor.node.js';
import { sinkNode } from './sink/sink.node.js';
import { sourceNode } from './source/source.node.js';

jest.setTimeout(60_000);

/** What a user tries who wants more than the rows of the pipeline. */
describe('a hostile pipeline', () => {
  let harness: NodeHarness;
  const SECRET = 'the-secret-of-the-host';

  beforeAll(async () => {
    harness = await NodeHarness.create();
    await writeFile(join(harness.root, 'secret.csv'), `a\n${SECRET}\n`);
    await mkdir(join(harness.root, 'elsewhere'));
    await harness.file('mine.csv', 'a\n1\n');
    await harness.table('rows', [{ a: 1, kind: '../../elsewhere/x' }]);
  });
  afterAll(() => harness.close());

  const sql = (text: string, params: JsonObject = {}): Promise<string> =>
    harness.failure(harness.run(processorNode, 'out', { sql: text }, { after: ['rows'], params }));
  const read = (path: string): Promise<string> =>
    harness.failure(harness.run(sourceNode, 'in', { source_type: 'file', path, format: 'csv' }));

  describe('by its SQL', () => {
    it.each([
      "SELECT * FROM 'https://example.com/a.parquet'",
      "SELECT * FROM read_csv('https://example.com/a.csv')",
      "SELECT * FROM 's3://bucket/a.parquet'",
      'SELECT * FROM "https://example.com/a.parquet"',
      "SELECT * FROM rows POSITIONAL JOIN 'mine.csv'",
      "SELECT * FROM rows ASOF JOIN 'mine.csv' f ON rows.a >= f.a",
      "SELECT * FROM rows, LATERAL (SELECT * FROM 'mine.csv')",
      "WITH x AS MATERIALIZED (FROM 'mine.csv') SELECT * FROM x",
      "SELECT * FROM (TABLE 'mine.csv')",
      "DESCRIBE 'mine.csv'",
      "SUMMARIZE 'mine.csv'",
      "SELECT * FROM rows GROUP BY (SELECT 1 FROM 'mine.csv')",
      "SELECT * FROM rows QUALIFY (SELECT true FROM 'mine.csv')",
      "SELECT sum(a) OVER w FROM rows WINDOW w AS (PARTITION BY (SELECT 1 FROM 'mine.csv'))",
      "SELECT * FROM (VALUES ((SELECT 1 FROM 'mine.csv')))",
      "SELECT * FROM range((SELECT count(*) FROM 'mine.csv'))",
      "SELECT * FROM rows UNPIVOT (v FOR n IN (a)) JOIN 'mine.csv' ON true",
      "SELECT 'HOME'.getenv()",
      "SELECT main.getenv('HOME')",
      "SELECT system.main.getenv('HOME')",
      'SELECT "getenv"(\'HOME\')',
      "SELECT list_transform(['HOME'], x -> getenv(x))",
      "SELECT list_reduce(['a', 'b'], (x, y) -> getenv(x))",
      "SELECT [getenv(x) FOR x IN ['HOME']]",
      "SELECT CASE WHEN getenv('HOME') = '' THEN 1 END",
      "SELECT sum(a) FILTER (WHERE getenv('HOME') = '') FROM rows",
      "SELECT first(a ORDER BY getenv('HOME')) FROM rows",
      "SELECT * REPLACE (getenv('HOME') AS a) FROM rows",
      "SELECT COLUMNS(c -> getenv('HOME') = '') FROM rows",
      "SELECT * FROM rows LIMIT getenv('HOME')",
      "SELECT list_aggregate([1], 'getenv')",
      "SELECT current_setting('secret_directory')",
      'SELECT current_database()',
      'SELECT version()',
      'SELECT * FROM duckdb_extensions()',
      'SELECT * FROM duckdb_tables()',
      'SELECT * FROM duckdb_columns()',
      'SELECT * FROM duckdb_databases()',
      'SELECT * FROM duckdb_memory()',
      'SELECT * FROM duckdb_logs()',
      'SELECT * FROM pragma_database_size()',
      'SELECT * FROM pg_settings',
      'SELECT * FROM temp.information_schema.tables',
      "SELECT 'rows'::regclass",
      "SELECT * FROM query('FROM duckdb_settings()')",
      "SELECT * FROM query_table(['rows'])",
      "SELECT * FROM sql_auto_complete('SEL')",
      "SELECT * FROM read_duckdb('x.db')",
      "SELECT * FROM read_ndjson_objects('mine.csv')",
      "SELECT * FROM parquet_kv_metadata('x.parquet')",
      "SELECT * FROM parquet_file_metadata('x.parquet')",
      "SELECT * FROM postgres_scan('host=127.0.0.1', 'public', 't')",
      "SELECT * FROM sqlite_scan('x.db', 't')",
      'SELECT * FROM test_all_types()',
      'SELECT * FROM repeat_row(1, num_rows = 5)',
      "SELECT * FROM checkpoint('x')",
      'SELECT * FROM force_checkpoint()',
      'CREATE TEMP MACRO getenv2(x) AS getenv(x)',
      "SELECT 1; COPY rows TO '/tmp/x.csv'",
      'USE memory',
      'BEGIN TRANSACTION',
      'SET VARIABLE x = (SELECT 1)',
      'EXPLAIN SELECT 1',
      'CHECKPOINT',
      'DETACH DATABASE memory',
      'SELECT * INTO x FROM rows',
      'WITH x AS (INSERT INTO rows VALUES (1) RETURNING *) SELECT * FROM x',
    ])('%s', async (text) => {
      const told = await sql(text);
      expect(told).toMatch(/^(SqlRefused|ColumnNotFound|TableError): sql: /);
      expect(told).not.toContain(process.env['HOME'] ?? SECRET);
    });

    it('by a value that a template brings', async () => {
      for (const value of ["'; DROP TABLE rows; --", "1) UNION SELECT getenv('HOME'", '{{ env.HOME }}']) {
        expect(await sql('SELECT {{ params.v }} AS v FROM rows', { v: value })).toBe('no failure');
        expect(await harness.rows('out')).toEqual([{ v: value }]);
      }
      expect(await sql('SELECT * FROM {{ params.t }}', { t: 'duckdb_settings()' })).toMatch(/^SqlRefused/);
    });

    it.each<[string, JsonObject]>([
      ['filter', { where: "getenv('HOME') = ''" }],
      ['derive', { columns: { x: "(SELECT max(a) FROM 'mine.csv')" } }],
      ['derive', { columns: { x: "read_text('/etc/passwd')" } }],
      ['aggregate', { by: ['a'], metrics: { x: "max(getenv('HOME'))" } }],
    ])('by an expression of %s', async (type, options) => {
      const work = harness.run(
        processorNode,
        'out',
        { transformations: [{ type, ...options }] },
        { after: ['rows'] },
      );
      expect(await harness.failure(work)).toMatch(/^(SqlRefused|InvalidConfig): /);
    });

    it('by names and types that are put into a statement', async () => {
      const run = (item: JsonObject, params: JsonObject = {}): Promise<string> =>
        harness.failure(
          harness.run(processorNode, 'out', { transformations: [item] }, { after: ['rows'], params }),
        );
      const evil = `a" , (SELECT getenv('HOME')) AS "x`;
      expect(await run({ type: 'select', columns: [evil] })).toMatch(/^ColumnNotFound/);
      expect(await run({ type: 'rename', columns: { a: evil } })).toBe('no failure');
      expect(harness.columns('out')[0]!.name).toBe(evil);
      expect(await run({ type: 'cast', columns: { a: "INTEGER), (getenv('HOME')" } })).toMatch(
        /^InvalidConfig/,
      );
      expect(await run({ type: 'limit', count: '{{ params.n }}' }, { n: '1; SELECT 2' })).toMatch(
        /^InvalidConfig/,
      );
    });
  });

  describe('by its paths', () => {
    it.each([
      '../secret.csv',
      './../secret.csv',
      'x/../../secret.csv',
      '../data/../secret.csv',
      '[.][.]/secret.csv',
      '.?/secret.csv',
      '*/../../secret.csv',
      '**/../../secret.csv',
      '{.,..}/secret.csv',
      '%2e%2e/secret.csv',
      '..\\secret.csv',
      '~/.ssh/id_rsa',
      '$HOME/.bashrc',
      '/proc/self/environ',
      '/proc/self/root/etc/passwd',
      '/dev/stdin',
      'file:///etc/passwd',
      's3://bucket/a.csv',
      'https://169.254.169.254/latest/meta-data',
      'mine.csv\0.parquet',
      '/etc/passw*',
    ])('%j', async (path) => {
      const told = await read(path);
      expect(told).toMatch(/^(PathNotAllowed|FileNotFound|BadPath): /);
      expect(told).not.toContain(SECRET);
    });

    it('or by the values that name the folders of a partition', async () => {
      const before = await readdir(join(harness.root, 'elsewhere'));
      const config = { destination: 'file', path: 'parts', partition_by: ['kind'], format: 'csv' };
      await harness.run(sinkNode, 'out', config, { after: ['rows'] });
      expect(await readdir(join(harness.root, 'elsewhere'))).toEqual(before);
      expect(await readdir(harness.root)).not.toContain('x');
      const folders = await readdir(join(harness.settings.workingDirectory, 'parts'));
      expect(folders).toEqual([expect.stringMatching(/^kind=\.\.%2F/)]);
    });
  });

  describe('by the names in its templates', () => {
    it.each([
      '{{ params.__proto__ }}',
      '{{ params.constructor }}',
      '{{ params.constructor.name }}',
      '{{ params["__proto__"]["toString"] }}',
      '{{ params.toString }}',
      '{{ params.list.length }}',
      '{{ params.list.constructor }}',
      '{{ params.text.length }}',
      '{{ nodes.constructor.output }}',
      '{{ nodes.__proto__ }}',
      '{{ env.HOME }}',
      '{{ process.env.HOME }}',
      '{{ globalThis }}',
      '{{ run.constructor.constructor }}',
    ])('%s', async (template) => {
      const config = { source_type: 'inline', rows: [{ v: template }] };
      const work = harness.run(sourceNode, 'in', config, { params: { list: [1], text: 'x' } });
      await expect(work).rejects.toThrow(template.slice(3, 9));
      await expect(work).rejects.toMatchObject({ name: 'TemplateError' });
    });

    it('and keys of that kind stay plain data', async () => {
      const rows = JSON.parse(
        '[{"constructor": 1, "toString": "x", "hasOwnProperty": null}]',
      ) as JsonObject[];
      await harness.run(sourceNode, 'in', { source_type: 'inline', rows });
      expect(await harness.rows('in')).toEqual(rows);
      expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    });
  });
});
