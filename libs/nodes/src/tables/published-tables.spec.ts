import { type JsonObject } from '@tauro/domain';
import { NODE_KINDS } from '../registry.js';
import { NodeHarness } from './node-harness.js';
import { type LineFormat, writeTableLines } from './table-lines.js';
import { readTablePage, type TablePage } from './table-page.js';

/** One value of every sort that JSON does not have, and a row of nothing. */
const SORTS = `
  select * from (values (
    9007199254740993::bigint, 1234567890123456789.01::decimal(38,2),
    1.10::decimal(10,2), 0.1::double, 'nan'::double, '-infinity'::float, true,
    date '2024-02-29', time '12:34:56.789', timestamp '2024-02-29 12:34:56.123456',
    timestamptz '2024-02-29 12:34:56+02', interval 90 minutes, '\\x00\\xFF'::blob,
    '00000000-0000-0000-0000-000000000001'::uuid, 'a "b", c', [1, null, 9007199254740993],
    {'at': timestamp '2024-01-01 00:00:00', 'deep': ['x']}, map {'k': 1.5}, '{"json": [1]}'::json
  )) t(big, money, price, tenth, nan, inf, yes, day, clock, seen, seen_zone, span, bytes, uuid, words, list, struct, map, json)
  , rows where n = 1
  union all by name select null::bigint as big, n from rows where n = 2 order by n
`;

describe('a published table', () => {
  let nodes: NodeHarness;
  beforeAll(async () => {
    nodes = await NodeHarness.create();
    await nodes.table('rows', [{ n: 1 }, { n: 2 }]);
  });
  afterAll(() => nodes?.close());

  /** The path of the table that a query makes. */
  async function made(sql: string): Promise<string> {
    const { table } = (await nodes.run(
      NODE_KINDS.get('processor')!,
      'made',
      { sql },
      { after: ['rows'] },
    )) as {
      table: { artifact: string };
    } & Awaited<ReturnType<NodeHarness['run']>>;
    return nodes.artifacts.path(table.artifact);
  }
  const page = async (sql: string, part = { offset: 0, limit: 100 }): Promise<TablePage> =>
    readTablePage(await made(sql), part);
  async function lines(sql: string, format: LineFormat): Promise<string> {
    const pieces: string[] = [];
    await writeTableLines(await made(sql), format, async (piece) => void pieces.push(piece));
    return pieces.join('');
  }

  it('is shown as JSON that says exactly what is in it', async () => {
    const { rows, shortened } = await page(SORTS);
    expect(shortened).toBe(false);
    expect(rows[0]).toEqual({
      n: 1,
      big: '9007199254740993',
      money: '1234567890123456789.01',
      price: 1.1,
      tenth: 0.1,
      nan: expect.stringMatching(/^nan$/i),
      inf: expect.stringMatching(/^-inf/i),
      yes: true,
      day: '2024-02-29',
      clock: '12:34:56.789',
      seen: '2024-02-29T12:34:56.123456',
      seen_zone: '2024-02-29T10:34:56Z',
      span: '01:30:00',
      bytes: '\\x00\\xFF',
      uuid: '00000000-0000-0000-0000-000000000001',
      words: 'a "b", c',
      list: [1, null, '9007199254740993'],
      struct: { at: '2024-01-01 00:00:00', deep: ['x'] },
      map: { k: 1.5 },
      json: { json: [1] },
    });
    expect(Object.values(rows[1]!).filter((value) => value !== null)).toEqual([2]);
  });

  it('is shown part by part, in the order of its rows', async () => {
    const sql = 'select i from range(250000) r(i), rows where n = 1';
    const numbers = async (offset: number, limit: number) =>
      (await page(sql, { offset, limit })).rows.map(({ i }) => i);
    expect(await numbers(0, 3)).toEqual([0, 1, 2]);
    expect(await numbers(200_000, 2)).toEqual([200_000, 200_001]);
    expect(await numbers(249_999, 100)).toEqual([249_999]);
    expect(await numbers(250_000, 100)).toEqual([]);
  });

  it('is shown shortened where values are very long, and never more of it than a page holds', async () => {
    const long = await page(`select n, repeat('é', 50000) as text, range(30000) as list from rows`);
    expect(long.shortened).toBe(true);
    expect(long.rows).toHaveLength(2);
    expect(long.rows[0]).toMatchObject({ n: 1, text: `${'é'.repeat(10_000)}…` });
    expect(long.rows[0]!.list).toMatch(/^\[0,1,2,.*…$/);

    const wide = Array.from({ length: 200 }, (_, i) => `repeat('x', 199) as a_rather_long_name_${i}`).join(
      ', ',
    );
    const { rows, shortened } = await page(`select ${wide} from range(100), rows where n = 1`);
    expect(shortened).toBe(false);
    expect(rows.length).toBeGreaterThan(20);
    expect(rows.length).toBeLessThan(100);
    expect(JSON.stringify(rows).length).toBeLessThan(4_000_000);
  });

  it('may have any names for its columns', async () => {
    const names = ['preview', 't', 'rows', `it's "odd"`, 'ü 🚀', 'select', '1', '__proto__'];
    const columns = names.map((name, i) => `${i} as "${name.replaceAll('"', '""')}"`).join(', ');
    const { rows } = await page(`select ${columns} from rows where n = 1`);
    expect(Object.entries(rows[0]!)).toEqual(expect.arrayContaining(names.map((name, i) => [name, i])));
    const csv = await lines(`select ${columns} from rows where n = 1`, 'csv');
    expect(csv).toBe(`preview,t,rows,"it's ""odd""",ü 🚀,select,1,__proto__\n0,1,2,3,4,5,6,7\n`);
  });

  it('is written as CSV that reads back the same', async () => {
    const texts = `select n, case n when 1 then '' end as a, 'x,y' as b, 'say "hi"' as c, e'two\\nlines' as d, [1, 2] as e from rows`;
    expect(await lines(texts, 'csv')).toBe(
      'n,a,b,c,d,e\n' +
        '1,"","x,y","say ""hi""","two\nlines","[1, 2]"\n' +
        '2,,"x,y","say ""hi""","two\nlines","[1, 2]"\n',
    );
  });

  it('is written as one JSON object a line, each of which is JSON', async () => {
    const [first, second] = (await lines(SORTS, 'ndjson')).trimEnd().split('\n');
    expect(first).toContain('"big":9007199254740993,');
    expect(JSON.parse(first!)).toMatchObject({
      n: 1,
      tenth: 0.1,
      nan: expect.stringMatching(/nan/i),
      json: { json: [1] },
    });
    expect(JSON.parse(second!)).toMatchObject({ n: 2, big: null });
  });

  it('is written in pieces, no faster than they are taken, and whole', async () => {
    const path = await made(`select i, repeat('🚀', 300) as rocket from range(20000) r(i), rows where n = 1`);
    let taken = 0;
    let longest = 0;
    let text = '';
    let busy = false;
    await writeTableLines(path, 'ndjson', async (piece) => {
      expect(busy).toBe(false);
      busy = true;
      longest = Math.max(longest, piece.length);
      taken++;
      // Each piece goes its own way through UTF-8.
      text += Buffer.from(piece).toString();
      await new Promise(setImmediate);
      busy = false;
    });
    expect(taken).toBeGreaterThan(20);
    expect(longest).toBeLessThanOrEqual(256 * 1024);
    const rows = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as JsonObject);
    expect(rows.map(({ i }) => i)).toEqual(Array.from({ length: 20_000 }, (_, i) => i));
    expect(rows.every(({ rocket }) => rocket === '🚀'.repeat(300))).toBe(true);
  });

  it('stops to be written when nobody wants it any more', async () => {
    const path = await made('select i from range(1000000) r(i), rows where n = 1');
    const stop = new AbortController();
    let pieces = 0;
    const writing = writeTableLines(
      path,
      'csv',
      async () => void (++pieces === 2 && stop.abort(new Error('enough'))),
      stop.signal,
    );
    await expect(writing).rejects.toThrow('enough');
    expect(pieces).toBeLessThan(5);
  });

  it('that is none is said to be so', async () => {
    await nodes.file('bad.parquet', 'PAR1 but no table');
    const path = `${nodes.settings.workingDirectory}/bad.parquet`;
    await expect(readTablePage(path, { offset: 0, limit: 1 })).rejects.toThrow(/^the table: /);
  });
});
