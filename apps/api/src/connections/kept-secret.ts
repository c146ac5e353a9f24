import { type Connection } from '@tauro/database';
import {
  connectionPurpose,
  type ErrorDetail,
  HIDDEN_SECRET,
  invalid,
  secretsIn,
  secretValueFault,
} from '@tauro/domain';
import { canSeal, type Env, seal, unseal } from '@tauro/platform';
import { cannotBeSealed } from '../http/sealing.js';

/** The parts of a connection that hold what is secret of it. */
export type KeptSecret = Pick<Connection, 'secret' | 'engine'>;

/**
 * Seals what is secret and keeps references as they are. A value of `***`, as answers show it, stays what it was before.
 * @throws DomainError VALIDATION_ERROR for what cannot be kept, CannotUnseal when the one before cannot be opened.
 */
export function keepSecret(
  env: Env,
  id: string,
  given: Readonly<Record<string, string>>,
  before?: Pick<Connection, 'engine'>,
): KeptSecret {
  const purpose = connectionPurpose(id);
  const literals = Object.entries(given).filter(([, value]) => secretsIn(value).length === 0);
  const kept = literals.some(([, value]) => value === HIDDEN_SECRET) ? opened(env, purpose, before) : {};
  const values = literals.map(([key, value]) => [key, value === HIDDEN_SECRET ? kept[key] : value] as const);
  const faults = values.flatMap(([key, value]) => faultOf(env, `secret.${key}`, value));
  if (faults.length > 0) throw invalid(faults);
  return {
    secret: Object.fromEntries(
      Object.entries(given).map(([key, value]) => [key, secretsIn(value).length > 0 ? value : HIDDEN_SECRET]),
    ),
    engine: {
      sealed: values.length > 0 ? seal(env, purpose, JSON.stringify(Object.fromEntries(values))) : null,
    },
  };
}

function faultOf(env: Env, field: string, value: string | undefined): ErrorDetail[] {
  if (value === undefined) {
    return [
      {
        field,
        message: `'${HIDDEN_SECRET}' stands for a value that is there, and there is none`,
        type: 'value_error',
      },
    ];
  }
  const fault = canSeal(env) ? secretValueFault(value, field) : cannotBeSealed(field);
  return fault ? [fault] : [];
}

function opened(
  env: Env,
  purpose: string,
  before: Pick<Connection, 'engine'> | undefined,
): Record<string, string> {
  const sealed = before?.engine.sealed;
  return sealed ? (JSON.parse(unseal(env, purpose, sealed)) as Record<string, string>) : {};
}
