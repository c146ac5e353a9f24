import { type ErrorDetail, readTiming, TIMING_KINDS, type TimingInput, type TimingKind } from '@tauro/domain';
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

/** Stands for the parts of a timing that are not looked at, or are wrong themselves. */
const SOUND: TimingInput = {
  kind: 'INTERVAL',
  expression: '1s',
  timezone: 'UTC',
  anchor: new Date(Date.UTC(1900, 0, 1)),
};

/**
 * Looks at one part of a timing, as far as it can be judged by what the request says: what depends on more than one
 * part, or on what is stored, is for the schedule to say.
 */
@ValidatorConstraint({ name: 'value_error' })
export class TimingRule implements ValidatorConstraintInterface {
  validate = (_: unknown, { object, property }: ValidationArguments): boolean =>
    timingFaults(object, property).length === 0;
  defaultMessage = ({ object, property }: ValidationArguments): string =>
    timingFaults(object, property)
      .map(({ message }) => message)
      .join('; ');
}

function timingFaults(object: object, field: string): ErrorDetail[] {
  const { kind, [field as 'expression']: value } = object as Record<'kind' | 'expression', string>;
  const faults = ((): ErrorDetail[] => {
    if (field === 'timezone') return faultsOf({ timezone: value });
    if (field !== 'expression') return faultsOf({ [field]: instantOf(value) });
    const known = (TIMING_KINDS as readonly string[]).includes(kind);
    return known ? faultsOf({ kind: kind as TimingKind, expression: value.trim() }) : [];
  })();
  return faults.filter((fault) => fault.field === field);
}

function faultsOf(part: Partial<TimingInput>): ErrorDetail[] {
  const read = readTiming({ ...SOUND, ...part });
  return Array.isArray(read) ? read : [];
}
