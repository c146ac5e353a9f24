import { type ErrorObject, type ValidateFunction } from 'ajv';
import { BoundText, type ErrorDetail } from '@tauro/domain';
import { NodeError, type NodeKind } from '../node-kind.js';
import { compile, schemaFaults } from './schema-faults.js';

type Config = Record<string, unknown>;

const validators = new WeakMap<NodeKind, ValidateFunction>();

function validatorOf(kind: NodeKind): ValidateFunction {
  let validator = validators.get(kind);
  if (!validator) {
    validator = compile({ type: 'object', properties: { config: kind.schema } });
    validators.set(kind, validator);
  }
  return validator;
}

/** What is wrong with a config of this kind, from the node's own point of view: `config.path is required`. */
export const configFaults = (kind: NodeKind, config: unknown): ErrorDetail[] =>
  schemaFaults(validatorOf(kind), { config });

/**
 * Checks a config again once its templates have values, as strictly as what an author wrote: much of it becomes
 * part of a statement, and `limit: "{{ params.n }}"` may be anything until then. A text that is exactly a number
 * or a boolean becomes one where the schema wants one, since texts are what query strings, environment variables
 * and CSV columns give. To a schema, a bound text is the string it was.
 * @returns the config to execute
 * @throws NodeError 'InvalidConfig', not retryable, naming every key that does not fit.
 */
export function checkRendered(kind: NodeKind, config: Config): Config {
  const validate = validatorOf(kind);
  const checked = { config: boundAsStrings(config) as Config };
  if (validate(checked)) return config;
  const texts = validate.errors!.filter((error) => exactValue(error) !== undefined);
  const result = { config: copyOf(config) as Config };
  for (const error of texts) {
    put(result, error);
    put(checked, error);
  }
  if (texts.length > 0 && validate(checked)) return result.config;
  const faults = schemaFaults(validate, checked);
  // A value that looks like a template is no longer one, so the last word is here.
  const reasons = faults.map(({ message }) => message).join('; ') || 'config has a value that does not fit';
  throw new NodeError('InvalidConfig', `once its templates have values, ${reasons}`, false);
}

const NUMBER = /^[+-]?\d{1,300}(\.\d{1,300})?([eE][+-]?\d{1,3})?$/;

/** The number or boolean that a text is exactly, when the schema wanted such; rounding would change the value. */
function exactValue({ keyword, data, params }: ErrorObject): number | boolean | undefined {
  if (keyword !== 'type' || typeof data !== 'string') return undefined;
  const wanted = [(params as { type: string | string[] }).type].flat();
  if (wanted.includes('boolean') && (data === 'true' || data === 'false')) return data === 'true';
  if (!NUMBER.test(data)) return undefined;
  const number = Number(data);
  if (wanted.includes('integer') && Number.isSafeInteger(number)) return number;
  const exact = Number.isFinite(number) && (!Number.isInteger(number) || Number.isSafeInteger(number));
  return wanted.includes('number') && exact ? number : undefined;
}

/** Puts the value in the place of the text. The path is one of the value's own, so it reaches no prototype. */
function put(root: object, error: ErrorObject): void {
  const keys = error.instancePath
    .split('/')
    .slice(1)
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));
  const last = keys.pop()!;
  const owner = keys.reduce<unknown>((value, key) => (value as Config)[key], root) as Config;
  owner[last] = exactValue(error) ?? owner[last];
}

const boundAsStrings = (value: unknown): unknown => copyOf(value, (bound) => bound.text);

function copyOf(value: unknown, bound: (text: BoundText) => unknown = (text) => text): unknown {
  if (value instanceof BoundText) return bound(value);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => copyOf(item, bound));
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, copyOf(item, bound)]));
}
