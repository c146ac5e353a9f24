import { type Column } from '@tauro/domain';
import { NodeError } from '../../node-kind.js';
import { columnsNamed } from '../../tables/named-columns.js';
import { COLUMN_NAME, COLUMN_NAMES, columnMap } from '../../tables/schema-parts.js';
import { ident } from '../../tables/sql-text.js';
import {
  distinctNames,
  expressionAt,
  groupedBy,
  plainTexts,
  type Relation,
  type Step,
  type Transformation,
} from './transformation.js';

const HOW = {
  inner: 'INNER JOIN',
  left: 'LEFT JOIN',
  right: 'RIGHT JOIN',
  full: 'FULL JOIN',
  semi: 'SEMI JOIN',
  anti: 'ANTI JOIN',
} as const;

const NODE_ID = { type: 'string', minLength: 1, maxLength: 63 };

export const join: Transformation = {
  type: 'join',
  schema: {
    description:
      'Joins the table so far (left) with an upstream table (right). Key columns come once, under their left ' +
      'names; other right columns whose name is taken get the suffix. The order of rows is not defined.',
    required: ['on'],
    properties: {
      with: {
        ...NODE_ID,
        description: 'Upstream node id of the right table; may be left out when only one is left.',
      },
      on: {
        description: 'Columns that must be equal: a list, or `{left: right}` where the names differ.',
        anyOf: [COLUMN_NAMES, columnMap(COLUMN_NAME, 'Right columns by left ones.')],
      },
      how: { enum: Object.keys(HOW), description: 'inner by default; semi and anti only choose left rows.' },
      suffix: {
        type: 'string',
        minLength: 1,
        maxLength: 64,
        description: 'What is put behind right names that are taken; `_right` by default.',
      },
    },
  },
  query(left, step) {
    const { options, place } = step;
    const how = (options['how'] ?? 'inner') as keyof typeof HOW;
    const suffix = (options['suffix'] ?? '_right') as string;
    const [right] = others(step) as [Relation];
    const keys = joinKeys(left, right, step);
    const condition = keys.map(([l, r]) => `l.${ident(l.name)} = r.${ident(r.name)}`).join(' AND ');
    const from = `FROM ${ident(left.view)} l ${HOW[how]} ${ident(right.view)} r ON ${condition}`;
    if (how === 'semi' || how === 'anti') return `SELECT l.* ${from}`;

    const rightOf = new Map(keys);
    const keyOf = (column: Column): string => {
      const own = `l.${ident(column.name)}`;
      const other = rightOf.get(column);
      // A row that only the right side has still has its key.
      return other && (how === 'right' || how === 'full')
        ? `coalesce(${own}, r.${ident(other.name)}) AS ${ident(column.name)}`
        : own;
    };
    const rightKeys = new Set(rightOf.values());
    const taken = new Set(left.columns.map((column) => column.name.toLowerCase()));
    const added = right.columns
      .filter((column) => !rightKeys.has(column))
      .map(({ name }) => ({ name, as: taken.has(name.toLowerCase()) ? name + suffix : name }));
    distinctNames([...left.columns.map((column) => column.name), ...added.map(({ as }) => as)], place);
    const items = [
      ...left.columns.map(keyOf),
      ...added.map(({ name, as }) => `r.${ident(name)} AS ${ident(as)}`),
    ];
    return `SELECT ${items.join(', ')} ${from}`;
  },
};

function joinKeys(left: Relation, right: Relation, { options, place }: Step): [Column, Column][] {
  const on = options['on'] as string[] | Record<string, string>;
  const pairs = Array.isArray(on) ? on.map((name): [string, string] => [name, name]) : plainTexts(on, place);
  return pairs.map(([l, r]) => [
    columnsNamed(left.columns, [l], `${place}: on, left side`)[0]!,
    columnsNamed(right.columns, [r], `${place}: on, right side`)[0]!,
  ]);
}

export const union: Transformation = {
  type: 'union',
  bare: true,
  schema: {
    description: 'Puts the rows of upstream tables below those of the table so far.',
    properties: {
      with: {
        anyOf: [NODE_ID, { type: 'array', items: NODE_ID, minItems: 1, maxItems: 1000 }],
        description: 'Upstream node ids; all that no other transformation names by default.',
      },
      by_name: {
        type: 'boolean',
        description: 'Match columns by name, missing ones are null (default); or by position.',
      },
      distinct: {
        type: 'boolean',
        description: 'Drop rows that are alike; their order is then not defined.',
      },
    },
  },
  query(from, step) {
    const { by_name = true, distinct = false } = step.options as Record<string, boolean | undefined>;
    const tables = [from, ...others(step)];
    const uneven = tables.find((table) => table.columns.length !== from.columns.length);
    if (!by_name && uneven) {
      const counts = `${from.columns.length} and ${uneven.columns.length} columns`;
      const message = `${step.place}: tables of ${counts} do not match by position; use by_name`;
      throw new NodeError('ColumnMismatch', message, false);
    }
    const operator = ` UNION ${distinct ? '' : 'ALL '}${by_name ? 'BY NAME ' : ''}`;
    return tables.map((table) => `SELECT * FROM ${ident(table.view)}`).join(operator);
  },
};

/** The upstream tables that a join or union takes besides the table so far. */
function others({ options, inputs, others: rest, place }: Step): Relation[] {
  const named = options['with'] as string | string[] | undefined;
  const ids = named === undefined ? rest : [named].flat();
  return ids.map((id) => {
    const table = inputs.get(id);
    if (table) return table;
    const known = [...inputs.keys()].join(', ');
    throw new NodeError(
      'NoTable',
      `${place}: '${id}' is not an input of this node (inputs: ${known})`,
      false,
    );
  });
}

export const aggregate: Transformation = {
  type: 'aggregate',
  schema: {
    description: 'One row per group, or one row for everything.',
    required: ['metrics'],
    properties: {
      group_by: { type: 'array', items: COLUMN_NAME, maxItems: 1000, description: 'Columns of the groups.' },
      metrics: columnMap(
        { type: 'string', minLength: 1 },
        'Aggregate expressions by result column, such as `{flights: "count(*)", late: "avg(delay)"}`.',
      ),
    },
  },
  expressions: ['metrics'],
  async query({ view, columns }, step) {
    const groups = columnsNamed(
      columns,
      (step.options['group_by'] ?? []) as string[],
      `${step.place}: group_by`,
    );
    const names = groups.map(({ name }) => name);
    const items = names.map(ident);
    for (const [name, sql] of Object.entries(step.options['metrics'] as object)) {
      items.push(`${await expressionAt(step, `metrics.${name}`, sql)} AS ${ident(name)}`);
      names.push(name);
    }
    distinctNames(names, step.place);
    return `SELECT ${items.join(', ')} FROM ${ident(view)} ${groupedBy(groups)}`;
  },
};
