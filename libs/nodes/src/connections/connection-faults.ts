import { type ValidateFunction } from 'ajv';
import { type ErrorDetail } from '@tauro/domain';
import { compile, schemaFaults } from '../validation/schema-faults.js';
import { type ConnectionKind } from './connection-kind.js';

const validators = new WeakMap<ConnectionKind, ValidateFunction>();

/**
 * What is wrong with a connection of this kind. Fields are paths such as `config.port` and `secret.password`; no message
 * tells a secret. @param given an absent part is not looked at.
 */
export function connectionFaults(
  kind: ConnectionKind,
  given: { config?: unknown; secret?: unknown },
): ErrorDetail[] {
  let validator = validators.get(kind);
  if (!validator) {
    validator = compile({ type: 'object', properties: { config: kind.schema, secret: kind.secret } });
    validators.set(kind, validator);
  }
  const secrets = Object.keys((kind.secret['properties'] ?? {}) as object);
  return schemaFaults(validator, given, { literal: true }).map(({ field, message, type }) => {
    const [part, key] = field.split('.');
    if (part === 'config' && type === 'extra_forbidden' && secrets.includes(key!)) {
      return { field, message: `${field} is a secret: give it as secret.${key}`, type };
    }
    // What was given for a secret is nobody's business, not even in an error.
    return { field, message: part === 'secret' ? message.replace(/,? got .*/s, '') : message, type };
  });
}
