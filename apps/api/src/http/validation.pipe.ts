import { type Type, ValidationPipe } from '@nestjs/common';
import { type ErrorDetail, invalid } from '@tauro/domain';
import { type ValidationError } from 'class-validator';
import { checkJsonBounds } from './json-bounds.js';

/** What clients call class-validator's constraints; rules of the house are named so themselves. */
const TYPES: Record<string, string> = {
  whitelistValidation: 'extra_forbidden',
  isNotEmpty: 'missing',
  isString: 'type_error',
  isBoolean: 'type_error',
  isObject: 'type_error',
  isInt: 'type_error',
  isNumber: 'type_error',
  isArray: 'type_error',
  nestedValidation: 'type_error',
  isIn: 'enum',
  isPositive: 'value_error',
  min: 'value_error',
  max: 'value_error',
  arrayMinSize: 'too_short',
  arrayMaxSize: 'too_long',
  matches: 'value_error',
  minLength: 'too_short',
  maxLength: 'too_long',
  unknownValue: 'type_error',
};

/** Checks bodies against their DTO: one entry per bad field, unknown fields included. */
export const validationPipe = (): ValidationPipe =>
  new BodyPipe({
    transform: true,
    whitelist: true,
    forbidNonWhitelisted: true,
    forbidUnknownValues: true,
    stopAtFirstError: true,
    exceptionFactory: (errors: ValidationError[]) => invalid(errors.flatMap((error) => details(error, ''))),
  });

/**
 * Checks a part of a body as if it were one, for what answers each of its parts by itself.
 * @throws DomainError VALIDATION_ERROR with fields as they are called within the part.
 */
export const checkedAs = <T>(dto: Type<T>, part: unknown): Promise<T> =>
  parts.transform(part, { type: 'body', metatype: dto }) as Promise<T>;

class BodyPipe extends ValidationPipe {
  /** Nest would quietly drop these keys and class-transformer trips over them, so they are refused aloud. */
  protected override stripProtoKeys(body: unknown): void {
    checkJsonBounds(body, ['__proto__', 'constructor', 'prototype']);
  }
}

const parts = validationPipe();

function details(error: ValidationError, prefix: string): ErrorDetail[] {
  const field = prefix + (error.property ?? 'body');
  const own = Object.entries(error.constraints ?? {}).map(([constraint, message]): ErrorDetail => {
    const type = TYPES[constraint] ?? constraint;
    if (constraint === 'whitelistValidation')
      return { field, message: 'is not a field of this request', type };
    if (error.value === undefined) return { field, message: 'is required', type: 'missing' };
    return { ...split(field, error.property, message), type };
  });
  return [...own, ...(error.children ?? []).flatMap((child) => details(child, `${field}.`))];
}

/** A message may begin with the property, or with a path below it such as `tags.team`: the field says that. */
function split(field: string, property: string, message: string): { field: string; message: string } {
  const [first = '', ...rest] = message.split(' ');
  if (first !== property && !first.startsWith(`${property}.`)) return { field, message };
  return { field: field + first.slice(property.length), message: rest.join(' ') };
}
