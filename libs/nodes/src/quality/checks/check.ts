import { type CheckType, type Column } from '@tauro/domain';
import { type DuckDbSession } from '../../tables/duckdb.js';

/** The name under which a user's SQL finds the table that is checked. */
export const CHECKED = 'result';

/** A check at its place in the list, with its options, on the table it looks at. */
export interface CheckStep {
  /** `checks.1 (range)`, for messages. */
  place: string;
  options: Record<string, unknown>;
  /** View of the session. */
  view: string;
  columns: Column[];
  /** How many rows the table has. */
  rows: number;
  /** What SQL may name: the checked table and the upstream ones. */
  names: readonly string[];
  /** When the data should be up to date. */
  asOf: Date;
  session: DuckDbSession;
}

/** Rows that do not fit. */
export interface BadRows {
  /** SQL that is true for them. */
  where: string;
  /** The columns whose values show what is wrong, the first ones first. */
  shown: readonly Column[];
  /** Whether rows that have the same values there need to be shown only once. */
  alike?: boolean;
}

/** What a check of the table as a whole found. */
export interface Finding {
  passed: boolean;
  message: string;
  failed_rows?: number;
  /** A query whose first rows show what is wrong. */
  samples?: string;
}

/** A kind of check: one row of the table in `index.ts`. It looks at rows one by one, at the whole table, or at either. */
export interface CheckKind {
  type: CheckType;
  /** JSON Schema of its options, without those that all checks have. */
  schema: { description: string; required?: string[]; properties: Record<string, object> };
  /** What tells it from others of its type when it has no name, such as `id, city`. */
  about(options: Record<string, unknown>): string;
  /** What is wrong with options that fit the schema, before there is a table to look at. */
  fault?(options: Record<string, unknown>): string | undefined;
  /** The keys whose text is in a language: an SQL expression, an SQL query, or a regular expression. */
  texts?: Readonly<Record<string, 'expression' | 'query' | 'pattern'>>;
  /** Of a kind that can do either: whether these options ask about the table as a whole. */
  asTable?(options: Record<string, unknown>): boolean;
  rows?(step: CheckStep): Promise<BadRows> | BadRows;
  table?(step: CheckStep): Promise<Finding> | Finding;
}

/** Whether a check looks at rows one by one, so that it can tell which are bad. */
export const looksAtRows = (kind: CheckKind, options: Record<string, unknown>): boolean =>
  kind.rows !== undefined && !kind.asTable?.(options);
