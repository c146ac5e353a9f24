import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Column } from '@tauro/domain';
import { NodeError, type NodeContext } from '../node-kind.js';
import { type DuckDbSession } from '../tables/duckdb.js';
import { formatOf } from '../tables/file-format.js';
import { type ForeignFile, type ForeignFormat } from './foreign-format.js';
import { FOREIGN_FORMATS, type ForeignFormatName } from './foreign-formats.js';

/** Files as lines of JSON, and what stands in them. */
export interface Converted {
  files: string[];
  columns: Record<string, string>;
  /** What a converted file was made of. */
  origin: (path: string) => string;
}

const WHOLE = /^U?(?:TINY|SMALL|BIG)?INT(?:EGER)?$/;

/** Makes lines of JSON of files, hands them to `work`, and removes them. */
export async function withConverted<T>(
  context: NodeContext,
  name: ForeignFormatName,
  files: readonly string[],
  options: ForeignFile['options'],
  display: (path: string) => string,
  work: (converted: Converted) => Promise<T>,
): Promise<T> {
  const format = await FOREIGN_FORMATS[name]();
  const { tempDirectory, maxTempDiskMb } = context.settings.duckdb;
  const folder = join(tempDirectory, `converted-${randomUUID()}`);
  const origins = new Map<string, string>();
  const types: Record<string, string> = {};
  await mkdir(folder, { recursive: true });
  try {
    for (const [i, path] of files.entries()) {
      const shown = display(path);
      if (formatOf(shown).compression) {
        throw new NodeError(
          'BadFile',
          `${shown}: ${name} files that are compressed as a whole cannot be read; unpack it first`,
          false,
        );
      }
      const lines = join(folder, `${i}.ndjson`);
      origins.set(lines, path);
      const file = { path, shown, options, maxBytes: maxTempDiskMb * 1024 * 1024 };
      for (const [column, type] of Object.entries(await convert(context, format, file, lines))) {
        types[column] = both(types[column], type);
      }
    }
    return await work({
      files: [...origins.keys()],
      columns: types,
      origin: (path) => origins.get(path) ?? path,
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The type that values of both types have. */
function both(one: string | undefined, two: string): string {
  if (one === undefined || one === two) return two;
  return WHOLE.test(one) && WHOLE.test(two)
    ? 'BIGINT'
    : [one, two].every((type) => WHOLE.test(type) || type === 'DOUBLE')
      ? 'DOUBLE'
      : 'VARCHAR';
}

async function convert(
  { signal }: NodeContext,
  format: ForeignFormat,
  file: ForeignFile,
  path: string,
): Promise<Record<string, string>> {
  const out = createWriteStream(path);
  let bytes = 0;
  try {
    return await format.read(file, async (row) => {
      signal.throwIfAborted();
      const line = `${JSON.stringify(row)}\n`;
      bytes += line.length;
      if (bytes > file.maxBytes) {
        throw new NodeError(
          'OutOfMemory',
          `${file.shown}: its rows need more than DUCKDB_TEMP_DISK_MB lets a node use`,
          false,
        );
      }
      if (!out.write(line)) await once(out, 'drain');
    });
  } finally {
    await new Promise<void>((done) => out.end(done));
  }
}

/** Writes the rows of a query as a file of a format that DuckDB does not know. @returns how many */
export async function writeForeign(
  session: DuckDbSession,
  name: ForeignFormatName,
  query: string,
  columns: readonly Column[],
  path: string,
): Promise<number> {
  const format = await FOREIGN_FORMATS[name]();
  let rows = 0;
  const texts = columns.map((column) => format.text(column)).join(', ');
  const all = async function* (): AsyncGenerator<(string | null)[]> {
    for await (const chunk of session.stream(`SELECT to_json([${texts}])::VARCHAR FROM (${query})`)) {
      for (const row of chunk) {
        rows++;
        yield JSON.parse(row) as (string | null)[];
      }
    }
  };
  await format.write(path, columns, all());
  return rows;
}
