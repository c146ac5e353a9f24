import { CHECK_SEVERITIES } from '@tauro/domain';
import { CHECKS } from './checks/index.js';

/** The options that every check has. */
export const CHECK_OPTIONS = {
  name: {
    type: 'string',
    minLength: 1,
    maxLength: 200,
    description: 'What its results are listed under; by default its type with its columns, `not_null(id)`.',
  },
  severity: {
    enum: CHECK_SEVERITIES,
    description:
      '`fail` (default): the task fails, and no node sees the table. `quarantine`: the bad rows leave the table and are ' +
      'kept beside it. `warn`: a line in the log.',
  },
  samples: {
    type: 'integer',
    minimum: 0,
    maximum: 10,
    description: 'How many bad rows are shown with the result; 3 by default, 0 keeps their values out of it.',
  },
};

/** JSON Schema of the key `checks`. */
export const CHECKS_SCHEMA = {
  type: 'array',
  minItems: 1,
  maxItems: 100,
  description: 'What must hold of the rows that the node has made, before any other node sees them.',
  items: {
    oneOf: [...CHECKS.values()].map(({ type, schema: { description, required = [], properties } }) => ({
      type: 'object',
      description,
      required: ['type', ...required],
      additionalProperties: false,
      properties: { type: { const: type }, ...properties, ...CHECK_OPTIONS },
    })),
  },
};
