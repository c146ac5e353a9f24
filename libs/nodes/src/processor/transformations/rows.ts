import { type Column } from '@tauro/domain';
import { COLUMN_NAMES } from '../../tables/schema-parts.js';
import { findColumn, ident, idents, literal } from '../../tables/sql-text.js';
import {
  columnsNamed,
  expressionAt,
  freeName,
  type Relation,
  type Transformation,
} from './transformation.js';

/** The rows with their position as a column of this name. */
function numbered({ view, columns, file }: Relation): { query: string; position: string } {
  // A scan that counts for itself runs in parallel; a window over everything does not.
  if (file !== undefined && !findColumn(columns, 'file_row_number')) {
    const query = `SELECT * FROM read_parquet(${literal(file)}, file_row_number = true)`;
    return { query, position: 'file_row_number' };
  }
  const position = freeName(columns, 'row');
  return { query: `SELECT *, row_number() OVER () AS ${ident(position)} FROM ${ident(view)}`, position };
}

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

interface SortKey {
  column: string;
  order?: 'asc' | 'desc';
  nulls?: 'first' | 'last';
}

export const sort: Transformation = {
  type: 'sort',
  schema: {
    description: 'Orders the rows.',
    required: ['by'],
    properties: {
      by: {
        description: 'A column, `-column` for descending, or `{column, order, nulls}`; or several of them.',
        anyOf: [
          { type: 'string', minLength: 1 },
          {
            type: 'array',
            minItems: 1,
            maxItems: 100,
            items: {
              anyOf: [
                { type: 'string', minLength: 1 },
                {
                  type: 'object',
                  required: ['column'],
                  additionalProperties: false,
                  properties: {
                    column: { type: 'string', minLength: 1 },
                    order: { enum: ['asc', 'desc'] },
                    nulls: { enum: ['first', 'last'] },
                  },
                },
              ],
            },
          },
        ],
      },
    },
  },
  query({ view, columns }, { options, place }) {
    const keys = [options['by'] as string | (string | SortKey)[]].flat().map((key) => sortKey(key, columns));
    const order = keys.map(({ column, order: direction = 'asc', nulls = 'last' }) => {
      const [{ name }] = columnsNamed(columns, [column], `${place}: by`) as [Column];
      return `${ident(name)} ${direction} NULLS ${nulls}`;
    });
    return `SELECT * FROM ${ident(view)} ORDER BY ${order.join(', ')}`;
  },
};

function sortKey(key: string | SortKey, columns: readonly Column[]): SortKey {
  if (typeof key !== 'string') return key;
  if (!key.startsWith('-') || findColumn(columns, key)) return { column: key };
  return { column: key.slice(1), order: 'desc' };
}

export const limit: Transformation = {
  type: 'limit',
  schema: {
    description: 'Keeps the first `count` rows after `offset`. Sort first, unless any rows will do.',
    required: ['count'],
    properties: {
      count: { type: 'integer', minimum: 0 },
      offset: { type: 'integer', minimum: 0, description: '0 by default.' },
    },
  },
  query: ({ view }, { options }) =>
    `SELECT * FROM ${ident(view)} LIMIT ${Number(options['count'])} OFFSET ${Number(options['offset'] ?? 0)}`,
};
