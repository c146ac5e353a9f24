import { type ErrorDetail, type NodeDefinition } from '@tauro/domain';
import { columnMap, SQL_TYPE } from '../tables/schema-parts.js';

/** What a source of a database reads. @param types which types a column's are replaced by */
export const TABLE_OR_QUERY = (types: string): Record<string, unknown> => ({
  table: {
    type: 'string',
    minLength: 1,
    maxLength: 255,
    description: 'A table or view, such as `orders` or `sales.orders`.',
  },
  query: {
    type: 'string',
    minLength: 1,
    maxLength: 100_000,
    description:
      'Or one SELECT. It may only read. Templates become values, never SQL; a list stands for its elements, as in `IN ({{ params.ids }})`.',
  },
  columns: columnMap(
    SQL_TYPE,
    `Types of columns by name, where they should be others than those that the server tells: ${types}.`,
  ),
});

/** Whether the config names one of the two. */
export function tableOrQueryFaults({ config = {} }: NodeDefinition): ErrorDetail[] {
  const { source_type, table, query } = config;
  if ((table === undefined) !== (query === undefined)) return [];
  return table === undefined
    ? [
        {
          field: 'config.table',
          message: `a ${String(source_type)} source needs table or query`,
          type: 'missing',
        },
      ]
    : [{ field: 'config.query', message: 'give table or query, not both', type: 'value_error' }];
}

/** A text is one query, or the server says where it is not. A line comment at its end must not swallow what comes after. */
export const withoutEnd = (sql: string): string => `${sql.trim().replace(/;\s*$/, '')}\n`;
