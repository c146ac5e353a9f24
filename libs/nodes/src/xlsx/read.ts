import { NodeError } from '../node-kind.js';
import { type ForeignFile, type LineRow } from '../formats/foreign-format.js';
import { isDateFormat } from './date-formats.js';
import { Workbook } from './zip.js';

/** Characters that the texts of a workbook, which all sheets share and any cell may name, may have together. */
const MAX_SHARED = 64 * 1024 * 1024;
const DAY_MS = 86_400_000;

/** What a cell holds: a day without a time is a day. */
type Cell =
  | { kind: 'number'; value: number }
  | { kind: 'text' | 'moment'; value: string }
  | { kind: 'boolean'; value: boolean };

/** Reads one sheet, row after row; of formulas what they came to when the file was saved, none is worked out. */
export async function readSheet(
  { path, shown, options, maxBytes }: ForeignFile,
  take: (row: LineRow) => Promise<void>,
): Promise<Record<string, string>> {
  const { header = true, skip_lines = 0, sheet } = options;
  const book = await Workbook.open(path, shown, maxBytes);
  try {
    const { part, epoch } = await sheetOf(book, sheet, shown);
    const texts = await sharedTexts(book, shown);
    const dates = await dateStyles(book);
    const columns = new Columns();
    let ready: (Cell | undefined)[][] = [];
    let seen = 0;
    const reading = new SheetReader(texts, dates, epoch, (cells) => {
      if (++seen <= skip_lines) return;
      if (header && !columns.named) columns.name(cells);
      else if (cells.some((cell) => cell !== undefined)) ready.push(cells);
    });
    await book.parse(part, {
      ...reading.handlers,
      async chunk() {
        for (const cells of ready) await take(columns.row(cells));
        ready = [];
      },
    });
    return columns.types();
  } finally {
    book.close();
  }
}

/** Where a sheet lies in the file, and which day its dates count from. */
async function sheetOf(
  book: Workbook,
  wanted: string | undefined,
  shown: string,
): Promise<{ part: string; epoch: number }> {
  const sheets: { name: string; id: string }[] = [];
  const targets = new Map<string, string>();
  let epoch = Date.UTC(1899, 11, 30);
  await book.parse('xl/workbook.xml', {
    open({ name, attributes }) {
      if (name === 'workbookPr' && /^(1|true)$/.test(attributes['date1904'] ?? ''))
        epoch = Date.UTC(1904, 0, 1);
      const id = Object.entries(attributes).find(([key]) => key.endsWith(':id'))?.[1];
      if (name === 'sheet' && id !== undefined) sheets.push({ name: attributes['name'] ?? '', id });
    },
  });
  await book.parse('xl/_rels/workbook.xml.rels', {
    open: ({ attributes: { Id, Target } }) => void (Id && Target && targets.set(Id, Target)),
  });
  const found = wanted === undefined ? sheets[0] : sheets.find(({ name }) => name === wanted);
  const target = found && targets.get(found.id);
  if (target === undefined) {
    const names = sheets.map(({ name }) => name).join(', ');
    const message =
      wanted === undefined
        ? `${shown} has no sheet`
        : `options.sheet: ${shown} has no sheet '${wanted}' (sheets: ${names})`;
    throw new NodeError(wanted === undefined ? 'BadFile' : 'InvalidConfig', message, false);
  }
  return { part: target.startsWith('/') ? target.slice(1) : `xl/${target}`, epoch };
}

async function sharedTexts(book: Workbook, shown: string): Promise<string[]> {
  const texts: string[] = [];
  if (!book.has('xl/sharedStrings.xml')) return texts;
  let text = '';
  let inside = false;
  let phonetic = false;
  let total = 0;
  await book.parse('xl/sharedStrings.xml', {
    open({ name }) {
      if (name === 'si') text = '';
      if (name === 'rPh') phonetic = true;
      inside = name === 't' && !phonetic;
    },
    text: (part) => void (inside && (text += part)),
    close(name) {
      inside = false;
      if (name === 'rPh') phonetic = false;
      if (name !== 'si') return;
      total += text.length;
      if (total > MAX_SHARED)
        throw new NodeError(
          'OutOfMemory',
          `${shown}: its texts have more than ${MAX_SHARED} characters`,
          false,
        );
      texts.push(unescaped(text));
    },
  });
  return texts;
}

/** Places of the styles by which numbers are shown as times. */
async function dateStyles(book: Workbook): Promise<Set<number>> {
  const dates = new Set<number>();
  if (!book.has('xl/styles.xml')) return dates;
  const formats = new Map<number, string>();
  let inside = false;
  let place = 0;
  await book.parse('xl/styles.xml', {
    open({ name, attributes }) {
      if (name === 'numFmt') formats.set(Number(attributes['numFmtId']), attributes['formatCode'] ?? '');
      if (name === 'cellXfs') inside = true;
      if (name !== 'xf' || !inside) return;
      const id = Number(attributes['numFmtId'] ?? 0);
      if (isDateFormat(id, formats.get(id))) dates.add(place);
      place++;
    },
    close: (name) => void (name === 'cellXfs' && (inside = false)),
  });
  return dates;
}

/** Makes cells of the elements of a sheet. */
class SheetReader {
  private cells: (Cell | undefined)[] = [];
  private column = 0;
  private type = '';
  private style = 0;
  private text = '';
  private inside = false;

  constructor(
    private readonly texts: readonly string[],
    private readonly dates: ReadonlySet<number>,
    private readonly epoch: number,
    private readonly row: (cells: (Cell | undefined)[]) => void,
  ) {}

  readonly handlers = {
    open: ({ name, attributes }: { name: string; attributes: Record<string, string> }): void => {
      if (name === 'row') this.cells = [];
      if (name === 'c') {
        const at = attributes['r'];
        this.column = at === undefined ? this.cells.length : columnOf(at);
        this.type = attributes['t'] ?? 'n';
        this.style = Number(attributes['s'] ?? 0);
        this.text = '';
      }
      this.inside = name === 'v' || name === 't';
    },
    text: (part: string): void => void (this.inside && (this.text += part)),
    close: (name: string): void => {
      this.inside = false;
      if (name === 'c') this.cells[this.column] = this.cell();
      if (name === 'row') this.row(Array.from(this.cells));
    },
  };

  private cell(): Cell | undefined {
    const { type, text } = this;
    if (text === '' && type !== 'inlineStr') return undefined;
    switch (type) {
      case 's':
        return { kind: 'text', value: this.texts[Number(text)] ?? '' };
      case 'str':
      case 'inlineStr':
        return text === '' ? undefined : { kind: 'text', value: unescaped(text) };
      case 'b':
        return { kind: 'boolean', value: text === '1' };
      case 'd':
        return { kind: 'moment', value: text };
      case 'e':
        return undefined;
      default: {
        const value = Number(text);
        if (!this.dates.has(this.style)) return { kind: 'number', value };
        const time = new Date(this.epoch + Math.round(value * DAY_MS));
        return Number.isNaN(time.getTime())
          ? { kind: 'number', value }
          : { kind: 'moment', value: time.toISOString() };
      }
    }
  }
}

/** `AB12` is the 28th column, which has the place 27. */
function columnOf(reference: string): number {
  const letters = /^[A-Z]{1,3}/.exec(reference)?.[0] ?? 'A';
  return [...letters].reduce((sum, letter) => sum * 26 + letter.charCodeAt(0) - 64, 0) - 1;
}

/** Characters that XML has no place for stand as `_x0007_`. */
const unescaped = (text: string): string =>
  text.replace(/_x([0-9A-Fa-f]{4})_/g, (_, code: string) => String.fromCharCode(parseInt(code, 16)));

/** The names of columns, and of what sort their values were. */
class Columns {
  named = false;
  private readonly names: string[] = [];
  private readonly kinds: Set<string>[] = [];

  name(cells: readonly (Cell | undefined)[]): void {
    this.named = true;
    for (const cell of cells) this.add(cell === undefined ? '' : String(cell.value).trim());
  }

  row(cells: readonly (Cell | undefined)[]): LineRow {
    const row: LineRow = {};
    cells.forEach((cell, i) => {
      while (i >= this.names.length) this.add('');
      if (cell === undefined) return;
      this.kinds[i]!.add(sortOf(cell));
      row[this.names[i]!] = cell.value;
    });
    return row;
  }

  /** A column that holds several sorts holds texts. */
  types(): Record<string, string> {
    return Object.fromEntries(this.names.map((name, i) => [name, typeOf(this.kinds[i]!)]));
  }

  /** As CSV names columns: `column3` for one without a name, `a_1` for a second `a`. */
  private add(name: string): void {
    const base = name === '' ? `column${this.names.length}` : name;
    const taken = new Set(this.names.map((one) => one.toLowerCase()));
    let unique = base;
    for (let n = 1; taken.has(unique.toLowerCase()); n++) unique = `${base}_${n}`;
    this.names.push(unique);
    this.kinds.push(new Set());
  }
}

const sortOf = ({ kind, value }: Cell): string => {
  if (kind === 'number') return Number.isSafeInteger(value) ? 'BIGINT' : 'DOUBLE';
  if (kind === 'moment') return /T00:00:00(\.0+)?Z?$/.test(value) ? 'DATE' : 'TIMESTAMP';
  return kind === 'boolean' ? 'BOOLEAN' : 'VARCHAR';
};

function typeOf(sorts: ReadonlySet<string>): string {
  const all = [...sorts];
  if (all.length === 1) return all[0]!;
  if (all.length > 0 && all.every((sort) => sort === 'BIGINT' || sort === 'DOUBLE')) return 'DOUBLE';
  if (all.length > 0 && all.every((sort) => sort === 'DATE' || sort === 'TIMESTAMP')) return 'TIMESTAMP';
  return 'VARCHAR';
}
