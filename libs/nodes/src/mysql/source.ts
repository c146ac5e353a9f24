import { connectionName } from '../connections/schema-parts.js';
import { type NodeContext, type NodeResult } from '../node-kind.js';
import { incrementalRows } from '../source/incremental.js';
import { TABLE_OR_QUERY, tableOrQueryFaults } from '../source/table-or-query.js';
import { type TableSource } from '../source/table-source.js';

/** Rows of a table or a query, row by row. */
export const mysqlSource: TableSource = {
  type: 'mysql',
  connection: 'mysql',
  check: tableOrQueryFaults,
  schema: {
    type: 'object',
    required: ['source_type'],
    additionalProperties: false,
    properties: {
      source_type: { const: 'mysql' },
      connection: connectionName('mysql'),
      ...TABLE_OR_QUERY('a `tinyint(1)` is TINYINT, and a `decimal` of more than 38 digits DOUBLE'),
      incremental: incrementalRows(),
    },
  },

  async read(context: NodeContext): Promise<NodeResult> {
    // The client is loaded by those who need it.
    const { readRows } = await import('./read-rows.js');
    return readRows(context);
  },
};
