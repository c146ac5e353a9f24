import { type Column } from '@tauro/domain';
import { NodeError } from '../../node-kind.js';
import { comparedTo, type Value, VALUE } from '../../tables/column-values.js';
import { columnsNamed } from '../../tables/named-columns.js';
import { COLUMN_NAME, COLUMN_NAMES } from '../../tables/schema-parts.js';
import { ident, idents, literal } from '../../tables/sql-text.js';
import { type Aggregate, aggregateOf, AGGREGATES } from './aggregates.js';
import { distinctNames, groupedBy, type Relation, type Step, type Transformation } from './transformation.js';

/** More columns than anybody means to have. */
const MAX_PIVOTED = 1000;

export const pivot: Transformation = {
  type: 'pivot',
  schema: {
    description:
      'Makes columns of the values of a column: one row per group, with an aggregate under each value.',
    required: ['on'],
    properties: {
      on: { ...COLUMN_NAME, description: 'The column whose values become columns; null becomes none.' },
      column: { ...COLUMN_NAME, description: 'The column that is aggregated; not needed to `count` rows.' },
      aggregate: { enum: AGGREGATES, description: '`sum` by default.' },
      group_by: {
        ...COLUMN_NAMES,
        minItems: 0,
        description: 'The columns that make a row; by default all but `on` and `column`.',
      },
      values: {
        type: 'array',
        items: VALUE,
        minItems: 1,
        maxItems: MAX_PIVOTED,
        description:
          'The values that become columns, in this order, so that the table has the same columns whatever the data ' +
          'is. By default those that are found, sorted, which takes a look at all rows first.',
      },
      prefix: { type: 'string', maxLength: 64, description: 'What the names of the new columns begin with.' },
    },
  },
  fault({ aggregate = 'sum', column }) {
    const known = AGGREGATES.find((name) => name === aggregate);
    return column === undefined && known && known !== 'count' ? `${known} needs a column` : undefined;
  },
  async query(from, step) {
    const { options, place } = step;
    const { aggregate = 'sum', column, prefix = '' } = options as PivotOptions;
    const [on] = columnsNamed(from.columns, [options['on'] as string], `${place}: on`) as [Column];
    const [of] = columnsNamed(from.columns, column === undefined ? [] : [column], `${place}: column`);
    const wanted = options['group_by'] as string[] | undefined;
    const groups = wanted
      ? columnsNamed(from.columns, wanted, `${place}: group_by`)
      : from.columns.filter((one) => one !== on && one !== of);
    const values = (options['values'] as Value[] | undefined) ?? (await valuesOf(from, on, step));
    const names = [...groups.map(({ name }) => name), ...values.map((value) => prefix + String(value))];
    distinctNames(names, place);
    const cells = values.map((value, i) => {
      const rows = `FILTER (WHERE ${ident(on.name)} = ${comparedTo(on, value)})`;
      return `${aggregateOf(aggregate, of, rows)} AS ${ident(names[groups.length + i]!)}`;
    });
    const items = [...groups.map(({ name }) => ident(name)), ...cells];
    return `SELECT ${items.join(', ')} FROM ${ident(from.view)} ${groupedBy(groups)}`;
  },
};

interface PivotOptions {
  aggregate?: Aggregate;
  column?: string;
  prefix?: string;
}

async function valuesOf({ view }: Relation, on: Column, { session, place }: Step): Promise<string[]> {
  const distinct = `SELECT DISTINCT ${ident(on.name)} AS v FROM ${ident(view)} WHERE v IS NOT NULL`;
  const values = await session.texts(
    `SELECT v::VARCHAR FROM (${distinct}) ORDER BY v LIMIT ${MAX_PIVOTED + 1}`,
  );
  if (values.length > 0 && values.length <= MAX_PIVOTED) return values;
  const found = values.length === 0 ? 'no value' : `more than ${MAX_PIVOTED} values`;
  throw new NodeError(
    'TableError',
    `${place}: column '${on.name}' has ${found}; name those that are to become columns in values`,
    false,
  );
}

export const unpivot: Transformation = {
  type: 'unpivot',
  schema: {
    description:
      'Makes rows of columns: for each of them one with its name and its value, beside the columns that stay.',
    required: ['columns'],
    properties: {
      columns: {
        ...COLUMN_NAMES,
        description: 'The columns that become rows; their types must go together.',
      },
      name: { ...COLUMN_NAME, description: 'The new column with their names; `name` by default.' },
      value: { ...COLUMN_NAME, description: 'The new column with their values; `value` by default.' },
      drop_nulls: { type: 'boolean', description: 'Make no rows of nulls; false by default.' },
    },
  },
  query({ view, columns }, { options, place }) {
    const { name = 'name', value = 'value', drop_nulls = false } = options as UnpivotOptions;
    const chosen = columnsNamed(columns, options['columns'] as string[], `${place}: columns`);
    const kept = columns.filter((column) => !chosen.includes(column)).map((column) => column.name);
    distinctNames([...kept, name, value], place);
    const nulls = drop_nulls ? 'EXCLUDE' : 'INCLUDE';
    const from = idents([...new Set(chosen)].map((column) => column.name));
    return `SELECT * FROM ${ident(view)} UNPIVOT ${nulls} NULLS (${ident(value)} FOR ${ident(name)} IN (${from}))`;
  },
};

interface UnpivotOptions {
  name?: string;
  value?: string;
  drop_nulls?: boolean;
}

export const explode: Transformation = {
  type: 'explode',
  schema: {
    description: 'Makes a row of each element of a list, beside the columns that stay.',
    required: ['column'],
    properties: {
      column: { ...COLUMN_NAME, description: 'A column of lists; `split` makes one of texts.' },
      keep_empty: {
        type: 'boolean',
        description: 'Keep a row, with null, where the list is empty or null; false by default.',
      },
    },
  },
  query({ view, columns }, { options, place }) {
    const [column] = columnsNamed(columns, [options['column'] as string], `${place}: column`) as [Column];
    if (!column.type.endsWith(']')) {
      const message = `${place}: column '${column.name}' is ${column.type}, not a list; make it one with split or derive`;
      throw new NodeError('TableError', message, false);
    }
    const list = ident(column.name);
    const full =
      options['keep_empty'] === true ? `CASE WHEN len(${list}) > 0 THEN ${list} ELSE [NULL] END` : list;
    return `SELECT * REPLACE (unnest(${full}) AS ${list}) FROM ${ident(view)}`;
  },
};

export const split: Transformation = {
  type: 'split',
  schema: {
    description: 'Cuts texts at a separator: into new columns, or into a list in the place of the text.',
    required: ['column', 'separator'],
    properties: {
      column: { ...COLUMN_NAME, description: 'The column of texts.' },
      separator: {
        type: 'string',
        minLength: 1,
        maxLength: 100,
        description: 'What stands between the parts.',
      },
      into: {
        ...COLUMN_NAMES,
        maxItems: 100,
        description:
          'New columns for the parts: null where there are fewer, and the last has all that is left. By default the ' +
          'text becomes a list.',
      },
    },
  },
  query({ view, columns }, { options, place }) {
    const { separator, into } = options as { separator: string; into?: string[] };
    const [column] = columnsNamed(columns, [options['column'] as string], `${place}: column`) as [Column];
    const at = literal(separator);
    const parts = `string_split(CAST(${ident(column.name)} AS VARCHAR), ${at})`;
    if (!into) return `SELECT * REPLACE (${parts} AS ${ident(column.name)}) FROM ${ident(view)}`;
    distinctNames([...columns.map(({ name }) => name), ...into], place);
    const items = into.map((name, i) => {
      const part = i < into.length - 1 ? `${parts}[${i + 1}]` : `array_to_string(${parts}[${i + 1}:], ${at})`;
      return `CASE WHEN len(${parts}) > ${i} THEN ${part} END AS ${ident(name)}`;
    });
    return `SELECT *, ${items.join(', ')} FROM ${ident(view)}`;
  },
};
