import { type Column } from '@tauro/domain';
import { type Value, VALUE, valueFor } from '../../tables/column-values.js';
import { columnsNamed } from '../../tables/named-columns.js';
import { numbered } from '../../tables/numbered.js';
import { COLUMN_NAME, COLUMN_NAMES, columnMap } from '../../tables/schema-parts.js';
import { ident, idents } from '../../tables/sql-text.js';
import { type Aggregate, aggregateOf } from './aggregates.js';
import { orderBy, ORDER_BY } from './order-by.js';
import { distinctNames, type Transformation } from './transformation.js';

/** One column that the transformation adds. */
interface Call {
  function: string;
  column?: string;
  offset?: number;
  default?: Value;
  buckets?: number;
  frame?: { preceding?: number | 'unbounded'; following?: number | 'unbounded' };
}

interface Kind {
  /** Whether it makes no sense without an order. */
  ordered?: boolean;
  /** Whether rows that are equal in the order are equal to it too; all others take them as they come. */
  ties?: boolean;
  /** The options that it takes beside `function`; of these it needs `column` and `buckets`. */
  takes: readonly (keyof Call)[];
  /** Which rows it looks at by default, when there is an order; absent where that is not a question. */
  frame?: 'so far' | 'all';
  call(call: Call, column: Column | undefined, over: string): string;
}

const plain = (ordered: Omit<Kind, 'takes' | 'call'> = { ordered: true }): Kind => ({
  ...ordered,
  takes: [],
  call: ({ function: name }, _, over) => `${name}() ${over}`,
});

const neighbour: Kind = {
  ordered: true,
  takes: ['column', 'offset', 'default'],
  call({ function: name, offset = 1, default: otherwise }, column, over) {
    const or = otherwise === undefined ? '' : `, ${valueFor(column!, otherwise)}`;
    return `${name}(${ident(column!.name)}, ${offset}${or}) ${over}`;
  },
};

const end: Kind = {
  ordered: true,
  takes: ['column', 'frame'],
  frame: 'all',
  call: ({ function: name }, column, over) => `${name}_value(${ident(column!.name)}) ${over}`,
};

const aggregate: Kind = {
  takes: ['column', 'frame'],
  frame: 'so far',
  call: ({ function: name }, column, over) => aggregateOf(name as Aggregate, column, over),
};

const KINDS: Record<string, Kind> = {
  row_number: plain(),
  rank: plain({ ordered: true, ties: true }),
  dense_rank: plain({ ordered: true, ties: true }),
  percent_rank: plain({ ordered: true, ties: true }),
  ntile: { ordered: true, takes: ['buckets'], call: ({ buckets }, _, over) => `ntile(${buckets}) ${over}` },
  lag: neighbour,
  lead: neighbour,
  first: end,
  last: end,
  sum: aggregate,
  avg: aggregate,
  min: aggregate,
  max: aggregate,
  count: aggregate,
};

const EDGE = { anyOf: [{ type: 'integer', minimum: 0, maximum: 1_000_000_000 }, { const: 'unbounded' }] };

const CALL = {
  type: 'object',
  required: ['function'],
  additionalProperties: false,
  properties: {
    function: { enum: Object.keys(KINDS), description: 'What to work out.' },
    column: { ...COLUMN_NAME, description: 'Of which column; not needed to rank, or to count rows.' },
    offset: {
      type: 'integer',
      minimum: 0,
      maximum: 1_000_000_000,
      description: 'How many rows before (lag) or behind (lead); 1 by default.',
    },
    default: { ...VALUE, description: 'What lag and lead give where there is no such row; null by default.' },
    buckets: {
      type: 'integer',
      minimum: 1,
      maximum: 1_000_000_000,
      description: 'Into how many parts ntile deals.',
    },
    frame: {
      type: 'object',
      additionalProperties: false,
      minProperties: 1,
      properties: { preceding: EDGE, following: EDGE },
      description:
        'Which rows around each count: so many `preceding` and `following` it, or `unbounded`. By default all of the ' +
        'part; with `order_by`, sum, avg, min, max and count look at the rows so far.',
    },
  },
};

export const window: Transformation = {
  type: 'window',
  schema: {
    description:
      'Adds columns that are worked out over the other rows of the same part: ranks, neighbours, running sums. The ' +
      'rows stay in their order, which also decides between those that are equal in `order_by`.',
    required: ['functions'],
    properties: {
      functions: columnMap(
        CALL,
        'New columns by name, each with its `function` and `column`: row_number, rank, dense_rank, percent_rank, ntile ' +
          '(`buckets`), lag and lead (`offset`, `default`), first, last, sum, avg, min, max and count (`frame`).',
      ),
      partition_by: {
        ...COLUMN_NAMES,
        description: 'Rows that agree in these make a part; all of them by default.',
      },
      order_by: { ...ORDER_BY, description: `The order within a part. ${ORDER_BY.description}` },
    },
  },

  fault({ functions, order_by }) {
    for (const [name, call] of Object.entries(functions as Record<string, Call>)) {
      const fault = callFault(call, order_by !== undefined);
      if (fault !== undefined) return `functions.${name}: ${fault}`;
    }
    return undefined;
  },

  query(from, { options, place }) {
    const { columns } = from;
    const { query, position } = numbered(from);
    const row = ident(position);
    const parts = columnsNamed(
      columns,
      (options['partition_by'] ?? []) as string[],
      `${place}: partition_by`,
    );
    const keys =
      options['order_by'] === undefined ? [] : orderBy(options['order_by'], columns, `${place}: order_by`);
    const calls = Object.entries(options['functions'] as Record<string, Call>);
    const names = columns.map(({ name }) => name);
    distinctNames([...names, ...calls.map(([name]) => name)], place);
    const added = calls.map(([name, call]) => {
      const kind = KINDS[call.function]!;
      const wanted = call.column === undefined ? [] : [call.column];
      const [column] = columnsNamed(columns, wanted, `${place}: functions.${name}`);
      const over = [
        ...(parts.length > 0 ? [`PARTITION BY ${idents(parts.map((part) => part.name))}`] : []),
        ...(kind.ties && keys.length > 0
          ? [`ORDER BY ${keys.join(', ')}`]
          : [`ORDER BY ${[...keys, row].join(', ')}`]),
        ...frameOf(kind, call, keys.length > 0),
      ];
      return `${kind.call(call, column, `OVER (${over.join(' ')})`)} AS ${ident(name)}`;
    });
    return `SELECT ${[idents(names), ...added].join(', ')} FROM (${query}) ORDER BY ${row}`;
  },
};

function callFault({ function: name, ...given }: Call, ordered: boolean): string | undefined {
  const kind = KINDS[name];
  // A template: what it gives is looked at when there is a run.
  if (!kind) return undefined;
  const { ordered: needsOrder = false, takes } = kind;
  const odd = (Object.keys(given) as (keyof Call)[]).find((option) => !takes.includes(option));
  if (odd !== undefined) return `${name} takes no ${odd}`;
  if (needsOrder && !ordered) return `${name} needs order_by`;
  if (takes.includes('column') && given.column === undefined && name !== 'count')
    return `${name} needs a column`;
  return takes.includes('buckets') && given.buckets === undefined ? `${name} needs buckets` : undefined;
}

/** Counted in rows, not in equal values, so that a running sum grows with every row. */
function frameOf({ frame }: Kind, call: Call, ordered: boolean): string[] {
  if (frame === undefined) return [];
  const whole = { preceding: 'unbounded', following: 'unbounded' } as const;
  const soFar = { preceding: 'unbounded', following: 0 } as const;
  const { preceding, following } = call.frame
    ? { ...soFar, ...call.frame }
    : ordered && frame === 'so far'
      ? soFar
      : whole;
  return [`ROWS BETWEEN ${edge(preceding, 'PRECEDING')} AND ${edge(following, 'FOLLOWING')}`];
}

const edge = (rows: number | 'unbounded', side: string): string =>
  rows === 0 ? 'CURRENT ROW' : `${rows === 'unbounded' ? 'UNBOUNDED' : rows} ${side}`;
