import {
  ValidatorConstraint,
  type ValidationArguments,
  type ValidatorConstraintInterface,
} from 'class-validator';
import { paramsFault } from '../runs/run-input.js';

@ValidatorConstraint({ name: 'too_long' })
export class MappingRule implements ValidatorConstraintInterface {
  validate = (params: object): boolean => paramsFault(params) === undefined;
  defaultMessage = ({ value }: ValidationArguments): string =>
    `params_mapping${paramsFault(value as object)}`;
}
