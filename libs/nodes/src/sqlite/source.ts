import { type NodeContext, type NodeResult } from '../node-kind.js';
import { incrementalRows } from '../source/incremental.js';
import { TABLE_OR_QUERY, tableOrQueryFaults } from '../source/table-or-query.js';
import { type TableSource } from '../source/table-source.js';

/** Rows of a SQLite file under DATA_ROOTS. */
export const sqliteSource: TableSource = {
  type: 'sqlite',
  check: tableOrQueryFaults,
  schema: {
    type: 'object',
    required: ['source_type', 'path'],
    additionalProperties: false,
    properties: {
      source_type: { const: 'sqlite' },
      path: { type: 'string', minLength: 1, maxLength: 4096, description: 'A file under DATA_ROOTS.' },
      ...TABLE_OR_QUERY('they are told by the values, which may be of any type there'),
      incremental: incrementalRows(),
    },
  },

  async read(context: NodeContext): Promise<NodeResult> {
    const { readRows } = await import('./read-rows.js');
    return readRows(context);
  },
};
