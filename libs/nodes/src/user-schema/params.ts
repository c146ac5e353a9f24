import { type ErrorDetail, invalid, type JsonObject, type PipelineDefinition } from '@tauro/domain';
import { schemaFaults } from '../validation/schema-faults.js';
import { coerced, compileUserSchema, type UserSchema, userSchemaFaults } from './user-schema.js';

/**
 * The params of a run as its pipeline wants them: strings that exactly spell a number or a truth value are turned
 * into it where the schema asks for one, defaults are filled in, and the whole is checked. Every way to make a run
 * comes through here. Without a `params_schema` anything goes.
 * @throws DomainError VALIDATION_ERROR with one entry per bad param, its field being `params.<name>`.
 */
export function resolveParams(definition: PipelineDefinition, params: JsonObject): JsonObject {
  const schema = definition.params_schema;
  if (schema === undefined) return params;
  const resolved = coerced(params, schema, schema) as JsonObject;
  const faults = schemaFaults(compileUserSchema(schema), resolved, { literal: true });
  if (faults.length > 0) throw invalid(faults.map(ofParams));
  return resolved;
}

const ofParams = ({ field, message, type }: ErrorDetail): ErrorDetail => ({
  field: field ? `params.${field}` : 'params',
  message: field ? `params.${message}` : message.replace(/^the value/, 'params'),
  type,
});

/** What is wrong with a `params_schema`, its defaults included. */
export function paramsSchemaFaults(schema: JsonObject): ErrorDetail[] {
  const field = 'params_schema';
  const faults = userSchemaFaults(schema as UserSchema, field);
  if (faults.length > 0) return faults;
  if (schema.type !== undefined && schema.type !== 'object') {
    return [
      { field: `${field}.type`, message: `${field}.type must be 'object': params are one`, type: 'enum' },
    ];
  }
  // Without any param given, only defaults can be wrong.
  return schemaFaults(compileUserSchema(schema), {}, { literal: true })
    .filter(
      ({ field: name, type }) =>
        type !== 'missing' && Object.hasOwn((schema.properties ?? {}) as object, name.split('.')[0]!),
    )
    .map(({ field: name, message, type }) => ({
      field: `${field}.properties.${name.split('.')[0]}.default`,
      message: `${field}: the default of ${message}`,
      type,
    }));
}
