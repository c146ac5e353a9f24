import { NodeError } from '../node-kind.js';

export const FILE_FORMATS = ['csv', 'json', 'ndjson', 'parquet', 'arrow', 'xlsx'] as const;
export type FileFormat = (typeof FILE_FORMATS)[number];

/** Formats that DuckDB reads and writes by itself. */
export type NativeFormat = Exclude<FileFormat, 'arrow' | 'xlsx'>;

export type Compression = 'gzip' | 'zstd';

/** How files of a format end, the usual one first. */
const ENDINGS: Record<FileFormat, readonly string[]> = {
  csv: ['.csv', '.tsv'],
  json: ['.json'],
  ndjson: ['.ndjson', '.jsonl'],
  parquet: ['.parquet', '.pq'],
  arrow: ['.arrow', '.arrows', '.feather', '.ipc'],
  xlsx: ['.xlsx'],
};
const COMPRESSIONS: Record<string, Compression> = { '.gz': 'gzip', '.zst': 'zstd' };

/** Every way a file of this format may end, compressed ones included. */
export const endingsOf = (format: FileFormat): string[] =>
  ENDINGS[format].flatMap((ending) => ['', ...Object.keys(COMPRESSIONS)].map((suffix) => ending + suffix));

/** What a path's ending says: `a.csv.gz` is gzipped CSV. */
export function formatOf(path: string): { format?: FileFormat; ending?: string; compression?: Compression } {
  let name = path.toLowerCase();
  const compression = Object.entries(COMPRESSIONS).find(([suffix]) => name.endsWith(suffix));
  if (compression) name = name.slice(0, -compression[0].length);
  for (const format of FILE_FORMATS) {
    const ending = ENDINGS[format].find((candidate) => name.endsWith(candidate));
    if (ending) return { format, ending, ...(compression && { compression: compression[1] }) };
  }
  return compression ? { compression: compression[1] } : {};
}

/** The format that was asked for, else the one the path says. @throws NodeError when neither does */
export function chooseFormat(path: string, asked: unknown): FileFormat {
  const format = (asked as FileFormat | undefined) ?? formatOf(path).format;
  if (format && FILE_FORMATS.includes(format)) return format;
  const message = `the format of '${path}' is unclear; set format to one of ${FILE_FORMATS.join(', ')}`;
  throw new NodeError('UnknownFormat', message, false);
}

/** How files may end that stand for a folder. @param asked the format that was asked for, if any */
export const endingsAsked = (asked: unknown): string[] =>
  FILE_FORMATS.filter((format) => format === (asked ?? format)).flatMap(endingsOf);

/** The format of files that are read as one table. @throws NodeError when they have several */
export function oneFormat(paths: readonly string[], asked: unknown): FileFormat {
  const [format, ...others] = new Set(paths.map((path) => chooseFormat(path, asked)));
  if (others.length === 0) return format!;
  const message = `the files have different formats: ${[format, ...others].join(', ')}; set format, or name those of one format, such as '*.csv'`;
  throw new NodeError('UnknownFormat', message, false);
}
