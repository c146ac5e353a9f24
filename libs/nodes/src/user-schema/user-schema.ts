import { type ErrorDetail, type Json, type JsonObject } from '@tauro/domain';
import { type ValidateFunction } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { schemaFaults } from '../validation/schema-faults.js';
import { hint } from '../validation/suggest.js';
import { patternFault, safeRegExp } from './safe-regexp.js';

/** A JSON Schema that a user wrote: an object, or true and false for anything and nothing. */
export type UserSchema = boolean | JsonObject;

const OPTIONS = { allErrors: true, verbose: true, strict: false, ownProperties: true } as const;
const META = 'https://json-schema.org/draft/2020-12/schema';
const DIALECTS: readonly unknown[] = [META, `${META}#`, 'http://json-schema.org/draft-07/schema#'];

const MAX_BYTES = 64 * 1024;
const MAX_DEPTH = 32;
/** Schemas within a schema, each `$ref` counted as what it stands for: it is what validating costs. */
const MAX_SCHEMAS = 5000;
const MAX_FAULTS = 20;
/** Comparing every pair of items is quadratic. */
const MAX_UNIQUE_ITEMS = 1000;

/** What each keyword holds: a schema, a list or a map of schemas, or data. No other keyword is taken. */
const KEYWORDS: Readonly<Record<string, 'schema' | 'list' | 'map' | 'data'>> = {
  ...keys('schema', 'items additionalProperties not if then else contains propertyNames'),
  ...keys('schema', 'unevaluatedItems unevaluatedProperties'),
  ...keys('list', 'allOf anyOf oneOf prefixItems'),
  ...keys('map', 'properties patternProperties dependentSchemas $defs definitions'),
  ...keys('data', '$ref $schema $comment title description default examples deprecated readOnly writeOnly'),
  ...keys('data', 'type enum const format pattern minLength maxLength minimum maximum exclusiveMinimum'),
  ...keys('data', 'exclusiveMaximum multipleOf required dependentRequired minProperties maxProperties'),
  ...keys('data', 'minItems maxItems uniqueItems minContains maxContains'),
};

function keys<T>(kind: T, names: string): Record<string, T> {
  return Object.fromEntries(names.split(' ').map((name) => [name, kind]));
}

const metaAjv = new Ajv2020({ ...OPTIONS, logger: false });

/**
 * What is wrong with a schema that a user wrote, or harmful in it: unknown keywords, a `$ref` that leaves the schema
 * or leads back to itself, patterns that are no safe regular expressions, and more than validating should cost.
 * @param field where it stands; the faults' fields begin with it.
 */
export function userSchemaFaults(schema: UserSchema, field: string): ErrorDetail[] {
  const bytes = Buffer.byteLength(JSON.stringify(schema));
  if (bytes > MAX_BYTES) {
    return [
      { field, message: `${field} has ${bytes} bytes, at most ${MAX_BYTES} are allowed`, type: 'too_long' },
    ];
  }
  const faults = new Map<string, ErrorDetail>();
  const fault = (at: string, problem: string, type = 'schema_error'): void => {
    if (faults.size < MAX_FAULTS) faults.set(at, { field: at, message: `${at} ${problem}`, type });
  };
  let left = MAX_SCHEMAS;
  const walk = (part: unknown, at: string, depth: number): void => {
    if (left-- === 0)
      fault(field, `has more than ${MAX_SCHEMAS} schemas, each $ref counted as what it stands for`);
    if (left < 0 || typeof part !== 'object' || part === null || Array.isArray(part)) return;
    if (depth > MAX_DEPTH)
      return fault(at, `is nested deeper than ${MAX_DEPTH}, or its $ref leads back to itself`);
    const node = part as JsonObject;
    for (const [key, value] of Object.entries(node)) {
      const below = `${at}.${key}`;
      const kind = Object.hasOwn(KEYWORDS, key) ? KEYWORDS[key] : undefined;
      if (kind === undefined) {
        fault(
          below,
          `is no keyword that is supported here${hint(key, Object.keys(KEYWORDS))}`,
          'extra_forbidden',
        );
      } else if (kind === 'schema') walk(value, below, depth + 1);
      else if (kind !== 'data') {
        for (const [name, inner] of Object.entries(value ?? {})) walk(inner, `${below}.${name}`, depth + 1);
      }
    }
    const patterns = [
      ['pattern', node.pattern],
      ...Object.keys(node.patternProperties ?? {}).map((key) => ['patternProperties', key]),
    ];
    for (const [key, pattern] of patterns) {
      const problem = typeof pattern === 'string' ? patternFault(pattern) : undefined;
      if (problem) fault(`${at}.${String(key)}`, problem);
    }
    if (
      node.uniqueItems === true &&
      !(typeof node.maxItems === 'number' && node.maxItems <= MAX_UNIQUE_ITEMS)
    ) {
      fault(`${at}.uniqueItems`, `needs a maxItems of at most ${MAX_UNIQUE_ITEMS} beside it`);
    }
    if (node.$schema !== undefined && !DIALECTS.includes(node.$schema)) {
      fault(`${at}.$schema`, `must be ${META}`);
    }
    if (typeof node.$ref === 'string') {
      const target = targetOf(node.$ref, schema);
      if (target === undefined) {
        fault(`${at}.$ref`, `'${node.$ref.slice(0, 80)}' is no place in this schema; write #/$defs/<name>`);
      } else walk(target, `${field}${node.$ref.slice(1).replaceAll('/', '.')}`, depth + 1);
    }
  };
  walk(schema, field, 0);
  if (faults.size === 0) {
    for (const { field: path, message, type } of schemaFaults(metaAjv.getSchema(META)!, schema, {
      literal: true,
    })) {
      const at = path ? `${field}.${path}` : field;
      faults.set(at, {
        field: at,
        message: `${field}${path ? '.' : ' '}${message.replace(/^the value /, '')}`,
        type,
      });
    }
  }
  if (faults.size === 0) {
    try {
      compileUserSchema(schema);
    } catch (error) {
      fault(field, (error as Error).message);
    }
  }
  return [...faults.values()];
}

const compiled = new WeakMap<object, ValidateFunction>();

/**
 * Compiles a schema without faults, once per schema object. Its defaults are filled into what it validates. Each has
 * an Ajv of its own, so that nothing remembers a schema whose pipeline is forgotten. @throws Error
 */
export function compileUserSchema(schema: UserSchema): ValidateFunction {
  const known = typeof schema === 'object' ? compiled.get(schema) : undefined;
  if (known) return known;
  const ajv = new Ajv2020({
    ...OPTIONS,
    strictSchema: true,
    meta: false,
    validateSchema: false,
    useDefaults: true,
    logger: false,
    code: { regExp: safeRegExp },
  });
  addFormats(ajv);
  const { $schema: _, ...rest } = typeof schema === 'object' ? schema : {};
  const validate = ajv.compile(typeof schema === 'object' ? rest : schema);
  if (typeof schema === 'object') compiled.set(schema, validate);
  return validate;
}

/** What a local `$ref` stands for; undefined when it is none. */
export function targetOf(ref: string, root: UserSchema): UserSchema | undefined {
  if (!ref.startsWith('#/')) return undefined;
  let target: unknown = root;
  for (const step of ref.slice(2).split('/')) {
    const key = step.replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof target !== 'object' || target === null || !Object.hasOwn(target, key)) return undefined;
    target = (target as JsonObject)[key];
  }
  return typeof target === 'boolean' ||
    (typeof target === 'object' && target !== null && !Array.isArray(target))
    ? (target as UserSchema)
    : undefined;
}

const INTEGER = /^-?(0|[1-9]\d*)$/;
const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d{1,3})?$/;

/** A copy in which a string stands as the number or truth value that the schema wants and it exactly spells. */
export function coerced(value: Json, schema: unknown, root: UserSchema): Json {
  if (typeof schema !== 'object' || schema === null) return value;
  const { type, $ref, properties, items, additionalProperties, allOf } = schema as JsonObject;
  let result = typeof $ref === 'string' ? coerced(value, targetOf($ref, root), root) : value;
  if (Array.isArray(allOf)) for (const part of allOf) result = coerced(result, part, root);
  if (typeof result === 'string') return fromText(result, [type ?? []].flat());
  if (Array.isArray(result)) return result.map((item) => coerced(item, items, root));
  if (typeof result !== 'object' || result === null) return result;
  const named = (properties ?? {}) as JsonObject;
  return Object.fromEntries(
    Object.entries(result).map(([key, inner]) => [
      key,
      coerced(inner, Object.hasOwn(named, key) ? named[key] : additionalProperties, root),
    ]),
  );
}

function fromText(text: string, types: readonly unknown[]): Json {
  if (types.includes('string')) return text;
  if (types.includes('boolean') && (text === 'true' || text === 'false')) return text === 'true';
  const number = Number(text);
  if (types.includes('integer') && INTEGER.test(text) && Number.isSafeInteger(number)) return number;
  return types.includes('number') && NUMBER.test(text) && Number.isFinite(number) ? number : text;
}
