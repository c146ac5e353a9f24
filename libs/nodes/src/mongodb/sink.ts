import { type ErrorDetail, type NodeDefinition } from '@tauro/domain';
import { connectionName } from '../connections/schema-parts.js';
import { type NodeContext, type NodeResult } from '../node-kind.js';
import { type TableSink } from '../sink/table-sink.js';
import { keyFaults, writeModes } from '../sink/write-modes.js';
import { COLUMN_NAMES } from '../tables/schema-parts.js';
import { type TableInput } from '../tables/table-output.js';
import { collectionName } from './schema-parts.js';

/** Rows as documents of a collection. */
export const mongodbSink: TableSink = {
  type: 'mongodb',
  connection: 'mongodb',
  check: (node: NodeDefinition): ErrorDetail[] => keyFaults(node),
  schema: {
    type: 'object',
    required: ['destination', 'collection'],
    additionalProperties: false,
    properties: {
      destination: { const: 'mongodb' },
      connection: connectionName('mongodb'),
      collection: collectionName('A collection that is not there is made.'),
      ...writeModes(
        'overwrite and error are seen at once. So are append and upsert of 10,000 rows at most in a replica set; of more rows, some are seen earlier. An attempt that is repeated adds nothing twice.',
      ),
      object_ids: {
        ...COLUMN_NAMES,
        description: 'Columns whose texts of 24 hexadecimal digits are ids of documents, such as `_id`.',
      },
    },
  },

  async write(context: NodeContext, table: TableInput): Promise<NodeResult> {
    // The driver is loaded by those who need it.
    const { writeDocuments } = await import('./write-documents.js');
    return writeDocuments(context, table);
  },
};
