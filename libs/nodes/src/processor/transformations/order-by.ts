import { type Column } from '@tauro/domain';
import { columnsNamed } from '../../tables/named-columns.js';
import { findColumn, ident } from '../../tables/sql-text.js';

interface SortKey {
  column: string;
  order?: 'asc' | 'desc';
  nulls?: 'first' | 'last';
}

/** JSON Schema of an option that says in which order rows come. */
export const ORDER_BY = {
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
};

/** The keys of an SQL `ORDER BY`; nulls come last unless they are to come first. @throws NodeError for no column */
export function orderBy(option: unknown, columns: readonly Column[], place: string): string[] {
  const keys = [option as string | SortKey | (string | SortKey)[]].flat().map((key) => sortKey(key, columns));
  return keys.map(({ column, order = 'asc', nulls = 'last' }) => {
    const [{ name }] = columnsNamed(columns, [column], place) as [Column];
    return `${ident(name)} ${order} NULLS ${nulls}`;
  });
}

function sortKey(key: string | SortKey, columns: readonly Column[]): SortKey {
  if (typeof key !== 'string') return key;
  if (!key.startsWith('-') || findColumn(columns, key)) return { column: key };
  return { column: key.slice(1), order: 'desc' };
}
