import { TIMING_KINDS } from '@tauro/domain';
import {
  type ValidationArguments,
  ValidatorConstraint,
  type ValidatorConstraintInterface,
} from 'class-validator';
import { instantOf, shown } from '../http/query/query-field.js';

@ValidatorConstraint({ name: 'value_error' })
export class InstantRule implements ValidatorConstraintInterface {
  validate = (value: unknown): boolean => typeof value === 'string' && instantOf(value) !== undefined;
  defaultMessage = ({ value }: ValidationArguments): string =>
    `must be ISO 8601 such as 2030-01-31T06:00:00Z, got '${shown(String(value))}'`;
}

@ValidatorConstraint({ name: 'enum' })
export class KindRule implements ValidatorConstraintInterface {
  validate = (value: unknown): boolean => (TIMING_KINDS as readonly unknown[]).includes(value);
  defaultMessage = ({ value }: ValidationArguments): string =>
    `must be one of ${TIMING_KINDS.join(', ')}, got '${shown(String(value))}'`;
}
