import { connectionName } from '../connections/schema-parts.js';
import { COLUMN_NAMES } from '../tables/schema-parts.js';

export const POSTGRESQL_SINK_SCHEMA = {
  type: 'object',
  required: ['destination', 'table'],
  additionalProperties: false,
  properties: {
    destination: { const: 'postgresql' },
    connection: connectionName('postgresql'),
    table: {
      type: 'string',
      minLength: 1,
      maxLength: 255,
      description: 'Such as `orders` or `sales.orders`. A table that is not there is made.',
    },
    write_mode: {
      enum: ['append', 'overwrite', 'upsert', 'error'],
      description:
        'append (default) adds the rows; overwrite replaces all that is there; upsert replaces the rows of the same ' +
        'key and adds the others; error fails when the table exists. Each is one transaction: others see all of it or ' +
        'nothing, and an attempt that is repeated adds nothing twice.',
    },
    key: {
      ...COLUMN_NAMES,
      description: 'For upsert: the columns that tell rows apart. Of equal ones the last row counts.',
    },
    drift: {
      enum: ['fail', 'add', 'ignore'],
      description:
        'What to do with columns that the table does not have: fail (default), add them to the table, or leave them out.',
    },
  },
};
