import { connectionName } from '../connections/schema-parts.js';
import { DRIFT, writeModes } from '../sink/write-modes.js';

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
    ...writeModes(
      'Each is one transaction: others see all of it or nothing, and an attempt that is repeated adds nothing twice.',
    ),
    drift: DRIFT,
  },
};
