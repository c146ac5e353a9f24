import { applyDecorators } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { type IdPrefix, idPattern } from '@tauro/domain';
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsBoolean,
  Validate,
  type ValidationArguments,
  ValidatorConstraint,
  type ValidatorConstraintInterface,
} from 'class-validator';
import { IfGiven } from '../given.js';
import { shown } from '../query/query-field.js';

/** Most items of one request. */
export const MAX_BATCH = 1000;

/** What every body of a batch may say. */
export class BatchDto {
  /** True: each item is done or refused by itself, and answered by itself. Otherwise all are done, or none. */
  @IfGiven()
  @IsBoolean()
  partial?: boolean;
}

/** The items of a batch, whatever they are; each is checked by itself (`checkedAs`), so that each can be answered. */
export const BatchItems = (): PropertyDecorator =>
  applyDecorators(IsArray(), ArrayMinSize(1), ArrayMaxSize(MAX_BATCH));

/** The ids of a batch: well-formed, and each of them once. */
export const BatchIds = (prefix: IdPrefix): PropertyDecorator =>
  applyDecorators(
    ApiProperty({
      type: [String],
      minItems: 1,
      maxItems: MAX_BATCH,
      uniqueItems: true,
      items: { type: 'string', pattern: idPattern(prefix).source },
    }),
    BatchItems(),
    Validate(IdsRule, [prefix]),
  );

@ValidatorConstraint({ name: 'value_error' })
class IdsRule implements ValidatorConstraintInterface {
  validate = (ids: unknown, { constraints: [prefix] }: ValidationArguments): boolean =>
    faultOf(ids as unknown[], prefix as IdPrefix) === undefined;
  defaultMessage = ({ value, property, constraints: [prefix] }: ValidationArguments): string =>
    `${property}.${faultOf(value as unknown[], prefix as IdPrefix)}`;
}

/** The first id that is wrong, and why. */
function faultOf(ids: unknown[], prefix: IdPrefix): string | undefined {
  const pattern = idPattern(prefix);
  const places = new Map<string, number>();
  for (const [i, id] of ids.entries()) {
    if (typeof id !== 'string' || !pattern.test(id)) {
      return `${i} must be an id such as ${prefix}_abc123 (${pattern.source}), got '${shown(String(id))}'`;
    }
    if (places.has(id)) return `${i} is the same as ids.${places.get(id)}: '${id}'`;
    places.set(id, i);
  }
  return undefined;
}
