import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LastLine, PrintedText, ShortText } from './lines.js';
import { OutputLines } from './output-lines.js';

describe('what a command says by TAURO_OUTPUT', () => {
  let folder: string;
  let file: string;
  let told: unknown[];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'output-'));
    file = join(folder, 'out');
    writeFileSync(file, '');
    told = [];
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const open = (): OutputLines =>
    new OutputLines(file, {
      log: (level, message) => told.push(`${level} ${message}`),
      progress: (fraction) => told.push(fraction),
    });
  const all = (text: string): OutputLines => {
    const lines = open();
    appendFileSync(file, text);
    lines.end();
    return lines;
  };
  const json = (...messages: object[]): string =>
    messages.map((message) => JSON.stringify(message)).join('\n');

  it('is taken as it comes, each line once, halves and wide characters included', () => {
    const lines = open();
    const text = Buffer.from(json({ type: 'log', level: 'warning', message: 'größer 😀' }) + '\n');
    for (let i = 0; i < text.length; i += 3) {
      appendFileSync(file, text.subarray(i, i + 3));
      expect(lines.poll()).toBe(false);
    }
    appendFileSync(
      file,
      '\n' + json({ type: 'progress', fraction: 0.4 }, { type: 'log', message: 'm' }) + '\n',
    );
    lines.poll();
    lines.poll();
    expect(told).toEqual(['WARNING größer 😀', 0.4, 'INFO m']);
    appendFileSync(file, json({ type: 'output', value: { a: [1] } }, { type: 'output', value: null }));
    lines.end();
    expect([lines.value, lines.fault]).toEqual([null, undefined]);
  });

  it('counts the last table and output', () => {
    const tables = ['a.csv', 'b.data'].map((path) => ({ type: 'table', path, format: 'csv' }));
    const { table, value } = all(json(...tables, { type: 'output', value: 1 }, { type: 'output', value: 2 }));
    expect([table, value]).toEqual([{ path: 'b.data', format: 'csv' }, 2]);
  });

  it.each<[string, string]>([
    ['hello', 'line 1: is no JSON: hello'],
    ['\n{"type":"output"}', 'line 2: an output needs a value'],
    ['{"type":"progress","fraction":"half"}', 'line 1: a progress needs a fraction'],
    ['{"type":"log","level":"LOUD","message":"m"}', 'line 1: the level of a log is one of DEBUG'],
    ['{"type":"log","message":{}}', 'line 1: a log needs a message'],
    ['{"type":"table","path":7}', 'line 1: a table needs the path'],
    ['{"type":"rows"}', 'line 1: its type is none of'],
    ['null', 'line 1: its type is none of'],
    ['[1]', 'line 1: its type is none of'],
    ['x'.repeat(1_200_000), 'line 1: is longer than'],
    ['{"type":"output","value":1}\nbad\nworse', 'line 2: is no JSON: bad'],
  ])('tells what is wrong with %.40j', (text, fault) => {
    expect(all(text).fault).toMatch(`TAURO_OUTPUT ${fault}`);
  });

  it('ends somewhere', () => {
    const { fault } = all((' '.repeat(1023) + '\n').repeat(70 * 1024));
    expect(fault).toContain('more than 67108864 bytes');
  });

  it('is the file that was there, whatever becomes of its name', () => {
    const lines = open();
    renameSync(file, `${file}.old`);
    writeFileSync(file, 'nonsense');
    appendFileSync(`${file}.old`, json({ type: 'output', value: 1 }));
    lines.end();
    expect([lines.value, lines.fault]).toEqual([1, undefined]);
  });
});

describe('what a command prints', () => {
  const shown = (...chunks: (string | Buffer)[]): string => {
    const text = new PrintedText();
    return chunks.map((chunk) => text.take(Buffer.from(chunk as string))).join('') + text.end();
  };

  it('is made harmless', () => {
    expect(shown('\x1b[31mred\x1b[0m \x1b]0;title\x07ok')).toBe('red ok');
    expect(shown(Buffer.from([0x61, 0xff, 0x00, 0x07, 0x62, 0x0a]))).toBe('a\ufffd\ufffd\ufffdb\n');
    expect(shown(Buffer.from('é').subarray(0, 1), Buffer.from('é').subarray(1))).toBe('é');
    expect(shown(Buffer.from('€').subarray(0, 2))).toBe('\ufffd');
    expect(shown('10%\r20%\r', '\nnext\tcolumn\r\n')).toBe('10%\n20%\nnext\tcolumn\n');
  });

  it('is kept as long as it is short, and its last line always', () => {
    const short = new ShortText(10);
    const last = new LastLine(20);
    for (const part of ['abc', 'def\n']) [short, last].forEach((one) => one.add(part));
    expect([short.value, last.value]).toEqual(['abcdef', 'abcdef']);
    for (const part of ['\n\n', 'x'.repeat(50), '\n why \n\n']) [short, last].forEach((one) => one.add(part));
    expect([short.value, last.value]).toEqual([undefined, 'why']);
    last.add('y'.repeat(30));
    expect(last.value).toBe(`${'y'.repeat(20)}…`);
    expect(new LastLine(5).value).toBeUndefined();
  });
});
