import * as fc from 'fast-check';
import { type ApiDocument } from '../../support/api-document.js';
import { type Json } from './values.js';

/* eslint-disable @typescript-eslint/no-explicit-any -- a JSON Schema */

const MAX_DEPTH = 4;

/** Values that fit a JSON Schema, or nearly: what it says by other means than these is left to chance. */
export function fitting(api: ApiDocument, schema: any, depth = 0): fc.Arbitrary<Json> {
  const { type, enum: words, oneOf, anyOf, allOf, const: only, ...rest } = api.resolve(schema) ?? {};
  const choices = oneOf ?? anyOf;
  if (depth > MAX_DEPTH) return fc.constant(null);
  if (only !== undefined) return fc.constant(only);
  if (words?.length > 0) return fc.constantFrom<Json>(...words);
  if (choices)
    return fc.oneof<fc.Arbitrary<Json>[]>(...choices.map((one: any) => fitting(api, one, depth + 1)));
  if (allOf) {
    const parts: fc.Arbitrary<Json>[] = allOf.map((one: any) => fitting(api, one, depth));
    return fc.tuple(...parts).map((all) => (all.length === 1 ? all[0]! : Object.assign({}, ...all)));
  }
  if (Array.isArray(type))
    return fc.oneof(...type.map((one: string) => fitting(api, { ...rest, type: one }, depth)));
  switch (type) {
    case 'null':
      return fc.constant(null);
    case 'boolean':
      return fc.boolean();
    case 'integer':
      return fc.integer({ min: rest.minimum ?? -5, max: rest.maximum ?? 1000 });
    case 'number':
      return fc.double({ min: rest.minimum ?? -5, max: rest.maximum ?? 1e6, noNaN: true });
    case 'array':
      return fc.array(fitting(api, rest.items ?? {}, depth + 1), {
        minLength: rest.minItems ?? 0,
        maxLength: Math.max(rest.minItems ?? 0, 3),
      });
    case 'object':
      return object(api, rest, depth);
    case 'string':
      return text(rest);
    default:
      return fc.jsonValue({ maxDepth: 1 }) as fc.Arbitrary<Json>;
  }
}

function object(api: ApiDocument, { properties, required, additionalProperties }: any, depth: number) {
  if (!properties) {
    const values =
      typeof additionalProperties === 'object'
        ? fitting(api, additionalProperties, depth + 1)
        : (fc.jsonValue({ maxDepth: 1 }) as fc.Arbitrary<Json>);
    return fc.dictionary(fc.stringMatching(/^[a-z_]{1,8}$/), values, { maxKeys: 3 });
  }
  const fields = Object.entries<any>(properties).map(
    ([name, schema]) => [name, fitting(api, schema, depth + 1)] as const,
  );
  return fc.record<Record<string, Json>>(Object.fromEntries(fields), { requiredKeys: required ?? [] });
}

function text({ format, pattern, minLength = 0, maxLength = minLength + 20 }: any): fc.Arbitrary<string> {
  if (format === 'date-time') {
    const days = { min: new Date('2020-01-01'), max: new Date('2030-01-01'), noInvalidDate: true };
    return fc.date(days).map((date) => date.toISOString());
  }
  // fast-check knows no lookahead; a word comes near.
  if (pattern) return fc.stringMatching(/\(\?[=!<]/.test(pattern) ? /^\w{1,20}$/ : new RegExp(pattern));
  return fc.string({ unit: 'grapheme', minLength, maxLength: Math.min(maxLength, minLength + 40) });
}
