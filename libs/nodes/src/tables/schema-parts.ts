/** Parts of JSON Schemas that the kinds of table nodes share. */

/**
 * Types by name, with sizes and `[]`: `INTEGER`, `DECIMAL(10, 2)`, `TIMESTAMP WITH TIME ZONE`, `VARCHAR[]`.
 * The pattern also keeps anything but a type out of the statement it is put into.
 */
export const SQL_TYPE = {
  type: 'string',
  pattern: '^[A-Za-z][A-Za-z0-9_]*( [A-Za-z]+)*( ?\\([0-9]+(, ?[0-9]+)?\\))?(\\[[0-9]*\\])*$',
  maxLength: 80,
  description: 'A type of DuckDB: VARCHAR, BIGINT, DOUBLE, BOOLEAN, DATE, TIMESTAMP, DECIMAL(10, 2), ...',
};

export const COLUMN_NAME = { type: 'string', minLength: 1, maxLength: 255 };

export const COLUMN_NAMES = { type: 'array', items: COLUMN_NAME, minItems: 1, maxItems: 5000 };

export const columnMap = (value: object, description: string): object => ({
  type: 'object',
  description,
  minProperties: 1,
  maxProperties: 5000,
  additionalProperties: value,
});
