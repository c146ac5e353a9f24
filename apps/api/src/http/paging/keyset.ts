import { BadValue } from '../query/query-field.js';
import { type Condition, type SortType } from './list-spec.js';
import { formatSort, parseSort, type SortField } from './sort.js';

export type SortValue = string | number | Date | null;

/** The place in an ordered list right behind one item. */
export interface Place {
  order: SortField[];
  /** The item's values of the fields of `order`. */
  values: SortValue[];
  id: string;
}

/** An opaque cursor: clients hand it back and need not understand it. */
export function encodePlace({ order, values, id }: Place): string {
  const plain = values.map((value) => (value instanceof Date ? value.getTime() : value));
  return Buffer.from(JSON.stringify([formatSort(order), plain, id])).toString('base64url');
}

/** @throws BadValue when it is none of our cursors, whatever was put into it. */
export function decodePlace(text: string, sortable: Record<string, SortType>): Place {
  try {
    const [sort, plain, id] = JSON.parse(Buffer.from(text, 'base64url').toString('utf8')) as unknown[];
    if (typeof sort !== 'string' || !Array.isArray(plain) || typeof id !== 'string') throw new Error();
    const order = parseSort(sort, sortable);
    if (plain.length !== order.length) throw new Error();
    return { order, values: order.map(({ field }, i) => revive(plain[i], sortable[field]!)), id };
  } catch {
    throw new BadValue('is not a cursor of this list; use a next_cursor that it gave', 'value_error');
  }
}

function revive(value: unknown, type: SortType): SortValue {
  if (value === null && type.endsWith('?')) return null;
  if (type === 'string' && typeof value === 'string') return value;
  if (typeof value !== 'number' || type === 'string') throw new Error();
  if (type.startsWith('number')) return value;
  const date = new Date(value);
  if (Number.isNaN(date.getTime())) throw new Error();
  return date;
}

/**
 * What comes after a place: equal in the first fields and beyond in the next, for each of them, and the id at
 * last. MongoDB orders null before everything but `$lt` never matches it, hence the extra cases.
 */
export function behind({ order, values, id }: Place): Condition {
  const cases: Condition[] = [];
  const equal: Condition[] = [];
  order.forEach((by, i) => {
    for (const beyond of beyondValue(by, values[i]!)) cases.push({ $and: [...equal, beyond] });
    equal.push({ [by.field]: values[i] });
  });
  cases.push({ $and: [...equal, { _id: order[0]!.descending ? { $lt: id } : { $gt: id } }] });
  return { $and: [...bound(order[0]!, values[0]!), { $or: cases }] };
}

function beyondValue({ field, descending, nullable }: SortField, value: SortValue): Condition[] {
  if (value === null) return descending ? [] : [{ [field]: { $ne: null } }];
  if (!descending) return [{ [field]: { $gt: value } }];
  return nullable ? [{ [field]: { $lt: value } }, { [field]: null }] : [{ [field]: { $lt: value } }];
}

/** Implied by the cases, but only said like this does it let a compound index start in the right place. */
function bound({ field, descending, nullable }: SortField, value: SortValue): Condition[] {
  if (value === null) return descending ? [{ [field]: null }] : [];
  if (!descending) return [{ [field]: { $gte: value } }];
  return nullable ? [] : [{ [field]: { $lte: value } }];
}
