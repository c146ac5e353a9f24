import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type JsonObject } from '@tauro/domain';
import { Dictionary, Int32, RecordBatchStreamWriter, Table, Utf8, vectorFromArray } from 'apache-arrow';
import { type Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { ZipFile } from 'yazl';
import { processorNode } from '../processor/processor.node.js';
import { sinkNode } from '../sink/sink.node.js';
import { sourceNode } from '../source/source.node.js';
import { NodeHarness } from '../tables/node-harness.js';

jest.setTimeout(30_000);

let harness: NodeHarness;
beforeAll(async () => (harness = await NodeHarness.create()));
afterAll(() => harness.close());

const read = (config: JsonObject): Promise<unknown> =>
  harness.run(sourceNode, 'in', { source_type: 'file', ...config });
const write = (path: string, rest: JsonObject = {}): Promise<unknown> =>
  harness.run(sinkNode, 'out', { destination: 'file', path, ...rest }, { after: ['rows'] });
const failure = (work: Promise<unknown>): Promise<string> => harness.failure(work);
const typesOf = (): Record<string, string> =>
  Object.fromEntries(harness.columns('in').map(({ name, type }) => [name, type]));
const rows = (sql: string): Promise<unknown> =>
  harness
    .table('one', [{ n: 0 }])
    .then(() => harness.run(processorNode, 'rows', { sql }, { after: ['one'] }));

const KINDS = `select * from (values
  (true, 9007199254740993::bigint, 1.5::double, 'a "b" <c> & _x0041_' || chr(7), date '2024-02-29',
   timestamp '2024-02-29 01:02:03.456789', 12.50::decimal(9, 2), [1, 2], '=1+1'),
  (null, null, null, null, null, null, null, null, null),
  (false, -1, 'nan'::double, '', date '1969-12-31', timestamp '1969-12-31 23:59:59.5', -0.01, null, '@cmd')
) t(b, i, f, t, d, ts, n, l, s)`;

describe('Arrow files', () => {
  it('hold what a table holds, type by type', async () => {
    await rows(KINDS);
    await write('kinds.arrow');
    await read({ path: 'kinds.arrow' });
    expect(typesOf()).toEqual({
      b: 'BOOLEAN',
      i: 'BIGINT',
      f: 'DOUBLE',
      t: 'VARCHAR',
      d: 'DATE',
      ts: 'TIMESTAMP',
      n: 'VARCHAR',
      l: 'VARCHAR',
      s: 'VARCHAR',
    });
    const [first, none, last] = await harness.rows('in');
    expect(first).toMatchObject({
      b: true,
      i: '9007199254740993',
      f: 1.5,
      t: 'a "b" <c> & _x0041_\u0007',
      d: '2024-02-29',
      ts: '2024-02-29 01:02:03.456789',
      n: '12.50',
      l: '[1,2]',
    });
    expect(Object.values(none!).every((value) => value === null)).toBe(true);
    expect(last).toMatchObject({ b: false, i: -1, t: '', d: '1969-12-31', ts: '1969-12-31 23:59:59.5' });
  });

  it('come in batches, as files or streams, of many rows', async () => {
    await rows(
      'select range::integer as id, repeat(chr(97 + (range % 26)::integer), 5) as t from range(20000)',
    );
    await expect(write('many.feather')).resolves.toMatchObject({ rows: 20_000 });
    await expect(read({ path: 'many.feather' })).resolves.toMatchObject({ rows: 20_000 });
    const stream = new Table({
      id: vectorFromArray([1, 2, null], new Int32()),
      city: vectorFromArray(['Köln', 'Bonn', 'Köln'], new Dictionary(new Utf8(), new Int32())),
    });
    const bytes = RecordBatchStreamWriter.writeAll(stream).toUint8Array(true);
    await harness.file('stream.arrows', Buffer.from(bytes));
    await read({ path: 'stream.arrows' });
    expect(await harness.rows('in')).toEqual([
      { id: 1, city: 'Köln' },
      { id: 2, city: 'Bonn' },
      { id: null, city: 'Köln' },
    ]);
  });

  it('that are cut off, or none, are told so', async () => {
    await rows('select 1 as id');
    await write('whole.arrow');
    const whole = readFileSync(join(harness.settings.workingDirectory, 'whole.arrow'));
    await harness.file('cut.arrow', whole.subarray(0, whole.length - 20));
    await harness.file('text.arrow', 'id,name\n1,x\n');
    for (const path of ['cut.arrow', 'text.arrow']) {
      expect(await failure(read({ path }))).toMatch(
        new RegExp(`^BadFile: ${path} is no(?: whole)? Arrow file$`),
      );
    }
    expect(await failure(write('whole.arrow.gz'))).toMatch(/^InvalidConfig: .*not compressed as a whole/);
    expect(await failure(write('parts', { format: 'arrow', partition_by: ['id'] }))).toMatch(
      /^InvalidConfig: partition_by/,
    );
  });
});

describe('Excel files', () => {
  /** A workbook as other programs write them. */
  async function workbook(path: string, parts: Record<string, string>): Promise<void> {
    const zip = new ZipFile();
    const all: Record<string, string> = {
      'xl/workbook.xml':
        '<x:workbook xmlns:x="m" xmlns:r="o"><x:sheets><x:sheet name="First" r:id="a"/><x:sheet name="Second" r:id="b"/></x:sheets></x:workbook>',
      'xl/_rels/workbook.xml.rels':
        '<Relationships><Relationship Id="a" Target="worksheets/sheet1.xml"/><Relationship Id="b" Target="/xl/worksheets/sheet2.xml"/></Relationships>',
      'xl/styles.xml':
        '<styleSheet><numFmts><numFmt numFmtId="170" formatCode="dd\\.mm\\.yyyy"/><numFmt numFmtId="171" formatCode="0.00&quot;days&quot;"/></numFmts><cellStyleXfs><xf numFmtId="14"/></cellStyleXfs><cellXfs><xf numFmtId="0"/><xf numFmtId="170"/><xf numFmtId="171"/></cellXfs></styleSheet>',
      'xl/sharedStrings.xml':
        '<sst><si><t>name</t></si><si><r><t>Kö</t></r><r><t>ln</t></r><rPh><t>x</t></rPh></si><si><t>007</t></si></sst>',
      ...parts,
    };
    for (const [name, content] of Object.entries(all)) zip.addBuffer(Buffer.from(content), name);
    zip.end();
    await harness.file(path, await buffer(zip.outputStream as Readable));
  }
  const SHEET =
    '<worksheet><sheetData><row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="inlineStr"><is><t>day</t></is></c><c r="C1" t="inlineStr"><is><t>sum</t></is></c></row>' +
    '<row r="2"><c r="A2" t="s"><v>1</v></c><c r="B2" s="1"><v>45351</v></c><c r="C2" s="2"><f>1+1</f><v>2</v></c></row><row r="3"/>' +
    '<row r="4"><c r="A4" t="s"><v>2</v></c><c r="C4" t="e"><v>#DIV/0!</v></c><c r="E4" t="b"><v>1</v></c></row></sheetData></worksheet>';

  it('are read as their writers meant: shared texts, dates, what formulas came to', async () => {
    await workbook('book.xlsx', {
      'xl/worksheets/sheet1.xml': SHEET,
      'xl/worksheets/sheet2.xml':
        '<worksheet><sheetData><row><c><v>1.5</v></c><c t="str"><v>x</v></c></row></sheetData></worksheet>',
    });
    await read({ path: 'book.xlsx' });
    expect(typesOf()).toEqual({
      name: 'VARCHAR',
      day: 'DATE',
      sum: 'BIGINT',
      column3: 'VARCHAR',
      column4: 'BOOLEAN',
    });
    expect(await harness.rows('in')).toEqual([
      { name: 'Köln', day: '2024-02-29', sum: 2, column3: null, column4: null },
      { name: '007', day: null, sum: null, column3: null, column4: true },
    ]);
    await read({
      path: 'book.xlsx',
      options: { sheet: 'Second', header: false, columns: { column0: 'VARCHAR' } },
    });
    expect(await harness.rows('in')).toEqual([{ column0: '1.5', column1: 'x' }]);
    expect(await failure(read({ path: 'book.xlsx', options: { sheet: 'Third' } }))).toBe(
      "InvalidConfig: options.sheet: book.xlsx has no sheet 'Third' (sheets: First, Second)",
    );
    expect(await failure(read({ path: 'book.xlsx', options: { delimiter: ';' } }))).toMatch(
      /does not apply to xlsx/,
    );
  });

  it('are written with texts that are never worked out', async () => {
    await rows(KINDS);
    await expect(write('kinds.xlsx')).resolves.toMatchObject({ rows: 3 });
    await read({ path: 'kinds.xlsx' });
    const [first, last] = await harness.rows('in');
    expect(first).toMatchObject({
      b: true,
      i: '9007199254740993',
      t: 'a "b" <c> & _x0041_\u0007',
      d: '2024-02-29',
      n: 12.5,
      s: '=1+1',
    });
    expect(String(first!['ts'])).toMatch(/^2024-02-29 01:02:03\.456/);
    expect(last).toMatchObject({ b: false, s: '@cmd', d: '1969-12-31' });
    expect(await failure(rows("select repeat('x', 40000) as t").then(() => write('long.xlsx')))).toMatch(
      /^BadValue: a text has 40000 characters/,
    );
  });

  it('are bounded in what they unpack to, and told when they are cut off', async () => {
    const small = await NodeHarness.create();
    small.settings.duckdb.maxTempDiskMb = 1;
    await workbook('bomb.xlsx', {
      'xl/worksheets/sheet1.xml': `<worksheet><sheetData>${'<row/>'.repeat(400_000)}</sheetData></worksheet>`,
    });
    const bomb = readFileSync(join(harness.settings.workingDirectory, 'bomb.xlsx'));
    expect(bomb.length).toBeLessThan(50_000);
    await small.file('bomb.xlsx', bomb);
    const reading = small.run(sourceNode, 'in', { source_type: 'file', path: 'bomb.xlsx' });
    expect(await small.failure(reading)).toMatch(
      /^OutOfMemory: bomb\.xlsx: xl\/worksheets\/sheet1\.xml unpacks to \d+ bytes/,
    );
    await small.close();
    writeFileSync(join(harness.settings.workingDirectory, 'cut.xlsx'), bomb.subarray(0, bomb.length / 2));
    expect(await failure(read({ path: 'cut.xlsx' }))).toBe(
      'BadFile: cut.xlsx is no whole Excel file (.xlsx)',
    );
    await workbook('odd.xlsx', { 'xl/worksheets/sheet1.xml': '<worksheet><row></worksheet>' });
    expect(await failure(read({ path: 'odd.xlsx' }))).toMatch(
      /^BadFile: odd\.xlsx is no whole Excel file: .*sheet1\.xml cannot be read/,
    );
  });
});
