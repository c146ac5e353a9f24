import { type DuckDbSession } from '../tables/duckdb.js';
import { literal } from '../tables/sql-text.js';
import { NodeError } from '../node-kind.js';
import { delimiterOf, type FileOptions, readerCall } from './file-reader.js';

/** Rows that types are inferred from, as many as DuckDB looks at. */
const SAMPLE_ROWS = 20_480;

/**
 * Reads a CSV file that DuckDB's detection gives up on: with a quote that is not closed among the first rows it
 * tells neither the row nor the columns. When all columns are stated nothing is detected, and each bad row is
 * found like any other.
 */
export class UndetectedCsv {
  constructor(
    private readonly session: DuckDbSession,
    private readonly file: string,
    private readonly options: FileOptions,
    /** As messages call the file. */
    private readonly shown: string,
  ) {}

  /** A reader of every column as text. @throws NodeError when the first line itself is the fault */
  async asText(extra: readonly string[]): Promise<string> {
    return this.reader(extra, await this.textColumns());
  }

  /**
   * A reader with the types that the good rows have, for going on without the bad ones.
   * @param sample a path this session may write; holds some good rows afterwards
   */
  async typed(extra: readonly string[], sample: string): Promise<string> {
    const columns = await this.textColumns();
    const good = `SELECT * FROM ${this.reader(['ignore_errors = true'], columns)} LIMIT ${SAMPLE_ROWS}`;
    await this.session.copy(good, sample, 'FORMAT csv, HEADER true');
    const inferred = await this.session.columns(
      `SELECT * FROM read_csv(${literal(sample)}, delim = ',', quote = '"', escape = '"', header = true, comment = '')`,
    );
    const types = inferred.map(({ name, type }) => [name, this.options.columns?.[name] ?? type]);
    return this.reader(extra, Object.fromEntries(types) as Record<string, string>);
  }

  private reader(extra: readonly string[], columns: Record<string, string>): string {
    return readerCall('csv', [this.file], this.options, extra, columns);
  }

  private async textColumns(): Promise<Record<string, string>> {
    const { header = true, columns } = this.options;
    if (!header && columns) return columns;
    const cells = split(await this.firstLine(), delimiterOf(this.file, this.options), this.options);
    if (!cells) {
      const line = (this.options.skip_lines ?? 0) + 1;
      throw new NodeError('BadRow', `${this.shown} line ${line}: a quote is not closed`, false);
    }
    return Object.fromEntries(uniqueNames(header ? cells : cells.map(() => '')).map((n) => [n, 'VARCHAR']));
  }

  /** Read as one column of lines, which nothing in them can spoil. */
  private async firstLine(): Promise<string> {
    const { encoding, skip_lines = 0 } = this.options;
    const [line = ''] = await this.session.texts(
      `SELECT line FROM read_csv(${literal(this.file)}, auto_detect = false, header = false, quote = '',
       escape = '', delim = '\u001f', columns = {'line': 'VARCHAR'}, skip = ${Number(skip_lines)}
       ${encoding ? `, encoding = ${literal(encoding)}` : ''}) LIMIT 1`,
    );
    return line;
  }
}

/** The cells of a line; undefined when a quote in it is not closed. */
function split(line: string, delimiter: string, { quote = '"' }: FileOptions): string[] | undefined {
  const cells: string[] = [];
  let cell = '';
  let inside = false;
  for (let i = 0; i < line.length; i++) {
    if (quote !== '' && line[i] === quote) {
      if (inside && line[i + 1] === quote) cell += line[i++];
      else inside = !inside;
    } else if (!inside && line.startsWith(delimiter, i)) {
      cells.push(cell);
      cell = '';
      i += delimiter.length - 1;
    } else cell += line[i];
  }
  return inside ? undefined : [...cells, cell];
}

/** Names as DuckDB gives them: `column0` for an empty one, `a_1` for a second `a`. */
function uniqueNames(names: readonly string[]): string[] {
  const taken = new Set<string>();
  return names.map((name, i) => {
    const base = name.trim() || `column${i}`;
    let unique = base;
    for (let n = 1; taken.has(unique.toLowerCase()); n++) unique = `${base}_${n}`;
    taken.add(unique.toLowerCase());
    return unique;
  });
}
