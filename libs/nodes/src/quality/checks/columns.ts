import { type Column } from '@tauro/domain';
import { comparedTo, type Value, VALUE } from '../../tables/column-values.js';
import { columnsNamed } from '../../tables/named-columns.js';
import { COLUMN_NAME, COLUMN_NAMES } from '../../tables/schema-parts.js';
import { ident, idents, literal } from '../../tables/sql-text.js';
import { type CheckKind, type CheckStep } from './check.js';

const oneColumn = ({ columns, options, place }: CheckStep): Column =>
  columnsNamed(columns, [options['column'] as string], `${place}: column`)[0]!;
const severalColumns = ({ columns, options, place }: CheckStep): Column[] => [
  ...new Set(columnsNamed(columns, options['columns'] as string[], `${place}: columns`)),
];
const listed = ({ columns }: Record<string, unknown>): string => [columns].flat().join(', ');
const named = ({ column }: Record<string, unknown>): string => String(column);

export const notNull: CheckKind = {
  type: 'not_null',
  schema: {
    description: 'No column is null.',
    required: ['columns'],
    properties: { columns: { ...COLUMN_NAMES, description: 'The columns that every row needs.' } },
  },
  about: listed,
  rows(step) {
    const columns = severalColumns(step);
    const where = columns.map(({ name }) => `${ident(name)} IS NULL`).join(' OR ');
    // The other columns tell which row it is.
    return { where, shown: [...new Set([...columns, ...step.columns])] };
  },
};

export const unique: CheckKind = {
  type: 'unique',
  schema: {
    description:
      'No two rows agree in the columns. All that do are bad, since nothing tells which is right; rows with a null ' +
      'there agree with none.',
    required: ['columns'],
    properties: {
      columns: { ...COLUMN_NAMES, description: 'The columns that make a row unique, together.' },
    },
  },
  about: listed,
  rows(step) {
    const columns = severalColumns(step);
    const names = idents(columns.map(({ name }) => name));
    const key = columns.length === 1 ? names : `(${names})`;
    const there = columns.map(({ name }) => `${ident(name)} IS NOT NULL`).join(' AND ');
    const twice = `SELECT ${key} FROM ${ident(step.view)} WHERE ${there} GROUP BY ${names} HAVING count(*) > 1`;
    return { where: `${there} AND ${key} IN (${twice})`, shown: columns, alike: true };
  },
};

export const range: CheckKind = {
  type: 'range',
  schema: {
    description: 'Values lie between two bounds, these included. Null does.',
    required: ['column'],
    properties: {
      column: { ...COLUMN_NAME, description: 'A column of numbers, dates, times or texts.' },
      min: { ...VALUE, description: 'The smallest value that fits; a date or a time as text.' },
      max: { ...VALUE, description: 'The largest value that fits.' },
    },
  },
  about: named,
  fault: boundsFault,
  rows(step) {
    const column = oneColumn(step);
    const { min, max } = step.options as { min?: Value; max?: Value };
    const outside = [
      ...(min === undefined ? [] : [`${ident(column.name)} < ${comparedTo(column, min)}`]),
      ...(max === undefined ? [] : [`${ident(column.name)} > ${comparedTo(column, max)}`]),
    ];
    return { where: outside.join(' OR '), shown: [column], alike: true };
  },
};

export function boundsFault({ min, max }: Record<string, unknown>): string | undefined {
  if (min === undefined && max === undefined) return 'needs min, max or both';
  const both = typeof min === 'number' && typeof max === 'number';
  return both && min > max ? 'min is larger than max' : undefined;
}

export const regex: CheckKind = {
  type: 'regex',
  schema: {
    description: 'Texts match a pattern from their first character to their last. Null does.',
    required: ['column', 'pattern'],
    properties: {
      column: { ...COLUMN_NAME, description: 'The column; what is no text is looked at as its text.' },
      pattern: {
        type: 'string',
        minLength: 1,
        maxLength: 1000,
        description: 'A regular expression of RE2, such as `[A-Z]{3}`; `.*x.*` looks for an x anywhere.',
      },
    },
  },
  about: named,
  texts: { pattern: 'pattern' },
  rows(step) {
    const column = oneColumn(step);
    const pattern = literal(step.options['pattern'] as string);
    const text = `CAST(${ident(column.name)} AS VARCHAR)`;
    return { where: `NOT regexp_full_match(${text}, ${pattern})`, shown: [column], alike: true };
  },
};

export const acceptedValues: CheckKind = {
  type: 'accepted_values',
  schema: {
    description: 'Values are among those of a list. Null is.',
    required: ['column', 'values'],
    properties: {
      column: { ...COLUMN_NAME, description: 'The column.' },
      values: {
        type: 'array',
        items: VALUE,
        minItems: 1,
        maxItems: 1000,
        description: 'The values that fit; for more, compare with an upstream table by `sql`.',
      },
    },
  },
  about: named,
  rows(step) {
    const column = oneColumn(step);
    const values = (step.options['values'] as Value[]).map((value) => comparedTo(column, value));
    return { where: `${ident(column.name)} NOT IN (${values.join(', ')})`, shown: [column], alike: true };
  },
};
