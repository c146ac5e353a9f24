import { type ErrorDetail, type NodeDefinition } from '@tauro/domain';
import { connectionName } from '../connections/schema-parts.js';
import { type NodeContext, type NodeResult } from '../node-kind.js';
import { incrementalRows } from '../source/incremental.js';
import { type TableSource } from '../source/table-source.js';
import { columnMap, SQL_TYPE } from '../tables/schema-parts.js';
import { operatorFaults } from './question.js';
import { collectionName } from './schema-parts.js';

const OBJECT = { type: 'object', maxProperties: 1000 };

/** Documents of a collection, a column for each of their keys. */
export const mongodbSource: TableSource = {
  type: 'mongodb',
  connection: 'mongodb',
  check,
  schema: {
    type: 'object',
    required: ['source_type', 'collection'],
    additionalProperties: false,
    properties: {
      source_type: { const: 'mongodb' },
      connection: connectionName('mongodb'),
      collection: collectionName('A collection or view.'),
      filter: {
        ...OBJECT,
        description:
          'Which documents, in the words of MongoDB; dates and the like as Extended JSON: `{"at": {"$gte": {"$date": "{{ params.since }}"}}}`. Templates are whole values, and never operators.',
      },
      projection: { ...OBJECT, description: 'Which keys: `{"_id": 0, "lines": 1}`.' },
      sort: { ...OBJECT, description: 'In which order: `{"at": 1}`.' },
      limit: { type: 'integer', minimum: 1, description: 'How many documents at most.' },
      pipeline: {
        type: 'array',
        items: OBJECT,
        minItems: 1,
        maxItems: 100,
        description: 'Or an aggregation, instead of those. $out, $merge and whatever runs code are refused.',
      },
      incremental: incrementalRows(),
      columns: columnMap(
        SQL_TYPE,
        'All columns with their types, instead of telling them by the values; other keys are left out.',
      ),
    },
  },

  async read(context: NodeContext): Promise<NodeResult> {
    // The driver is loaded by those who need it.
    const { readDocuments } = await import('./read-documents.js');
    return readDocuments(context);
  },
};

function check({ config = {} }: NodeDefinition): ErrorDetail[] {
  const both = ['filter', 'projection', 'sort', 'limit'].filter((key) => config[key] !== undefined);
  const mixed = (config['pipeline'] === undefined ? [] : both).map((key) => ({
    field: `config.${key}`,
    message: 'is a stage of the pipeline when there is one',
    type: 'value_error',
  }));
  const { column } = (config['incremental'] ?? {}) as { column?: unknown };
  const inside = typeof column === 'string' && /^\$|\./.test(column);
  const incremental = [
    ...(column !== undefined && config['limit'] !== undefined
      ? [['limit', 'does not go together with incremental: what it cuts off would never be read']]
      : []),
    ...(inside ? [['incremental.column', 'must be a key of the documents themselves']] : []),
  ].map(([key, message]) => ({ field: `config.${key}`, message: message!, type: 'value_error' }));
  const asked = ['filter', 'projection', 'pipeline'];
  return [...mixed, ...incremental, ...asked.flatMap((key) => operatorFaults(config[key], `config.${key}`))];
}
