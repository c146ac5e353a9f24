import {
  ValidatorConstraint,
  type ValidationArguments,
  type ValidatorConstraintInterface,
} from 'class-validator';

import { instantOf, shown } from '../http/query/query-field.js';

export const TAG_KEY = /^[A-Za-z0-9_][A-Za-z0-9_:/-]{0,62}$/;
const MAX_TAGS = 50;
const MAX_TAG_LENGTH = 256;
const MAX_PARAMS_BYTES = 256 * 1024;

/** What is wrong with the tags of a run, to be read behind the word `tags`; undefined when nothing is. */
export function tagsFault(tags: Record<string, unknown>): string | undefined {
  const entries = Object.entries(tags);
  if (entries.length > MAX_TAGS) return ` has ${entries.length} tags, at most ${MAX_TAGS} are allowed`;
  for (const [key, value] of entries) {
    // Dots and dollars would mean something else in a filter such as tags.team=x.
    if (!TAG_KEY.test(key)) return ` has the key '${key.slice(0, 60)}', which must match ${TAG_KEY.source}`;
    if (typeof value !== 'string') return `.${key} must be a string, got ${kindOf(value)}`;
    if (value.length > MAX_TAG_LENGTH) return `.${key} is longer than ${MAX_TAG_LENGTH} characters`;
  }
  return undefined;
}

/** What is wrong with the params of a run, to be read behind the word `params`; undefined when nothing is. */
export function paramsFault(params: object): string | undefined {
  const bytes = Buffer.byteLength(JSON.stringify(params));
  return bytes > MAX_PARAMS_BYTES
    ? ` is ${bytes} bytes as JSON, at most ${MAX_PARAMS_BYTES} are allowed`
    : undefined;
}

/** What is wrong with the deadline of a run, to be read behind the word `deadline`; undefined when nothing is. */
export function deadlineFault(value: unknown, now = Date.now()): string | undefined {
  const date = typeof value === 'string' ? instantOf(value) : undefined;
  if (!date) return ` must be ISO 8601 such as 2030-01-31T06:00:00Z, got '${shown(String(value))}'`;
  return date.getTime() > now ? undefined : ` ${shown(String(value))} is over already`;
}

const kindOf = (value: unknown): string =>
  value === null
    ? 'null'
    : Array.isArray(value)
      ? 'a list'
      : typeof value === 'object'
        ? 'an object'
        : typeof value;

@ValidatorConstraint({ name: 'type_error' })
export class TagsRule implements ValidatorConstraintInterface {
  validate = (tags: Record<string, unknown>): boolean => tagsFault(tags) === undefined;
  defaultMessage = ({ value }: ValidationArguments): string =>
    `tags${tagsFault(value as Record<string, unknown>)}`;
}

@ValidatorConstraint({ name: 'too_long' })
export class ParamsRule implements ValidatorConstraintInterface {
  validate = (params: object): boolean => paramsFault(params) === undefined;
  defaultMessage = ({ value }: ValidationArguments): string => `params${paramsFault(value as object)}`;
}

@ValidatorConstraint({ name: 'value_error' })
export class DeadlineRule implements ValidatorConstraintInterface {
  validate = (value: unknown): boolean => deadlineFault(value) === undefined;
  defaultMessage = ({ value }: ValidationArguments): string => `deadline${deadlineFault(value)}`;
}

@ValidatorConstraint({ name: 'value_error' })
export class OneConfigRule implements ValidatorConstraintInterface {
  validate = (_: unknown, { object }: ValidationArguments): boolean =>
    (object as { config_id?: unknown }).config_id === undefined;
  defaultMessage = (): string => 'must not be given together with config_id';
}
