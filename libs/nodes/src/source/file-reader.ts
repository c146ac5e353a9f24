import { NodeError } from '../node-kind.js';
import { type FileFormat, formatOf, type NativeFormat } from '../tables/file-format.js';
import { listLiteral, literal, structLiteral } from '../tables/sql-text.js';

/** `config.options` of a file source, as its schema has it. */
export interface FileOptions {
  columns?: Record<string, string>;
  delimiter?: string;
  header?: boolean;
  quote?: string;
  escape?: string;
  null_values?: string | string[];
  encoding?: string;
  decimal_separator?: string;
  thousands_separator?: string;
  date_format?: string;
  timestamp_format?: string;
  skip_lines?: number;
  sheet?: string;
  bad_rows?: 'fail' | 'skip' | 'reject';
  sample_size?: number;
}

const COMMON = ['columns', 'sample_size'];
const CSV_ONLY = [
  'delimiter',
  'header',
  'quote',
  'escape',
  'null_values',
  'encoding',
  'decimal_separator',
  'thousands_separator',
  'date_format',
  'timestamp_format',
  'skip_lines',
  'bad_rows',
];
const ALLOWED: Record<FileFormat, readonly string[]> = {
  csv: [...COMMON, ...CSV_ONLY],
  json: COMMON,
  ndjson: COMMON,
  parquet: [],
  arrow: [],
  xlsx: ['columns', 'header', 'skip_lines', 'sheet'],
};

/** Options that mean nothing to a format: telling is better than ignoring. */
export const unfitOptions = (format: FileFormat, options: object): string[] =>
  Object.keys(options).filter((key) => !ALLOWED[format].includes(key));

/** The separator of a CSV file when the options do not say. */
export const delimiterOf = (file: string, { delimiter }: FileOptions): string =>
  delimiter ?? (formatOf(file).ending === '.tsv' ? '\t' : ',');

/**
 * DuckDB's call that reads these files as one table; `extra` are further arguments.
 * @param stated for CSV: all columns with their types, so that nothing is detected.
 */
export function readerCall(
  format: NativeFormat,
  files: readonly string[],
  options: FileOptions,
  extra: readonly string[] = [],
  stated?: Record<string, string>,
): string {
  const unfit = unfitOptions(format, options);
  if (unfit.length > 0) {
    throw new NodeError('InvalidConfig', `options.${unfit[0]} does not apply to ${format}`, false);
  }
  const several = files.length > 1 ? ['union_by_name = true'] : [];
  const sample =
    options.sample_size === undefined || stated ? [] : [`sample_size = ${Number(options.sample_size)}`];
  const shared = [listLiteral(files), ...several, ...extra];
  switch (format) {
    case 'csv':
      return `read_csv(${[...shared, ...sample, ...csvArguments(files[0]!, options, stated)].join(', ')})`;
    case 'json':
    case 'ndjson': {
      // Objects with many different keys stay objects: their columns should not depend on how many there are.
      const json = [
        'map_inference_threshold = -1',
        `format = '${format === 'json' ? 'auto' : 'newline_delimited'}'`,
      ];
      const columns = options.columns ? [`columns = ${structLiteral(options.columns)}`] : [];
      return `read_json(${[...shared, ...sample, ...json, ...columns].join(', ')})`;
    }
    case 'parquet':
      return `read_parquet(${shared.join(', ')})`;
  }
}

/** Options that are texts for DuckDB too, by what it calls them. */
const TEXTS = {
  encoding: 'encoding',
  decimal_separator: 'decimal_separator',
  thousands_separator: 'thousands',
  date_format: 'dateformat',
  timestamp_format: 'timestampformat',
} as const;

/**
 * The dialect is always stated and never guessed: around one bad row DuckDB's guess makes a table of one column,
 * or one that begins below it.
 */
function csvArguments(file: string, options: FileOptions, stated?: Record<string, string>): string[] {
  const { header = true, quote = '"', escape = '"', columns } = options;
  const nulls = ['', ...[options.null_values ?? []].flat()];
  return [
    `delim = ${literal(delimiterOf(file, options))}`,
    `quote = ${literal(quote)}`,
    `escape = ${literal(quote === '' ? '' : escape)}`,
    `header = ${header === true}`,
    `nullstr = ${listLiteral(nulls)}`,
    ...Object.entries(TEXTS).flatMap(([option, argument]) => {
      const value = options[option as keyof typeof TEXTS];
      return value === undefined ? [] : [`${argument} = ${literal(value)}`];
    }),
    `skip = ${Number(options.skip_lines ?? 0)}`,
    "comment = ''",
    ...(columns && !stated ? [`${header ? 'types' : 'columns'} = ${structLiteral(columns)}`] : []),
    ...(stated ? ['auto_detect = false', `columns = ${structLiteral(stated)}`] : []),
  ];
}
