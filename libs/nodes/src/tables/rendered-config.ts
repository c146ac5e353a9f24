import { type ValidateFunction } from 'ajv';
import { BoundText } from '@tauro/domain';
import { NodeError } from '../node-kind.js';
import { compile, schemaFaults } from '../validation/schema-faults.js';

/**
 * A check of configs whose templates have their values: what a template gave must fit the schema as strictly as
 * what an author wrote, since much of it becomes part of a statement.
 * @returns a function that throws NodeError for the first thing that does not fit
 */
export function renderedConfigCheck(schema: object): (config: Record<string, unknown>) => void {
  let validate: ValidateFunction | undefined;
  return (config) => {
    validate ??= compile({ type: 'object', properties: { config: schema } });
    const value = { config: plain(config) };
    if (validate(value)) return;
    // Faults of strings that still look like templates are not told, but they are faults here.
    const message =
      schemaFaults(validate, value)[0]?.message ?? 'config: a template has a value that does not fit';
    throw new NodeError('InvalidConfig', message, false);
  };
}

/** SQL with bound values counts as the text it was. */
function plain(value: unknown): unknown {
  if (value instanceof BoundText) return value.text;
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
}
