import { type Column } from '@tauro/domain';
import { type Value, VALUE, valueFor } from '../../tables/column-values.js';
import { columnsNamed } from '../../tables/named-columns.js';
import { COLUMN_NAMES, columnMap } from '../../tables/schema-parts.js';
import { ident } from '../../tables/sql-text.js';
import { type Transformation } from './transformation.js';

export const fillNull: Transformation = {
  type: 'fill_null',
  schema: {
    description: 'Puts values in the place of null.',
    required: ['values'],
    properties: { values: columnMap(VALUE, 'Values by column, such as `{"city": "unknown", "age": 0}`.') },
  },
  query({ view, columns }, { options, place }) {
    const items = Object.entries(options['values'] as Record<string, Value>).map(([wanted, value]) => {
      const [column] = columnsNamed(columns, [wanted], `${place}: values`) as [Column];
      return `coalesce(${ident(column.name)}, ${valueFor(column, value)}) AS ${ident(column.name)}`;
    });
    return `SELECT * REPLACE (${items.join(', ')}) FROM ${ident(view)}`;
  },
};

export const dropNulls: Transformation = {
  type: 'drop_nulls',
  bare: true,
  schema: {
    description: 'Drops the rows in which a column is null.',
    properties: {
      columns: { ...COLUMN_NAMES, description: 'The columns to look at; all by default.' },
      how: { enum: ['any', 'all'], description: 'Whether `any` null (default) or only `all` of them count.' },
    },
  },
  query({ view, columns }, { options, place }) {
    const wanted = options['columns'] as string[] | undefined;
    const looked = wanted ? columnsNamed(columns, wanted, `${place}: columns`) : columns;
    const there = looked.map(({ name }) => `${ident(name)} IS NOT NULL`);
    const kept = there.join(options['how'] === 'all' ? ' OR ' : ' AND ');
    return `SELECT * FROM ${ident(view)} WHERE ${kept}`;
  },
};
