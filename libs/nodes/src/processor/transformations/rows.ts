import { columnsNamed } from '../../tables/named-columns.js';
import { numbered } from '../../tables/numbered.js';
import { COLUMN_NAMES } from '../../tables/schema-parts.js';
import { ident, idents } from '../../tables/sql-text.js';
import { orderBy, ORDER_BY } from './order-by.js';
import { expressionAt, type Transformation } from './transformation.js';

export const deduplicate: Transformation = {
  type: 'deduplicate',
  bare: true,
  schema: {
    description: 'Keeps the first of the rows that agree in `keys` (all columns by default), in their order.',
    properties: { keys: { ...COLUMN_NAMES, description: 'Columns that decide; nulls agree with nulls.' } },
  },
  query(from, { options, place }) {
    const { query, position } = numbered(from);
    const row = ident(position);
    const all = idents(from.columns.map((column) => column.name));
    const keys = columnsNamed(
      from.columns,
      (options['keys'] as string[] | undefined) ?? [],
      `${place}: keys`,
    );
    if (new Set(keys).size % from.columns.length === 0) {
      // Rows that agree in everything are the same row, so only where the first one stood must be kept.
      const first = `SELECT ${all}, min(${row}) AS ${row} FROM (${query}) GROUP BY ${all}`;
      return `SELECT ${all} FROM (${first}) ORDER BY ${row}`;
    }
    return `WITH numbered AS MATERIALIZED (${query}),
      firsts AS (SELECT min(${row}) AS ${row} FROM numbered GROUP BY ${idents(keys.map(({ name }) => name))})
      SELECT ${all} FROM numbered SEMI JOIN firsts USING (${row}) ORDER BY ${row}`;
  },
};

export const filter: Transformation = {
  type: 'filter',
  schema: {
    description: 'Keeps the rows for which `where` is true. Subqueries may use upstream tables by node id.',
    required: ['where'],
    properties: {
      where: {
        type: 'string',
        minLength: 1,
        description: 'An SQL condition; templates in it are bound as values.',
      },
    },
  },
  expressions: ['where'],
  async query({ view }, step) {
    return `SELECT * FROM ${ident(view)} WHERE ${await expressionAt(step, 'where', step.options['where'])}`;
  },
};

export const sort: Transformation = {
  type: 'sort',
  schema: {
    description: 'Orders the rows.',
    required: ['by'],
    properties: { by: ORDER_BY },
  },
  query: ({ view, columns }, { options, place }) =>
    `SELECT * FROM ${ident(view)} ORDER BY ${orderBy(options['by'], columns, `${place}: by`).join(', ')}`,
};

export const limit: Transformation = {
  type: 'limit',
  schema: {
    description: 'Keeps the first `count` rows after `offset`. Sort first, unless any rows will do.',
    required: ['count'],
    properties: {
      count: { type: 'integer', minimum: 0, description: 'How many rows to keep at most.' },
      offset: {
        type: 'integer',
        minimum: 0,
        description: 'How many rows to leave out before; 0 by default.',
      },
    },
  },
  query: ({ view }, { options }) =>
    `SELECT * FROM ${ident(view)} LIMIT ${Number(options['count'])} OFFSET ${Number(options['offset'] ?? 0)}`,
};
