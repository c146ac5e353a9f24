import { type Column } from '@tauro/domain';
import { ident } from '../../tables/sql-text.js';

/** What several rows can be summed up to. */
export const AGGREGATES = ['sum', 'avg', 'min', 'max', 'count'] as const;
export type Aggregate = (typeof AGGREGATES)[number];

const INTEGER = /^U?(?:TINY|SMALL|BIG)?INT(?:EGER)?$/;

/**
 * An aggregate of a column. Parquet has no integer as wide as DuckDB's sums, which would come back as doubles.
 * @param column absent to count rows. @param over what is between the call and its end, such as `OVER (…)`
 */
export function aggregateOf(name: Aggregate, column: Column | undefined, over: string): string {
  const call = `${name}(${column ? ident(column.name) : '*'}) ${over}`;
  return name === 'sum' && INTEGER.test(column?.type ?? '') ? `CAST(${call} AS BIGINT)` : call;
}
