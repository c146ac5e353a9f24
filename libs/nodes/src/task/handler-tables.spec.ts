import { readdir } from 'node:fs/promises';
import { AttemptTables, type TaskTables } from '@tauro/sdk';
import { adoptTable } from '../command/adopt-table.js';
import { type NodeContext } from '../node-kind.js';
import { NodeHarness } from '../tables/node-harness.js';
import { HandlerTables } from './handler-tables.js';
import { taskNode } from './task.node.js';

// What a worker does for a handler, in this process.

type Work = (tables: TaskTables) => unknown;

let harness: NodeHarness;
beforeAll(async () => (harness = await NodeHarness.create()));
beforeEach(() => harness.results.clear());
afterAll(() => harness.close());

/** Executes a task node whose handler does this. */
async function task(
  work: Work,
  after: string[] = [],
  more: Partial<NodeContext> = {},
  config: object = { table: true },
) {
  const signal = more.signal ?? new AbortController().signal;
  const context: Partial<NodeContext> = {
    signal,
    handlers: {
      names: () => [],
      run: async (_name, _input, { inputs, artifacts, settings }, path) => {
        const tables = inputs.flatMap(({ node_id, table }) =>
          table ? [{ node_id, ...table, path: artifacts.path(table.artifact) }] : [],
        );
        const file = path === undefined ? undefined : { path, mostMb: settings.duckdb.maxTempDiskMb };
        const engine = new HandlerTables(signal, file);
        try {
          const output = await work(new AttemptTables(tables, () => Promise.resolve(engine)));
          return { output: (output ?? null) as null, columns: engine.result };
        } finally {
          await engine.end();
        }
      },
    },
    adoptTable: (given) => adoptTable(given, { ...whole, signal } as unknown as NodeContext),
    ...more,
  };
  const whole = {
    run: { id: 'run_1' },
    task: { node_id: 'made', claim_id: `claim-${Math.random()}` },
    log: () => undefined,
    progress: () => undefined,
    artifacts: harness.artifacts,
    settings: harness.settings,
  };
  return harness.run(taskNode, 'made', { handler: 'h', ...config }, { after, ...context });
}
const scratch = () => readdir(harness.settings.duckdb.tempDirectory).catch(() => []);
const written = async (rows: object[], columns?: Record<string, string>) => {
  await task((tables) => tables.write(rows, { columns }));
  return {
    columns: harness.columns('made').map(({ name, type }) => `${name} ${type}`),
    rows: await harness.rows('made'),
  };
};

describe('tables.read', () => {
  it('gives every row once, in order and some at a time', async () => {
    await harness.table(
      'big',
      Array.from({ length: 5000 }, (_, i) => ({ i })),
    );
    const sizes: number[] = [];
    const seen: unknown[] = [];
    await task(
      async (tables) => {
        expect([tables.names, tables.columns('big'), tables.count('big')]).toEqual([
          ['big'],
          { i: 'BIGINT' },
          5000,
        ]);
        for await (const rows of tables.read<{ i: number }>('big')) {
          sizes.push(rows.length);
          seen.push(...rows.map(({ i }) => i));
        }
      },
      ['big'],
      {},
      {},
    );
    expect(seen).toEqual(Array.from({ length: 5000 }, (_, i) => i));
    expect(Math.max(...sizes)).toBeLessThanOrEqual(2048);
  });

  it('gives values as what JavaScript has for them, none of them rounded', async () => {
    const types = {
      small: 'INTEGER',
      big: 'BIGINT',
      price: 'DECIMAL(20,2)',
      ratio: 'DOUBLE',
      day: 'DATE',
      at: 'TIMESTAMP',
      zoned: 'TIMESTAMPTZ',
      name: 'VARCHAR',
      yes: 'BOOLEAN',
      list: 'INTEGER[]',
    };
    const row = {
      small: 1,
      big: '9007199254740993',
      price: '123456789012345678.25',
      ratio: 'Infinity',
      day: '2025-02-28',
      at: '2025-02-28T12:00:00.123456',
      zoned: '2025-02-28T12:00:00+02:00',
      name: 'Zoë',
      yes: true,
      list: [1, 2],
    };
    await harness.table('values', [row, { big: 5, price: '12.50', ratio: 0.1 }], types);
    let found: object[] = [];
    await task(
      async (tables) => {
        for await (const rows of tables.read('values')) found = rows;
      },
      ['values'],
      {},
      {},
    );
    expect(found[0]).toEqual({
      ...row,
      big: 9007199254740993n,
      ratio: Infinity,
      zoned: '2025-02-28T10:00:00Z',
    });
    const none = Object.fromEntries(Object.keys(types).map((name) => [name, null]));
    expect(found[1]).toEqual({ ...none, big: 5, price: 12.5, ratio: 0.1 });
  });

  it('knows only the tables directly before', async () => {
    await harness.table('flights', [{ n: 1 }]);
    const reading = task(async (tables) => tables.count('fligts'), ['flights'], {}, {});
    await expect(reading).rejects.toMatchObject({
      name: 'NoTable',
      retryable: false,
      message: "no node directly before made a table 'fligts' (there are: flights)",
    });
  });

  it('stops with the attempt', async () => {
    await harness.table(
      'flights',
      Array.from({ length: 5000 }, (_, i) => ({ i })),
    );
    const abort = new AbortController();
    const reading = task(
      async (tables) => {
        for await (const rows of tables.read('flights')) abort.abort(new Error(`after ${rows.length}`));
      },
      ['flights'],
      { signal: abort.signal },
      {},
    );
    await expect(reading).rejects.toThrow('after 2048');
  });
});

describe('tables.write', () => {
  it('finds out what the columns are from all rows', async () => {
    const rows = [
      {
        id: 1,
        share: 1,
        name: 'a',
        at: new Date('2025-01-01T00:00:00Z'),
        tags: ['x'],
        data: Uint8Array.of(1, 255),
        gone: null,
      },
      { id: 2n ** 60n, share: 0.5, late: true, tags: { y: 1n } },
    ];
    expect(await written(rows)).toEqual({
      columns: [
        'id BIGINT',
        'share DOUBLE',
        'name VARCHAR',
        'at TIMESTAMP WITH TIME ZONE',
        'tags JSON',
        'data BLOB',
        'gone VARCHAR',
        'late BOOLEAN',
      ],
      rows: [
        expect.objectContaining({ id: 1, share: 1, name: 'a', tags: ['x'], late: null, data: '\\x01\\xFF' }),
        expect.objectContaining({ id: String(2n ** 60n), share: 0.5, tags: { y: '1' }, late: true }),
      ],
    });
  });

  it('takes declared columns, and what was read with them comes through unchanged', async () => {
    const columns = { day: 'DATE', price: 'DECIMAL(20,2)', parts: 'VARCHAR[]' };
    const rows = [
      { day: new Date('2025-02-28T23:00:00Z'), price: '123456789012345678.25', parts: ['a'], other: 1 },
    ];
    expect(await written(rows, columns)).toEqual({
      columns: ['day DATE', 'price DECIMAL(20,2)', 'parts VARCHAR[]'],
      rows: [{ day: '2025-02-28', price: '123456789012345678.25', parts: ['a'] }],
    });
    harness.results.set('before', harness.results.get('made')!);
    await task(
      (tables) => tables.write(tables.read('before'), { columns: tables.columns('before') }),
      ['before'],
    );
    expect(await harness.rows('made')).toEqual(await harness.rows('before'));
    expect(harness.columns('made')).toEqual(harness.columns('before'));
  });

  it('is the table of the node, beside what the handler returns', async () => {
    const { output, ...made } = await task(async (tables) => {
      const { rows } = await tables.write([[{ n: 1 }, { n: 2 }], { n: 3 }]);
      return { rows };
    });
    expect(output).toMatchObject({ value: { rows: 3 }, rows: 3, columns: [{ name: 'n', type: 'BIGINT' }] });
    expect(made).toMatchObject({
      rows: 3,
      table: { rows: 3, artifact: expect.stringMatching(/^runs\/run_1\/made\//) },
    });
    expect(await scratch()).toEqual([]);
  });

  it('of no rows needs columns', async () => {
    expect(await written([], { id: 'BIGINT' })).toEqual({ columns: ['id BIGINT'], rows: [] });
    await expect(written([])).rejects.toThrow('without a row nothing tells what the columns are');
  });

  const circle: { self?: object } = {};
  circle.self = circle;
  async function* broken(): AsyncGenerator<object> {
    yield { n: 1 };
    throw new RangeError('line 2 is too long');
  }
  it.each<[string, Work, string]>([
    [
      'a value of no type',
      (t) => t.write([{ n: 1 }, { n: () => 1 }]),
      'BadValue: tables.write: row 2: n is a function, which no table can hold',
    ],
    [
      'a circle',
      (t) => t.write([{ n: circle }]),
      'BadValue: tables.write: row 1: n is no JSON: Converting circular',
    ],
    [
      'no date',
      (t) => t.write([{ at: new Date('x') }]),
      'BadValue: tables.write: row 1: at is an invalid Date',
    ],
    ['no row', (t) => t.write([5 as never]), 'BadValue: tables.write: row 1 is no object'],
    [
      'no type',
      (t) => t.write([], { columns: { n: "INT'; --" } }),
      "BadValue: tables.write: 'INT'; --' of column 'n' is no type",
    ],
    [
      'a value that does not fit',
      (t) => t.write([{ n: 'x' }], { columns: { n: 'INTEGER' } }),
      "TableError: the rows of 'h': JSON transform error",
    ],
    [
      'two columns of one name',
      (t) => t.write([{ n: 1, N: 2 }]),
      "DuplicateColumn: two columns are called 'N'",
    ],
    ['an error in the middle', (t) => t.write(broken()), 'RangeError: line 2 is too long'],
    [
      'a second table',
      async (t) => void (await t.write([{ n: 1 }]), await t.write([{ n: 2 }])),
      'InvalidOutput: tables.write: the table is written once',
    ],
    [
      'no table at all',
      () => 1,
      "InvalidOutput: its config says 'table: true', but the handler 'h' has written none",
    ],
    [
      'a write that nobody waits for',
      (t) => void t.write(broken()).catch(() => undefined),
      'InvalidOutput: tables.write has not ended: await it',
    ],
  ])('refuses %s, and leaves nothing', async (_, work, message) => {
    const failed = await task(work).then(
      () => 'no failure',
      (error: Error) => `${error.name}: ${error.message}`,
    );
    expect(failed).toContain(message);
    expect(harness.results.has('made')).toBe(false);
    expect(await scratch()).toEqual([]);
  });

  it('may be tried again after rows that broke off', async () => {
    await task(async (tables) => {
      await expect(tables.write(broken())).rejects.toThrow('too long');
      await tables.write([{ whole: 1 }]);
    });
    expect(await harness.rows('made')).toEqual([{ whole: 1 }]);
  });

  it('is refused to a node that does not say so, which is not a mapped one', async () => {
    const writing = task((tables) => tables.write([{ n: 1 }]), [], {}, {});
    await expect(writing).rejects.toThrow("say 'table: true' in the config of the node");
    const mapped = { id: 'm', type: 'task', config: { handler: 'h', table: true }, for_each: { items: [1] } };
    expect(taskNode.check!(mapped, [])).toMatchObject([{ field: 'config.table' }]);
  });
});
