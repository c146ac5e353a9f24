import { type ErrorDetail, type NodeDefinition } from '@tauro/domain';
import { MAKES_TABLE, type NodeContext, type NodeKind, type NodeResult } from '../node-kind.js';
import { FILE_FORMATS, type FileFormat, formatOf } from '../tables/file-format.js';
import { unfitOptions } from './file-reader.js';
import { filesRead, readFiles } from './file-source.js';
import { readRows } from './inline-source.js';
import { SOURCE_SCHEMA } from './source.schema.js';

/** Brings rows into a pipeline: from files under DATA_ROOTS, or from the config itself. */
export const sourceNode: NodeKind = {
  type: 'source',
  cacheable: true,
  unmappable: MAKES_TABLE,
  summary: 'Reads rows from files (csv, json, ndjson, parquet) or from the config itself.',
  schema: SOURCE_SCHEMA,
  isolated: true,
  pins: { has: (config) => config['source_type'] === 'file', read: filesRead },

  check(node: NodeDefinition): ErrorDetail[] {
    const { source_type, path, paths, format, options } = node.config ?? {};
    if (source_type !== 'file') return [];
    if ((path === undefined) === (paths === undefined)) {
      return path === undefined
        ? [{ field: 'config.path', message: 'a file source needs path or paths', type: 'missing' }]
        : [{ field: 'config.paths', message: 'give path or paths, not both', type: 'value_error' }];
    }
    const known = (format ?? formatOf(String([path ?? paths].flat()[0])).format) as FileFormat | undefined;
    if (!known || !FILE_FORMATS.includes(known)) return [];
    return unfitOptions(known, (options ?? {}) as object).map((option) => ({
      field: `config.options.${option}`,
      message: `does not apply to ${known}`,
      type: 'value_error',
    }));
  },

  async execute(context: NodeContext): Promise<NodeResult> {
    return context.config['source_type'] === 'inline' ? readRows(context) : readFiles(context);
  },
};
