import { type ErrorDetail, invalid, isId } from '@tauro/domain';
import { BadValue, choice, integer, type QueryField, shown, withDefault } from '../query/query-field.js';
import { attempt, type QueryReader, type RawQuery, readFields, single } from '../query/query-reader.js';
import { decodePlace, type Place } from './keyset.js';
import { type Condition, type Filter, type ListSpec } from './list-spec.js';
import { parseSort, type SortField } from './sort.js';

export const MAX_LIMIT = 100;
export const DEFAULT_LIMIT = 50;

/** A client's wish for one page of a list, checked. */
export interface ListQuery {
  limit: number;
  offset: number;
  order: SortField[];
  /** Where the page begins: behind an item of the default order, or behind a place of any order. */
  cursor?: { afterId: string } | Place;
  includeTotal: boolean;
  fields?: string[];
  conditions: Condition[];
  /** The values of all filters, also of those that the service turns into conditions. */
  values: Record<string, unknown>;
}

/** The reader and the documentation of a list's query. */
export function listReader(spec: ListSpec): QueryReader<ListQuery> {
  const paging = pagingFields(spec);
  const plain = Object.fromEntries(Object.entries(spec.filters).filter(([name]) => !name.endsWith('*')));
  const families = Object.entries(spec.filters).filter(([name]) => name.endsWith('*'));
  return {
    params: { ...paging, ...spec.filters },
    read(query) {
      const faults: ErrorDetail[] = [];
      const page = readFields(paging, query, faults) as unknown as Paging;
      const values = readFields(plain, query, faults);
      const conditions = conditionsOf(plain, values);
      for (const [family, filter] of families) conditions.push(...readFamily(family, filter, query, faults));
      const placed = place(page, spec, faults);
      if (faults.length > 0) throw invalid(faults);
      const { limit, offset = 0, fields } = page;
      const includeTotal = page.include_total ?? page.cursor === undefined;
      return { limit, offset, fields, includeTotal, conditions, values, ...placed };
    },
  };
}

interface Paging {
  limit: number;
  offset?: number;
  sort?: SortField[];
  fields?: string[];
  cursor?: string;
  include_total?: boolean;
}

function pagingFields(spec: ListSpec): Record<string, QueryField<unknown>> {
  return {
    limit: withDefault(integer('Items per page.', 1, MAX_LIMIT), DEFAULT_LIMIT),
    offset: integer('Items to skip; excludes `cursor`.', 0, 1_000_000_000),
    sort: {
      description: `Comma list, \`-\` for descending; of ${Object.keys(spec.sortable).join(', ')}.`,
      schema: { type: 'string', default: spec.defaultSort },
      parse: (text) => parseSort(text, spec.sortable),
    },
    fields: {
      description: 'Comma list of the fields to answer with; `id` is always there.',
      schema: { type: 'string' },
      parse: (text) => parseFields(text, spec.fields),
    },
    cursor: {
      description: 'The `next_cursor` of the page before, or in the default order simply the last id.',
      schema: { type: 'string', maxLength: 2000 },
      parse: (text) => text.slice(0, 2000),
    },
    include_total: choice(
      'Count all items: true unless there is a `cursor`. A page without it comes faster.',
    ),
  };
}

function parseFields(text: string, known: readonly string[]): string[] {
  const names = text.split(',').map((name) => name.trim());
  const unknown = names.find((name) => !known.includes(name));
  if (unknown === undefined) return names;
  throw new BadValue(`'${shown(unknown)}' is not a field; allowed: ${known.join(', ')}`, 'enum');
}

function conditionsOf(filters: Record<string, Filter>, values: Record<string, unknown>): Condition[] {
  return Object.entries(filters).flatMap(([name, filter]) =>
    filter.where && values[name] !== undefined ? [filter.where(values[name], name)] : [],
  );
}

/** The filters of a family such as `tags.*`; the condition gets the full name. */
function readFamily(family: string, filter: Filter, query: RawQuery, faults: ErrorDetail[]): Condition[] {
  const names = Object.keys(query).filter((name) => name.startsWith(family.slice(0, -1)));
  return names.flatMap((name) => {
    const condition = attempt(name, faults, () => filter.where?.(filter.parse(single(query[name])), name));
    return condition ? [condition] : [];
  });
}

function place(page: Paging, spec: ListSpec, faults: ErrorDetail[]): Pick<ListQuery, 'order' | 'cursor'> {
  const byDefault = parseSort(spec.defaultSort, spec.sortable);
  const order = page.sort ?? byDefault;
  if (page.cursor === undefined) return { order };
  const { cursor } = page;
  const found = attempt('cursor', faults, () => {
    if (page.offset !== undefined) throw new BadValue('excludes offset: give one of the two', 'conflict');
    if (spec.prefix && isId(spec.prefix, cursor)) {
      if (sameOrder(order, byDefault)) return { order, cursor: { afterId: cursor } };
      throw new BadValue(`an id is a cursor only in the default order (${spec.defaultSort})`, 'value_error');
    }
    const decoded = decodePlace(cursor, spec.sortable);
    if (!page.sort || sameOrder(decoded.order, order)) return { order: decoded.order, cursor: decoded };
    throw new BadValue('was given for another sort', 'value_error');
  });
  return found ?? { order };
}

const sameOrder = (a: SortField[], b: SortField[]): boolean => JSON.stringify(a) === JSON.stringify(b);
