import { type NodeContext, type NodeResult } from '../node-kind.js';
import { type TableSink } from '../sink/table-sink.js';
import { DRIFT, keyFaults, writeModes } from '../sink/write-modes.js';
import { type TableInput } from '../tables/table-output.js';

/** Rows into a table of a SQLite file under DATA_ROOTS. */
export const sqliteSink: TableSink = {
  type: 'sqlite',
  check: keyFaults,
  schema: {
    type: 'object',
    required: ['destination', 'path', 'table'],
    additionalProperties: false,
    properties: {
      destination: { const: 'sqlite' },
      path: {
        type: 'string',
        minLength: 1,
        maxLength: 4096,
        description: 'A file under DATA_ROOTS. One that is not there is made, and so are folders.',
      },
      table: {
        type: 'string',
        minLength: 1,
        maxLength: 255,
        description: 'A table that is not there is made.',
      },
      ...writeModes(
        'Each is one transaction: others see all of it or nothing, and an attempt that is repeated adds nothing twice.',
      ),
      drift: DRIFT,
    },
  },

  async write(context: NodeContext, table: TableInput): Promise<NodeResult> {
    const { writeRows } = await import('./write-rows.js');
    return writeRows(context, table);
  },
};
