import { type Column } from '@tauro/domain';
import { NodeError } from '../../node-kind.js';
import { COLUMN_NAME } from '../../tables/schema-parts.js';
import { columnsNamed } from '../../tables/named-columns.js';
import { countOf, ident } from '../../tables/sql-text.js';
import { type CheckKind } from './check.js';
import { boundsFault } from './columns.js';

const COUNT = { type: 'integer', minimum: 0, maximum: 1_000_000_000_000 };

export const rowCount: CheckKind = {
  type: 'row_count',
  schema: {
    description: 'The table has about as many rows as it should.',
    properties: {
      min: { ...COUNT, description: 'The fewest rows that will do.' },
      max: { ...COUNT, description: 'The most rows that will do.' },
    },
  },
  about: () => '',
  fault: boundsFault,
  table({ options, rows }) {
    const { min = 0, max = Infinity } = options as { min?: number; max?: number };
    const wanted = [
      ...(min > 0 ? [`at least ${min.toLocaleString('en-US')}`] : []),
      ...(max < Infinity ? [`at most ${max.toLocaleString('en-US')}`] : []),
    ];
    const passed = rows >= min && rows <= max;
    const message = countOf(rows, 'row') + (passed ? '' : `, wanted ${wanted.join(' and ')}`);
    return { passed, message };
  },
};

/** DuckDB's types of moments. */
const TIMES = /^(?:DATE|TIMESTAMP)/;

export const freshness: CheckKind = {
  type: 'freshness',
  schema: {
    description:
      'The newest row is not too old, looked at from the end of the interval of the run (`run.data_interval_end`), or ' +
      'else from when the run was made. A table without rows is not fresh.',
    required: ['column', 'max_age_seconds'],
    properties: {
      column: { ...COLUMN_NAME, description: 'A column of dates or times; those without a zone are UTC.' },
      max_age_seconds: {
        type: 'integer',
        minimum: 0,
        maximum: 10_000_000_000,
        description: 'How old the newest may be, such as 86400.',
      },
    },
  },
  about: ({ column }) => String(column),
  async table({ columns, options, place, view, session, asOf }) {
    const [column] = columnsNamed(columns, [options['column'] as string], `${place}: column`) as [Column];
    if (!TIMES.test(column.type)) {
      const message = `${place}: column '${column.name}' is ${column.type}, not a time; make it one with cast`;
      throw new NodeError('TableError', message, false);
    }
    const query = `SELECT epoch_ms(max(${ident(column.name)})::TIMESTAMP) FROM ${ident(view)}`;
    const [[newest]] = (await session.rows(query)) as [[bigint | null]];
    if (newest === null) return { passed: false, message: `no row has a ${column.name}` };
    const allowed = Number(options['max_age_seconds']);
    const age = Math.round((asOf.getTime() - Number(newest)) / 1000);
    const message = `the newest ${column.name} is ${new Date(Number(newest)).toISOString()}`;
    const older = `${age.toLocaleString('en-US')} s before ${asOf.toISOString()}, wanted at most ${allowed.toLocaleString('en-US')} s`;
    return age <= allowed ? { passed: true, message } : { passed: false, message: `${message}, ${older}` };
  },
};
