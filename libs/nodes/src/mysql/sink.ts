import { connectionName } from '../connections/schema-parts.js';
import { type NodeContext, type NodeResult } from '../node-kind.js';
import { type TableSink } from '../sink/table-sink.js';
import { DRIFT, keyFaults, writeModes } from '../sink/write-modes.js';
import { type TableInput } from '../tables/table-output.js';

/** Rows into a table, many with each statement. */
export const mysqlSink: TableSink = {
  type: 'mysql',
  connection: 'mysql',
  check: keyFaults,
  schema: {
    type: 'object',
    required: ['destination', 'table'],
    additionalProperties: false,
    properties: {
      destination: { const: 'mysql' },
      connection: connectionName('mysql'),
      table: {
        type: 'string',
        minLength: 1,
        maxLength: 255,
        description: 'Such as `orders` or `sales.orders`. A table that is not there is made.',
      },
      ...writeModes(
        'The rows are one transaction: others see all of them or none, and an attempt that is repeated adds nothing twice.',
      ),
      drift: DRIFT,
    },
  },

  async write(context: NodeContext, table: TableInput): Promise<NodeResult> {
    // The client is loaded by those who need it.
    const { writeRows } = await import('./write-rows.js');
    return writeRows(context, table);
  },
};
