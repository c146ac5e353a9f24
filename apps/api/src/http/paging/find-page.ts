import { type Public, toPublic } from '@tauro/database';
import { type Model, type QueryFilter } from 'mongoose';
import { decodeTime, isValid } from 'ulid';
import { narrowed } from '../../auth/scope/narrowed.js';
import { Page } from '../envelope.js';
import { behind, encodePlace, type SortValue } from './keyset.js';
import { type ListQuery } from './list-query.js';
import { type Condition, type ListSpec } from './list-spec.js';
import { formatSort, mongoSort } from './sort.js';

/** Counting further than this would cost more than the number is worth. */
const COUNT_CAP = 10_000;

type Stored = { _id: string };

/**
 * One page of a collection, of what whoever asks may see.
 * @param base Conditions besides those of the client.
 * @param complete Adds to the items what is not stored with them.
 */
export async function findPage<D extends Stored>(
  model: Model<D>,
  spec: ListSpec,
  query: ListQuery,
  base: Condition = {},
  complete?: (items: D[]) => Promise<D[]>,
): Promise<Page<Partial<Public<D>>>> {
  const matching = all([narrowed(model), base, ...query.conditions]);
  const after = query.cursor && (await afterCursor(model, query, query.cursor));
  const [found, total] = await Promise.all([
    model
      .find(all([matching, after ?? {}]) as QueryFilter<D>, without(spec))
      .sort(mongoSort(query.order, spec.distinct))
      .skip(query.offset)
      .limit(query.limit + 1)
      .lean<D[]>(),
    query.includeTotal ? countUpTo(model, matching) : undefined,
  ]);
  const items = found.slice(0, query.limit);
  const hasMore = found.length > query.limit;
  const shown = complete ? await complete(items) : items;
  return new Page(
    shown.map((item) => pick(toPublic(item), query.fields)),
    {
      ...total,
      limit: query.limit,
      offset: query.offset,
      has_more: hasMore,
      next_cursor: hasMore ? cursorAfter(items.at(-1)!, spec, query) : null,
    },
  );
}

const without = (spec: ListSpec): Record<string, 0> =>
  Object.fromEntries((spec.hidden ?? []).map((field) => [field, 0]));

function all(conditions: Condition[]): Condition {
  const some = conditions.filter((condition) => Object.keys(condition).length > 0);
  return some.length > 1 ? { $and: some } : (some[0] ?? {});
}

function cursorAfter(item: Stored, spec: ListSpec, { order }: ListQuery): string {
  if (spec.prefix && formatSort(order) === spec.defaultSort) return item._id;
  return encodePlace({ order, values: valuesOf(item, order), id: item._id });
}

const valuesOf = (item: Stored, order: ListQuery['order']): SortValue[] =>
  order.map(({ field }) => (item as unknown as Record<string, SortValue>)[field] ?? null);

/** A bare id stands for the place of its item, also when that is gone: most ids tell when they were made. */
async function afterCursor<D extends Stored>(
  model: Model<D>,
  { order }: ListQuery,
  cursor: NonNullable<ListQuery['cursor']>,
): Promise<Condition> {
  if ('order' in cursor) return behind(cursor);
  const id = cursor.afterId;
  const item = await model.findById(id).lean<Stored | null>();
  if (item) return behind({ order, values: valuesOf(item, order), id });
  const encoded = id.slice(id.indexOf('_') + 1);
  if (isValid(encoded) && order.length === 1 && order[0]!.field === 'created_at') {
    return behind({ order, values: [new Date(decodeTime(encoded))], id });
  }
  return { _id: order[0]!.descending ? { $lt: id } : { $gt: id } };
}

async function countUpTo<D>(
  model: Model<D>,
  matching: Condition,
): Promise<{ total: number; total_is_lower_bound?: true }> {
  if (Object.keys(matching).length === 0) return { total: await model.estimatedDocumentCount() };
  const total = await model.countDocuments(matching as QueryFilter<D>).limit(COUNT_CAP + 1);
  return total > COUNT_CAP ? { total: COUNT_CAP, total_is_lower_bound: true } : { total };
}

/** The wanted fields, `id` first. */
export function pick<T extends { id: string }>(item: T, fields: string[] | undefined): Partial<T> {
  if (!fields) return item;
  const wanted = ['id', ...fields] as (keyof T)[];
  return Object.fromEntries(
    wanted.filter((name) => name in item).map((name) => [name, item[name]]),
  ) as Partial<T>;
}
