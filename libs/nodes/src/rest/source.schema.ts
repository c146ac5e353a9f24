import { connectionName } from '../connections/schema-parts.js';
import { incrementalRows } from '../source/incremental.js';
import { columnMap, SQL_TYPE } from '../tables/schema-parts.js';

const NAME = { type: 'string', minLength: 1, maxLength: 255 };
const PATH = { ...NAME, description: 'Keys with dots between them, such as `meta.next`.' };
const SIZE = { type: 'integer', minimum: 1, maximum: 100_000, description: '100 by default.' };

const style = (name: string, properties: object, required: string[] = []): object => ({
  type: 'object',
  required: ['style', ...required],
  additionalProperties: false,
  properties: { style: { const: name }, ...properties },
});

export const REST_SOURCE_SCHEMA = {
  type: 'object',
  required: ['source_type'],
  additionalProperties: false,
  properties: {
    source_type: { const: 'http' },
    connection: connectionName('http'),
    path: { type: 'string', maxLength: 2048, description: 'Below the base URL of the connection.' },
    query: {
      type: 'object',
      maxProperties: 100,
      additionalProperties: { type: ['string', 'number', 'boolean'] },
      description: 'What is asked with every request.',
    },
    records: {
      ...PATH,
      description:
        'Where the list of records lies, such as `data.items`; when left out the answer is the list.',
    },
    pagination: {
      description: 'How the service hands out what is too much for one answer; by default one answer is all.',
      oneOf: [
        style('none', {}),
        style('page', {
          param: { ...NAME, description: '`page` by default. It ends with a page without records.' },
          start: { type: 'integer', minimum: 0, description: '1 by default.' },
          size_param: NAME,
          size: SIZE,
        }),
        style('offset', {
          param: { ...NAME, description: '`offset` by default. It ends with a page that is not full.' },
          size_param: { ...NAME, description: '`limit` by default.' },
          size: SIZE,
        }),
        style('cursor', { param: { ...NAME, description: '`cursor` by default.' }, next: PATH }, ['next']),
        style('next_url', { next: PATH }, ['next']),
        style('link', {}),
      ],
    },
    max_pages: {
      type: 'integer',
      minimum: 1,
      maximum: 100_000,
      description: '1,000 by default; more of them fail.',
    },
    incremental: incrementalRows({
      param: {
        ...NAME,
        description: 'The query parameter that tells the service the mark, if it knows one.',
      },
    }),
    columns: columnMap(
      SQL_TYPE,
      'All columns with their types, instead of inferring them; other keys are left out.',
    ),
  },
};
