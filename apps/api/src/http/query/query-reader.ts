import { type ErrorDetail, invalid } from '@tauro/domain';
import { BadValue, type QueryField } from './query-field.js';

/** What a route takes after the `?`: documented parameters and the function that reads them all. */
export interface QueryReader<T> {
  /** By name; a name that ends in `*` stands for all that begin like it. */
  params: Record<string, QueryField<unknown>>;
  /** @throws DomainError VALIDATION_ERROR with one entry per bad parameter. */
  read(query: RawQuery): T;
}

export type RawQuery = Record<string, unknown>;

type ValueOf<F> =
  F extends QueryField<infer V>
    ? F extends { fallback: V } | { required: true }
      ? V
      : V | undefined
    : never;

/** The values of a set of fields: absent ones are undefined, unless the field is required or has a fallback. */
export type ValuesOf<F extends Record<string, QueryField<unknown>>> = { [K in keyof F]: ValueOf<F[K]> };

/** A reader of independent fields. */
export function queryOf<F extends Record<string, QueryField<unknown>>>(fields: F): QueryReader<ValuesOf<F>> {
  return {
    params: fields,
    read(query) {
      const faults: ErrorDetail[] = [];
      const values = readFields(fields, query, faults);
      if (faults.length > 0) throw invalid(faults);
      return values as ValuesOf<F>;
    },
  };
}

/** Reads each field that is there; what is wrong is added to `faults`. */
export function readFields(
  fields: Record<string, QueryField<unknown>>,
  query: RawQuery,
  faults: ErrorDetail[],
): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(fields)) {
    if (query[name] === undefined) {
      values[name] = field.fallback;
      if (field.required) faults.push({ field: name, message: 'is required', type: 'missing' });
    } else values[name] = attempt(name, faults, () => field.parse(single(query[name])));
  }
  return values;
}

/** Runs a parser; a `BadValue` becomes a fault of the parameter. */
export function attempt<T>(name: string, faults: ErrorDetail[], parse: () => T): T | undefined {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof BadValue)) throw error;
    faults.push({ field: name, message: error.message, type: error.type });
    return undefined;
  }
}

/** The one text of a parameter. */
export function single(value: unknown): string {
  if (typeof value !== 'string') throw new BadValue('must be given once', 'value_error');
  if (value === '') throw new BadValue('must not be empty', 'missing');
  return value;
}
