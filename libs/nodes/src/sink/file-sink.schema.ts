import { FILE_FORMATS } from '../tables/file-format.js';
import { COLUMN_NAMES } from '../tables/schema-parts.js';

export const WRITE_MODES = ['overwrite', 'append', 'error'] as const;

export const FILE_SINK_SCHEMA = {
  type: 'object',
  required: ['destination', 'path'],
  additionalProperties: false,
  properties: {
    destination: { const: 'file' },
    path: {
      type: 'string',
      minLength: 1,
      maxLength: 4096,
      description: 'Under DATA_ROOTS; folders are made. With partition_by it is a folder.',
    },
    format: {
      enum: FILE_FORMATS,
      description:
        'Told by the path\'s ending when left out (.gz and .zst compress); parquet for a folder. In csv an empty text is written as `""` and null as nothing, which a source reads as they were.',
    },
    write_mode: {
      enum: WRITE_MODES,
      description:
        'overwrite (default) replaces what is there, at once; append puts rows behind those of a csv or ndjson ' +
        'file, or adds one file per run and node to a folder (which an attempt that is repeated replaces, so no ' +
        'row is there twice); error fails when there is something already.',
    },
    partition_by: {
      ...COLUMN_NAMES,
      description: 'Columns whose values become folders: `year=2026/month=1/`.',
    },
  },
};
