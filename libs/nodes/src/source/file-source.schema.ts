import { FILE_FORMATS } from '../tables/file-format.js';
import { INCREMENTAL_FILES } from './incremental.js';
import { columnMap, SQL_TYPE } from '../tables/schema-parts.js';

const PATH = { type: 'string', minLength: 1, maxLength: 4096 };
const TIME_FORMAT = { type: 'string', minLength: 2, maxLength: 64, pattern: '%' };
const ONE_CHARACTER = { type: 'string', maxLength: 1 };

/** The `options` of whatever reads files. */
export const FILE_OPTIONS = {
  type: 'object',
  additionalProperties: false,
  properties: {
    columns: columnMap(
      SQL_TYPE,
      'Types of columns by name; others are inferred. For CSV without a header: all names and types, in order.',
    ),
    delimiter: { type: 'string', minLength: 1, maxLength: 4, description: 'CSV: `,` (a tab for .tsv).' },
    header: {
      type: 'boolean',
      description: 'CSV, xlsx: whether the first line holds the names; true by default.',
    },
    quote: { ...ONE_CHARACTER, description: 'CSV: `"` by default; an empty string for none.' },
    escape: { ...ONE_CHARACTER, description: 'CSV: what escapes a quote inside quotes; `"` by default.' },
    null_values: {
      anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' }, minItems: 1, maxItems: 100 }],
      description:
        'CSV: texts that stand for null, quoted or not, besides the empty one. Without it nothing between two ' +
        'delimiters is null and `""` is an empty text, unless the file has `""` in a column of numbers or dates: ' +
        'then it quotes everything, and both are null.',
    },
    encoding: { enum: ['utf-8', 'utf-16', 'latin-1'], description: 'CSV: utf-8 by default.' },
    decimal_separator: { enum: ['.', ','], description: 'CSV: `.` by default.' },
    thousands_separator: {
      ...ONE_CHARACTER,
      minLength: 1,
      description: 'CSV: what stands between thousands in numbers; nothing by default.',
    },
    date_format: { ...TIME_FORMAT, description: 'CSV: of days, such as `%d.%m.%Y`; ISO 8601 by default.' },
    timestamp_format: {
      ...TIME_FORMAT,
      description: 'CSV: of moments, such as `%d.%m.%Y %H:%M`; ISO 8601 by default.',
    },
    skip_lines: { type: 'integer', minimum: 0, description: 'CSV, xlsx: lines before the header.' },
    sheet: {
      type: 'string',
      minLength: 1,
      maxLength: 255,
      description: 'xlsx: the sheet; the first by default.',
    },
    bad_rows: {
      enum: ['fail', 'skip', 'reject'],
      description:
        'CSV: fail at the first row that does not fit (default), skip such rows with a warning, or reject them: they are ' +
        'kept apart with file, line, reason and text, to be seen and downloaded as the quarantine of the node. ' +
        'A quote that is never closed makes one bad row of all that follows it.',
    },
    sample_size: {
      type: 'integer',
      minimum: -1,
      description: 'CSV, JSON: rows looked at to infer types; -1 for all. 20480 by default.',
    },
  },
};

export const FILE_SOURCE_SCHEMA = {
  type: 'object',
  required: ['source_type'],
  additionalProperties: false,
  properties: {
    source_type: { const: 'file' },
    path: {
      ...PATH,
      description: 'A file, a folder of files, or a glob such as `in/*.csv`, under DATA_ROOTS.',
    },
    paths: {
      anyOf: [PATH, { type: 'array', items: PATH, minItems: 1, maxItems: 1000 }],
      description: 'Several of them, read as one table; columns are matched by name.',
    },
    format: {
      enum: FILE_FORMATS,
      description: 'Told by the endings of the files when left out; .gz and .zst are fine.',
    },
    options: FILE_OPTIONS,
    incremental: INCREMENTAL_FILES,
  },
};
