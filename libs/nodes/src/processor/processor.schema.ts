import { CHECKS_SCHEMA } from '../quality/quality.schema.js';
import { TRANSFORMATIONS } from './transformations/index.js';

const kinds = [...TRANSFORMATIONS.values()];

const byName = {
  type: 'string',
  enum: kinds.filter(({ bare }) => bare).map(({ type }) => type),
  description: 'The name alone, where no option is needed.',
};

const withOptions = kinds.map(({ type, schema: { description, required = [], properties } }) => ({
  type: 'object',
  description,
  required: ['type', ...required],
  additionalProperties: false,
  properties: { type: { const: type }, ...properties },
}));

export const PROCESSOR_SCHEMA = {
  type: 'object',
  additionalProperties: false,
  properties: {
    transformations: {
      type: 'array',
      minItems: 1,
      maxItems: 100,
      description: 'Applied one after the other to an upstream table.',
      items: { oneOf: [byName, ...withOptions] },
    },
    input: {
      type: 'string',
      minLength: 1,
      description:
        'With transformations and several upstream tables: the node id of the one to start from. By default the ' +
        'first that no join or union names in `with`.',
    },
    sql: {
      type: 'string',
      minLength: 1,
      maxLength: 100_000,
      description:
        'Instead of transformations: one SELECT over the upstream tables, named by node id, or `input` when ' +
        'there is just one. Templates in it are bound as values.',
    },
    checks: CHECKS_SCHEMA,
  },
};
