import { type Column, BoundText } from '@tauro/domain';
import { NodeError } from '../../node-kind.js';
import { type DuckDbSession } from '../../tables/duckdb.js';
import { userExpression, type UserSql } from '../../tables/user-sql.js';
import { namesInSql } from '../items.js';

/** A table inside one execution: a view of the session. */
export interface Relation {
  view: string;
  columns: Column[];
  /** The Parquet file whose rows these are, one by one, if so. */
  file?: string;
}

/** One transformation at its place in the list, with its options. */
export interface Step {
  /** `transformations.1 (filter)`, for messages. */
  place: string;
  options: Record<string, unknown>;
  /** The upstream tables by node id. */
  inputs: ReadonlyMap<string, Relation>;
  /** Upstream tables that the first transformation takes besides the one it starts from. */
  others: readonly string[];
  session: DuckDbSession;
}

/** A kind of transformation: one row of the table in `index.ts`. */
export interface Transformation {
  type: string;
  /** JSON Schema of its options, without `type`. */
  schema: { description: string; required?: string[]; properties: Record<string, object> };
  /** Whether the bare name is enough. */
  bare?: boolean;
  /** The keys whose text, or texts by column name, are SQL expressions. */
  expressions?: readonly string[];
  /** What is wrong with options that fit the schema, before there is a table to look at. */
  fault?(options: Record<string, unknown>): string | undefined;
  /** The SQL that makes the next table. @throws NodeError for columns that do not exist, and so on */
  query(from: Relation, step: Step): string | Promise<string>;
}

/** @throws NodeError when two columns of the result would have one name, since SQL does not tell case apart */
export function distinctNames(names: readonly string[], place: string): void {
  const seen = new Map<string, string>();
  for (const name of names) {
    const other = seen.get(name.toLowerCase());
    if (other !== undefined) {
      const both =
        other === name ? `two columns '${name}'` : `columns '${other}' and '${name}', one name in SQL`;
      throw new NodeError('DuplicateColumn', `${place}: there would be ${both}`, false);
    }
    seen.set(name.toLowerCase(), name);
  }
}

/** A user's expression at a key of the options, checked. */
export const expressionAt = (step: Step, key: string, sql: unknown): Promise<string> =>
  userExpression(step.session, sql as UserSql, namesInSql([...step.inputs.keys()]), `${step.place}: ${key}`);

/** That exactly one of two options is to be given. */
export function eitherFault(
  options: Record<string, unknown>,
  one: string,
  other: string,
): string | undefined {
  return (options[one] === undefined) === (options[other] === undefined)
    ? `needs either ${one} or ${other}`
    : undefined;
}

/** Makes groups of rows, in their order, so that results do not change from run to run; one group of everything for none. */
export function groupedBy(groups: readonly Column[]): string {
  const positions = groups.map((_, i) => i + 1).join(', ');
  return groups.length > 0 ? `GROUP BY ${positions} ORDER BY ${positions}` : 'GROUP BY ()';
}

/** `{name: text}` of options that are no SQL. @throws NodeError for a template, which would have become a value */
export function plainTexts(options: unknown, place: string): [string, string][] {
  return Object.entries(options as Record<string, unknown>).map(([name, text]) => {
    if (!(text instanceof BoundText)) return [name, text as string];
    throw new NodeError('InvalidConfig', `${place}: columns.${name} cannot be a template`, false);
  });
}
