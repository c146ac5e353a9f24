import { BadValue, shown } from '../query/query-field.js';
import { type SortType } from './list-spec.js';

/** One field of an order. */
export interface SortField {
  field: string;
  descending: boolean;
  /** Whether items may lack it. */
  nullable: boolean;
}

/** Reads `-created_at,name`. @throws BadValue for a field without an index, named with those that have one. */
export function parseSort(text: string, sortable: Record<string, SortType>): SortField[] {
  const order = text.split(',').map((word): SortField => {
    const field = word.trim().replace(/^[-+]/, '');
    const type = Object.hasOwn(sortable, field) ? sortable[field] : undefined;
    return { field, descending: word.trim().startsWith('-'), nullable: type?.endsWith('?') ?? false };
  });
  for (const { field } of order) {
    if (!Object.hasOwn(sortable, field)) {
      const allowed = Object.keys(sortable).join(', ');
      throw new BadValue(`cannot sort by '${shown(field)}'; allowed: ${allowed}`, 'enum');
    }
    if (order.filter((other) => other.field === field).length > 1) {
      throw new BadValue(`names '${field}' twice`, 'value_error');
    }
  }
  return order;
}

export const formatSort = (order: SortField[]): string =>
  order.map(({ field, descending }) => (descending ? `-${field}` : field)).join(',');

/**
 * The order for MongoDB: total, because the id decides between equals, in the direction of the first field.
 * @param distinct a field that no two have in common.
 */
export function mongoSort(order: SortField[], distinct?: string): Record<string, 1 | -1> {
  const sort = Object.fromEntries(
    order.map(({ field, descending }) => [field, descending ? -1 : 1]),
  ) as Record<string, 1 | -1>;
  if (order.some(({ field }) => field === distinct)) return sort;
  return { ...sort, _id: order[0]?.descending ? -1 : 1 };
}
