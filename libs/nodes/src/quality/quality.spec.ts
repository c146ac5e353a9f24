import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type CheckResult, type Json, type JsonObject } from '@tauro/domain';
import { type NodeContext, type NodeResult } from '../node-kind.js';
import { processorNode } from '../processor/processor.node.js';
import { NodeHarness } from '../tables/node-harness.js';
import { readTablePreview } from '../tables/preview.js';
import { configFaults } from '../validate.js';

jest.setTimeout(30_000);

let harness: NodeHarness;
const PEOPLE = [
  { id: 1, name: 'ann', city: 'Oslo', age: 30, since: '2026-01-30' },
  { id: 2, name: 'bob', city: 'Rome', age: -1, since: '2026-01-31' },
  { id: 2, name: null, city: 'Oslo', age: 41, since: '2026-01-01' },
  { id: 4, name: 'Cid', city: 'Pisa', age: 700, since: null },
];
const RUN: NodeContext['run'] = {
  id: 'run_1',
  project_id: 'proj_1',
  pipeline_id: 'pipe_1',
  pipeline_name: 'p',
  created_at: '2026-02-01T00:00:00.000Z',
  state: 'RUNNING',
  error: null,
};

beforeAll(async () => {
  harness = await NodeHarness.create();
  const columns = { id: 'BIGINT', name: 'VARCHAR', city: 'VARCHAR', age: 'BIGINT', since: 'DATE' };
  await harness.table('people', PEOPLE, columns);
  await harness.table('cities', [{ city: 'Oslo' }, { city: 'Rome' }]);
});
afterAll(() => harness.close());
beforeEach(() => harness.logs.splice(0));

type Checked = NodeResult & { quality: CheckResult[]; failed?: { type: string; message: string } };

async function check(
  checks: Json[],
  { config = {}, after = ['people'], run = RUN, params = {} }: Partial<Asked> = {},
): Promise<Checked> {
  return (await harness.run(processorNode, 'out', { checks, ...config }, { after, run, params })) as Checked;
}
interface Asked {
  config: JsonObject;
  after: string[];
  run: NodeContext['run'];
  params: JsonObject;
}

/** Of one check that only warns. */
const one = async (options: JsonObject, asked?: Partial<Asked>): Promise<CheckResult> =>
  (await check([{ severity: 'warn', ...options }], asked)).quality[0]!;

describe('a check', () => {
  it.each<[JsonObject, number, JsonObject[]]>([
    [{ type: 'not_null', columns: ['id'] }, 0, []],
    [{ type: 'unique', columns: ['id'] }, 2, [{ id: 2 }]],
    [{ type: 'unique', columns: ['id', 'name'] }, 0, []],
    [{ type: 'unique', columns: ['City'] }, 2, [{ city: 'Oslo' }]],
    [{ type: 'unique', columns: ['since'] }, 0, []],
    [{ type: 'range', column: 'age', min: 0, max: 120 }, 2, [{ age: -1 }, { age: 700 }]],
    [{ type: 'range', column: 'age', min: -0.5 }, 1, [{ age: -1 }]],
    [{ type: 'range', column: 'age', max: 699.5 }, 1, [{ age: 700 }]],
    [{ type: 'range', column: 'since', min: '2026-01-15' }, 1, [{ since: '2026-01-01' }]],
    [{ type: 'range', column: 'name', max: 'b' }, 1, [{ name: 'bob' }]],
    [{ type: 'regex', column: 'name', pattern: '[a-z]+' }, 1, [{ name: 'Cid' }]],
    [{ type: 'regex', column: 'name', pattern: 'n' }, 3, [{ name: 'Cid' }, { name: 'ann' }, { name: 'bob' }]],
    [{ type: 'regex', column: 'age', pattern: '[0-9]{2}' }, 2, [{ age: -1 }, { age: 700 }]],
    [{ type: 'accepted_values', column: 'city', values: ['Oslo', 'Rome'] }, 1, [{ city: 'Pisa' }]],
    [{ type: 'accepted_values', column: 'age', values: [30, 41, -1, 699.6] }, 1, [{ age: 700 }]],
    [{ type: 'accepted_values', column: 'name', values: ["it's", 'ann', 'bob', 'Cid'] }, 0, []],
  ])('%j finds %d', async (options, failed_rows, samples) => {
    expect(await one(options)).toMatchObject({
      passed: failed_rows === 0,
      failed_rows,
      total_rows: 4,
      samples,
    });
  });

  it('of null shows the row that lacks a value, the value first', async () => {
    const { failed_rows, samples } = await one({ type: 'not_null', columns: ['since', 'name'] });
    expect(failed_rows).toBe(2);
    expect(samples).toEqual([
      { since: '2026-01-01', name: null, id: 2, city: 'Oslo', age: 41 },
      { since: null, name: 'Cid', id: 4, city: 'Pisa', age: 700 },
    ]);
    expect(Object.keys(samples[0]!)).toEqual(['since', 'name', 'id', 'city', 'age']);
  });

  it.each<[JsonObject, boolean, string]>([
    [{ type: 'row_count', min: 1 }, true, '4 rows'],
    [{ type: 'row_count', min: 5 }, false, '4 rows, wanted at least 5'],
    [{ type: 'row_count', max: 3 }, false, '4 rows, wanted at most 3'],
    [{ type: 'row_count', min: 1000, max: 2000 }, false, '4 rows, wanted at least 1,000 and at most 2,000'],
    [
      { type: 'freshness', column: 'since', max_age_seconds: 86_400 },
      true,
      'the newest since is 2026-01-31T00:00:00.000Z',
    ],
    [
      { type: 'freshness', column: 'since', max_age_seconds: 3600 },
      false,
      'the newest since is 2026-01-31T00:00:00.000Z, 86,400 s before 2026-02-01T00:00:00.000Z, wanted at most 3,600 s',
    ],
  ])('%j of the whole table: %j', async (options, passed, message) => {
    expect(await one(options)).toMatchObject({ passed, message, failed_rows: null, samples: [] });
  });

  it('of freshness looks from the end of the data interval, and wants a time', async () => {
    const run = { ...RUN, data_interval_end: '2026-01-31T00:30:00.000Z' };
    const fresh = { type: 'freshness', column: 'since', max_age_seconds: 3600 };
    expect((await one(fresh, { run })).passed).toBe(true);
    const empty = { config: { transformations: [{ type: 'limit', count: 0 }] } };
    expect(await one(fresh, empty)).toMatchObject({ passed: false, message: 'no row has a since' });
    expect(await harness.failure(one({ ...fresh, column: 'name' }))).toBe(
      "TableError: checks.0 (freshness): column 'name' is VARCHAR, not a time; make it one with cast",
    );
  });

  it('by SQL sees the row, the checked table and those upstream, and takes null for well', async () => {
    const asked = {
      after: ['people', 'cities'],
      config: { transformations: [{ type: 'join', with: 'cities', on: ['city'], how: 'left' }] },
    };
    expect(await one({ type: 'sql', expression: 'length(name) = 3' }, asked)).toMatchObject({ passed: true });
    expect(await one({ type: 'sql', expression: 'city IN (SELECT city FROM cities)' }, asked)).toMatchObject({
      failed_rows: 1,
      samples: [{ city: 'Pisa' }],
    });
    expect(
      await one(
        { type: 'sql', expression: 'age <= (SELECT avg(age) * {{ params.times }} FROM result)' },
        { ...asked, params: { times: 2 } },
      ),
    ).toMatchObject({ failed_rows: 1, samples: [{ age: 700 }] });
    const query = 'SELECT city, count(*) AS n FROM result GROUP BY city HAVING n > 1';
    expect(await one({ type: 'sql', query }, asked)).toMatchObject({
      passed: false,
      failed_rows: 1,
      message: 'the query found 1 row',
      samples: [{ city: 'Oslo', n: 2 }],
    });
  });

  it('keeps no more of the data than it is told to', async () => {
    const wide = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`c${i}`, 'x'.repeat(300)]));
    await harness.table('wide', [wide, wide]);
    const { samples } = await one({ type: 'sql', expression: 'false' }, { after: ['wide'] });
    expect(samples).toHaveLength(2);
    expect(Object.keys(samples[0]!)).toHaveLength(10);
    expect(samples[0]!['c0']).toBe(`${'x'.repeat(99)}…`);
    expect(await one({ type: 'range', column: 'age', max: 0, samples: 0 })).toMatchObject({
      failed_rows: 3,
      samples: [],
    });
    expect((await one({ type: 'range', column: 'age', max: 0, samples: 1 })).samples).toHaveLength(1);
  });
});

describe('the severity', () => {
  it('warn is a line in the log, and the table goes on', async () => {
    const result = await check([
      { type: 'range', column: 'age', min: 0, severity: 'warn' },
      { type: 'row_count', min: 1 },
    ]);
    expect(result).toMatchObject({ table: { rows: 4 }, output: { rows: 4 } });
    expect(harness.logs).toEqual(
      expect.arrayContaining([
        'WARNING check warn: range(age) does not fit in 1 of 4 rows: {"age":-1}',
        'INFO 1 of 2 checks passed',
      ]),
    );
  });

  it('quarantine takes bad rows out of the table, and keeps them with the names of the checks', async () => {
    const result = await check([
      { type: 'range', column: 'age', min: 0, max: 120, severity: 'quarantine', name: 'sane age' },
      { type: 'unique', columns: ['id'], severity: 'quarantine' },
      { type: 'not_null', columns: ['id'], severity: 'quarantine' },
      // Of what is left.
      { type: 'row_count', min: 1, max: 1 },
      { type: 'unique', columns: ['id'], name: 'unique after all' },
    ]);
    expect(result).toMatchObject({ output: { rows: 1, quarantined: 3 }, table: { rows: 1 } });
    expect(result.quality.map(({ passed, total_rows }) => [passed, total_rows])).toEqual([
      [false, 4],
      [false, 4],
      [true, 4],
      [true, 1],
      [true, 1],
    ]);
    expect((await harness.rows('out')).map(({ name }) => name)).toEqual(['ann']);
    expect(await quarantined(result)).toEqual([
      { ...PEOPLE[1], failed_check: 'sane age, unique(id)' },
      { ...PEOPLE[2], failed_check: 'unique(id)' },
      { ...PEOPLE[3], failed_check: 'sane age' },
    ]);
    expect(harness.logs).toContain('WARNING 3 rows quarantined');
  });

  it('quarantine leaves a table alone that has no bad rows, and one that has its columns', async () => {
    const good = await check([{ type: 'not_null', columns: ['id'], severity: 'quarantine' }]);
    expect(good).toMatchObject({ output: { rows: 4, quarantined: 0 } });
    expect('quarantine' in good).toBe(false);
    await harness.table('odd', [
      { failed_check: 1, file_row_number: 7, row: 3 },
      { failed_check: null, file_row_number: 7, row: 1 },
    ]);
    const odd = await check([{ type: 'not_null', columns: ['failed_check'], severity: 'quarantine' }], {
      after: ['odd'],
    });
    expect(await quarantined(odd)).toEqual([
      { failed_check: null, file_row_number: 7, row: 1, failed_check_: 'not_null(failed_check)' },
    ]);
    expect(await harness.rows('out')).toEqual([{ failed_check: 1, file_row_number: 7, row: 3 }]);
  });

  it('fail keeps the table from everybody, and tells what is wrong in numbers and samples', async () => {
    const result = await check([
      { type: 'unique', columns: ['id'] },
      { type: 'range', column: 'age', min: 0, max: 120, name: "sane 'age'" },
      { type: 'not_null', columns: ['id'] },
      { type: 'row_count', min: 10, severity: 'warn' },
    ]);
    expect(result.failed).toEqual({
      type: 'QualityFailed',
      message:
        `2 of 4 checks failed: unique(id) does not fit in 2 of 4 rows: {"id":2}; ` +
        `sane 'age' does not fit in 2 of 4 rows: {"age":-1}, {"age":700}`,
    });
    expect(result.quality.map(({ passed }) => passed)).toEqual([false, false, true, false]);
    expect('table' in result).toBe(false);
  });

  it('fail leaves no file behind but the rows that were quarantined before', async () => {
    const run = { ...RUN, id: 'run_2' };
    const checks: Json[] = [
      { type: 'range', column: 'age', min: 0, severity: 'quarantine' },
      { type: 'row_count', min: 4 },
    ];
    const result = await check(checks, { run });
    expect(result.failed?.message).toBe('1 of 2 checks failed: row_count 3 rows, wanted at least 4');
    const folder = join(harness.artifacts.root, 'runs/run_2/out');
    expect(existsSync(folder) && readdirSync(folder)).toEqual([
      expect.stringMatching(/-quarantine\.parquet$/),
    ]);
    expect(await quarantined(result)).toHaveLength(1);
  });

  async function quarantined(result: Checked): Promise<JsonObject[]> {
    if (!('quarantine' in result)) throw new Error('nothing is quarantined');
    return (await readTablePreview(harness.artifacts.path(result.quarantine!.artifact))).rows;
  }
});

describe('what cannot be checked is told with its place', () => {
  it.each<[JsonObject, string]>([
    [
      { type: 'not_null', columns: ['idd'] },
      "ColumnNotFound: checks.0 (not_null): columns: column 'idd' does not exist (columns: id, name, city, age, since)",
    ],
    [
      { type: 'range', column: 'age', min: 'many' },
      "BadValue: checks.0 (range): Could not convert string 'many' to BIGINT",
    ],
    [
      { type: 'sql', expression: 'agee > 3' },
      "ColumnNotFound: checks.0 (sql): column 'agee' does not exist (columns: id, name, city, age, since)",
    ],
    [
      { type: 'sql', query: "SELECT * FROM read_csv('/etc/passwd')" },
      "SqlRefused: checks.0 (sql): query: table function 'read_csv' is not allowed",
    ],
  ])('%j', async (options, message) => {
    expect(await harness.failure(check([options]))).toBe(message);
  });
});

describe('the config', () => {
  const faults = async (checks: Json[], upstream = ['people']): Promise<string[]> => {
    const nodes = upstream.map((id) => ({ id, type: 'source' }));
    const found = await processorNode.check!({ id: 'n', type: 'processor', config: { checks } }, nodes);
    return found.map(({ field, message }) => `${field}: ${message}`);
  };

  it.each<[JsonObject, string]>([
    [{ type: 'range', column: 'a' }, 'config.checks.1: needs min, max or both'],
    [{ type: 'range', column: 'a', min: 2, max: 1 }, 'config.checks.1: min is larger than max'],
    [{ type: 'row_count' }, 'config.checks.1: needs min, max or both'],
    [{ type: 'sql' }, 'config.checks.1: needs either expression or query'],
    [
      { type: 'row_count', min: 1, severity: 'quarantine' },
      'config.checks.1: looks at the table as a whole, so there are no rows to quarantine; its severity can be warn or fail',
    ],
    [
      { type: 'sql', query: 'SELECT 1 FROM result', severity: 'quarantine' },
      'config.checks.1: looks at the table as a whole, so there are no rows to quarantine; its severity can be warn or fail',
    ],
    [
      { type: 'not_null', columns: ['id'] },
      "config.checks.1: is called 'not_null(id)', as checks.0 is; give it another name",
    ],
    [
      { type: 'sql', expression: 'a > 1) OR (1 = 1' },
      'config.checks.1.expression: syntax error at or near ")" (line 1, column 6)',
    ],
    [
      { type: 'sql', query: 'SELECT * FROM others' },
      "config.checks.1.query: 'others' is not an input of this node (its inputs are people, input, result)",
    ],
    [
      { type: 'regex', column: 'a', pattern: '[a' },
      'config.checks.1.pattern: is no regular expression of RE2: missing ]: [a',
    ],
  ])('%j: %s', async (second, fault) => {
    expect(await faults([{ type: 'not_null', columns: ['id'] }, second])).toEqual([fault]);
  });

  it('takes templates, and does not take the name of the checked table for an input', async () => {
    expect(
      await faults([
        { type: 'sql', expression: 'age < {{ params.age }}' },
        { type: 'regex', column: 'a', pattern: '{{ params.pattern }}' },
      ]),
    ).toEqual([]);
    expect(await faults([{ type: 'row_count', min: 1 }], ['Result'])).toEqual([
      "depends_on: the input 'result' has the name by which checks find their own table; give its node another id",
    ]);
    expect(processorNode.bound!(['checks', 0, 'query'])).toBe(true);
    expect(processorNode.bound!(['checks', 0, 'pattern'])).toBe(false);
  });

  it.each<[JsonObject, RegExp]>([
    [{ type: 'not_nul', columns: ['a'] }, /type must be one of 'not_null'.*did you mean/],
    [{ type: 'unique', columns: [] }, /columns needs at least 1/],
    [
      { type: 'range', column: 'a', min: 0, severity: 'error' },
      /severity must be one of 'warn', 'quarantine', 'fail'/,
    ],
    [{ type: 'range', column: 'a', min: 0, samples: 11 }, /samples must be <= 10/],
    [{ type: 'freshness', column: 'a' }, /max_age_seconds is required/],
    [{ type: 'regex', column: 'a', patern: 'x', pattern: 'x' }, /patern is an unknown key/],
  ])('%j is refused by the schema', (options, message) => {
    const found = configFaults(processorNode, { checks: [options] }).map((fault) => fault.message);
    expect(found.join('; ')).toMatch(message);
  });
});
