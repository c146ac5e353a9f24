import {
  type ErrorDetail,
  type Json,
  NAME_PATTERN,
  type NodeDefinition,
  type OutputType,
} from '@tauro/domain';
import { schemaFaults } from '../validation/schema-faults.js';
import { compileUserSchema, type UserSchema, userSchemaFaults } from './user-schema.js';

const ANY: UserSchema = {};
/** One object per simple type, since compiled schemas are remembered by object. */
const SIMPLE: Readonly<Record<string, UserSchema>> = {
  ...Object.fromEntries(
    ['string', 'number', 'integer', 'boolean', 'object', 'array', 'null'].map((type) => [type, { type }]),
  ),
  any: ANY,
};

const schemaOf = (type: OutputType): UserSchema => (typeof type === 'string' ? SIMPLE[type]! : type);

/** What is wrong with the `outputs` that a node declares. */
export function declaredOutputFaults(node: NodeDefinition): ErrorDetail[] {
  return Object.entries(node.outputs ?? {}).flatMap(([name, type]) => {
    const field = `outputs.${name}`;
    if (!NAME_PATTERN.test(name)) {
      return [{ field, message: `${field}: a name must match ${NAME_PATTERN.source}`, type: 'value_error' }];
    }
    return typeof type === 'string' ? [] : userSchemaFaults(type, field);
  });
}

/** Why an output is not what its node declares, for people; undefined when it is, or nothing is declared. */
export function outputFault(node: NodeDefinition, output: Json): string | undefined {
  const declared = Object.entries(node.outputs ?? {});
  if (declared.length === 0) return undefined;
  if (typeof output !== 'object' || output === null || Array.isArray(output)) {
    const kind = output === null ? 'null' : Array.isArray(output) ? 'a list' : `a ${typeof output}`;
    return `must be an object with ${declared.map(([name]) => `'${name}'`).join(', ')}, got ${kind}`;
  }
  const problems = declared.flatMap(([name, type]) => {
    if (!Object.hasOwn(output, name)) return [`'${name}' is missing`];
    // Validating fills in defaults, which an output must not get from its declaration.
    const value = structuredClone(output[name]!);
    return schemaFaults(compileUserSchema(schemaOf(type)), value, { literal: true }).map(
      ({ field, message }) => (field ? `${name}.${message}` : message.replace(/^the value/, name)),
    );
  });
  return problems.length > 0 ? problems.slice(0, 10).join('; ') : undefined;
}
