import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import addFormats from 'ajv-formats';
import { type ErrorDetail } from '@tauro/domain';
import { hint } from './suggest.js';

const ajv = new Ajv({
  allErrors: true,
  verbose: true,
  strict: false,
  discriminator: true,
  ownProperties: true,
});
addFormats(ajv);

/** Compiles a schema; do it once per schema, since it takes milliseconds. */
export const compile = (schema: object): ValidateFunction => ajv.compile(schema);

/**
 * What is wrong with a value, in words: `field` is a dotted path from the value, the message begins with the
 * name of what is wrong (`path is required`). Of the branches of an `anyOf` or `oneOf` only the one that was
 * probably meant speaks. A string that holds a template may become anything, so only its place is checked.
 * @param options.literal for values whose strings are what they are: two braces make no template.
 */
export function schemaFaults(
  validate: ValidateFunction,
  value: unknown,
  { literal = false }: { literal?: boolean } = {},
): ErrorDetail[] {
  if (validate(value)) return [];
  const seen = new Set<string>();
  const errors = validate.errors!.filter((error) => literal || !isTemplate(error)).slice(0, MAX_ERRORS);
  return withoutNoise(errors)
    .map(describe)
    .filter(({ field, message }) => !seen.has(`${field}\n${message}`) && seen.add(`${field}\n${message}`));
}

/** A hostile value can fail in a million places, and sorting out unions is quadratic. */
const MAX_ERRORS = 1000;
const STRUCTURAL = new Set(['additionalProperties', 'required', 'oneOf', 'anyOf', 'discriminator', 'if']);

function isTemplate({ data, keyword }: ErrorObject): boolean {
  return typeof data === 'string' && data.includes('{{') && !STRUCTURAL.has(keyword);
}

/** Replaces each `anyOf`/`oneOf` error and those of its branches by the errors of the likeliest branch. */
function withoutNoise(errors: ErrorObject[]): ErrorObject[] {
  let left = errors.filter((error) => error.keyword !== 'if');
  // Inner unions come before outer ones, so that an outer one judges branches that are already cleared up.
  for (const union of left.filter(({ keyword }) => keyword === 'anyOf' || keyword === 'oneOf')) {
    const prefix = `${union.schemaPath}/`;
    const branches = new Map<string, ErrorObject[]>();
    for (const [i] of (union.schema as unknown[]).entries()) branches.set(String(i), []);
    for (const error of left) {
      const within = `${error.instancePath}/`.startsWith(`${union.instancePath}/`);
      if (!within || !error.schemaPath.startsWith(prefix)) continue;
      branches.get(error.schemaPath.slice(prefix.length).split('/', 1)[0])?.push(error);
    }
    const inBranches = new Set([...branches.values()].flat());
    const at = left.indexOf(union);
    const chosen = likeliest(union, [...branches.values()]);
    left = [...left.slice(0, at), ...chosen, ...left.slice(at + 1)].filter(
      (error) => !inBranches.has(error) || chosen.includes(error),
    );
  }
  return left;
}

function likeliest(union: ErrorObject, branches: ErrorObject[][]): ErrorObject[] {
  // Templates were left out above: a branch that now has nothing against the value may fit.
  if (branches.some((branch) => branch.length === 0)) {
    const several =
      union.keyword === 'oneOf' && (union.params as { passingSchemas?: unknown }).passingSchemas;
    return several ? [union] : [];
  }
  const here = (error: ErrorObject): boolean => error.instancePath === union.instancePath;
  const rightType = branches.filter(
    (branch) => !branch.some((error) => error.keyword === 'type' && here(error)),
  );
  if (rightType.length === 0) return [union];
  const rightTag = rightType.filter((branch) => !branch.some((error) => isTag(error, union)));
  if (rightTag.length === 0) return tagError(rightType.flat().filter((error) => isTag(error, union)));
  return rightTag.reduce((best, branch) => (branch.length < best.length ? branch : best));
}

/** A constant that did not match, of the value itself or of one of its keys: it tells the branches apart. */
function isTag(error: ErrorObject, union: ErrorObject): boolean {
  if (error.keyword !== 'const' && error.keyword !== 'enum') return false;
  const below = error.instancePath.slice(union.instancePath.length + 1);
  return below === '' || (!below.includes('/') && allowed(error).length === 1);
}

/** Every branch wants another constant: one error that lists them all. */
function tagError(errors: ErrorObject[]): ErrorObject[] {
  const first = errors[0];
  const sameKey = errors.filter((error) => error.instancePath === first.instancePath);
  const allowedValues = [...new Set(sameKey.flatMap(allowed))];
  return [{ ...first, keyword: 'enum', params: { allowedValues } }];
}

const allowed = ({ keyword, params }: ErrorObject): unknown[] =>
  keyword === 'const'
    ? [(params as { allowedValue: unknown }).allowedValue]
    : (params as { allowedValues: unknown[] }).allowedValues;

function describe(error: ErrorObject): ErrorDetail {
  const params = error.params as Record<string, unknown>;
  const path = error.instancePath.split('/').slice(1).map(unescapePointer);
  const detail = (message: string, type: string, at = path): ErrorDetail => ({
    field: at.join('.'),
    message: `${at.join('.') || 'the value'} ${message}`,
    type,
  });
  switch (error.keyword) {
    case 'required':
      return detail('is required', 'missing', [...path, String(params['missingProperty'])]);
    case 'additionalProperties': {
      const key = String(params['additionalProperty']);
      const known = Object.keys((error.parentSchema?.['properties'] ?? {}) as object);
      const list = known.length > 0 ? ` (known: ${known.join(', ')})` : '';
      const message = `is an unknown key${hint(key, known) || list}`;
      return detail(message, 'extra_forbidden', [...path, key.slice(0, 100)]);
    }
    case 'type':
      return detail(`must be ${article(params['type'])}, got ${kindOf(error.data)}`, 'type_error');
    case 'enum':
    case 'const': {
      const values = allowed(error);
      const names = values.filter((value) => typeof value === 'string');
      const meant = typeof error.data === 'string' ? hint(error.data, names) : '';
      const list = values.map((value) => (typeof value === 'string' ? `'${value}'` : JSON.stringify(value)));
      const must = list.length === 1 ? `must be ${list[0]}` : `must be one of ${list.join(', ')}`;
      return detail(`${must}; got ${show(error.data)}${meant}`, 'enum');
    }
    case 'discriminator': {
      const tag = String(params['tag']);
      const branches = (error.parentSchema?.['oneOf'] ?? []) as {
        properties?: Record<string, { const?: unknown }>;
      }[];
      const values = branches
        .map((branch) => branch.properties?.[tag]?.const)
        .filter((one) => one !== undefined);
      const got = params['tagValue'];
      if (got === undefined) return detail('is required', 'missing', [...path, tag]);
      const tagged = { ...error, keyword: 'enum', data: got, params: { allowedValues: values } };
      return describe({ ...tagged, instancePath: `${error.instancePath}/${tag}` });
    }
    case 'anyOf':
    case 'oneOf':
      return detail(unionMessage(error), 'type_error');
    case 'pattern':
      return detail(`must match ${String(params['pattern'])}, got ${show(error.data)}`, 'value_error');
    case 'format':
      return detail(`must be a ${String(params['format'])}, got ${show(error.data)}`, 'value_error');
    case 'minLength':
      return detail(params['limit'] === 1 ? 'must not be empty' : error.message!, 'value_error');
    case 'minItems':
      return detail(`needs at least ${String(params['limit'])} item(s)`, 'too_short');
    case 'maxItems':
      return detail(`must have at most ${String(params['limit'])} items`, 'too_long');
    case 'minimum':
    case 'maximum':
    case 'exclusiveMinimum':
    case 'exclusiveMaximum': {
      const { comparison, limit } = params as { comparison: string; limit: number };
      return detail(`must be ${comparison} ${limit}, got ${show(error.data)}`, 'value_error');
    }
    case 'not':
    case 'false schema':
      return detail('is not allowed here', 'value_error');
    default:
      return detail(error.message ?? 'is not valid', 'value_error');
  }
}

function unionMessage(error: ErrorObject): string {
  if ((error.params as { passingSchemas?: unknown }).passingSchemas)
    return 'matches more than one of its forms';
  const types = (error.schema as { type?: unknown; const?: unknown; enum?: unknown[] }[]).flatMap((branch) =>
    branch.type !== undefined
      ? [article(branch.type)]
      : (branch.enum ?? []).map((value) => JSON.stringify(value)),
  );
  const list = [...new Set(types)].join(' or ');
  return list ? `must be ${list}, got ${kindOf(error.data)}` : `has none of the forms it may have`;
}

const article = (type: unknown): string =>
  [type]
    .flat()
    .map((one) =>
      one === 'null' ? 'null' : /^[aeiou]/.test(String(one)) ? `an ${String(one)}` : `a ${String(one)}`,
    )
    .map((one) => (one === 'an array' ? 'a list' : one))
    .join(' or ');

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  return `the ${typeof value} ${show(value)}`;
}

function show(value: unknown): string {
  if (typeof value === 'object' && value !== null) return kindOf(value);
  const text = typeof value === 'string' ? `'${value}'` : String(value);
  return text.length > 60 ? `${text.slice(0, 57)}…'` : text;
}

const unescapePointer = (part: string): string => part.replaceAll('~1', '/').replaceAll('~0', '~');
