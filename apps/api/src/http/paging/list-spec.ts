import { type IdPrefix } from '@tauro/domain';
import { type QueryField } from '../query/query-field.js';

/** A piece of a MongoDB query, made by our own code only. */
export type Condition = Record<string, unknown>;

/** How the values of a sortable field look, so that a cursor can carry them; with `?` there may be none. */
export type SortType = 'string' | 'number' | 'date' | 'number?' | 'date?';

/** A filter: a query parameter and the condition its value makes. Without one the service uses the value itself. */
export interface Filter<T = unknown> extends QueryField<T> {
  where?(value: T, name: string): Condition;
}

/** What one list can do. */
export interface ListSpec {
  /** Ids of the items; a bare id is a cursor of the default sort. */
  prefix?: IdPrefix;
  /** Fields with an index, which alone may sort a list. */
  sortable: Record<string, SortType>;
  defaultSort: string;
  /** A field that no two items have in common: sorted by it, their ids need not decide, and the index need not have them. */
  distinct?: string;
  /** Fields an item has and `fields=` may name. */
  fields: readonly string[];
  /** Stored fields that the list leaves out. */
  hidden?: readonly string[];
  filters: Record<string, Filter>;
}

/** A filter on one stored field. */
export const equals = <T>(param: QueryField<T>, field?: string): Filter =>
  filter(param, (value, name) => ({ [field ?? name]: value }));

export const within = <T>(param: QueryField<T[]>, field?: string): Filter =>
  filter(param, (values, name) => ({ [field ?? name]: { $in: values } }));

export const later = (param: QueryField<Date>, field: string): Filter =>
  filter(param, (value) => ({ [field]: { $gt: value } }));

export const earlier = (param: QueryField<Date>, field: string): Filter =>
  filter(param, (value) => ({ [field]: { $lt: value } }));

/** A filter of any shape. */
export const filter = <T>(param: QueryField<T>, where: (value: T, name: string) => Condition): Filter => ({
  ...(param as QueryField<unknown>),
  where: where as Filter['where'],
});
