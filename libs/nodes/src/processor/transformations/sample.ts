import { numbered } from '../../tables/numbered.js';
import { ident, idents } from '../../tables/sql-text.js';
import { eitherFault, type Step, type Transformation } from './transformation.js';

/** Of what a hash may be. */
const HASHES = 2n ** 64n;
/** What a double can tell apart below 1. */
const STEPS = 2n ** 53n;

export const sample: Transformation = {
  type: 'sample',
  schema: {
    description:
      'Keeps some of the rows, in their order. The same table, options and seed keep the same rows, however many ' +
      'threads there are.',
    properties: {
      rows: {
        type: 'integer',
        minimum: 0,
        maximum: 1_000_000_000,
        description: 'How many to keep exactly; all when there are fewer.',
      },
      fraction: {
        type: 'number',
        exclusiveMinimum: 0,
        maximum: 1,
        description: 'Which part of them to keep, instead, such as 0.01.',
      },
      method: {
        enum: ['random', 'systematic'],
        description:
          '`random` (default) gives every row the same chance; `systematic` takes rows at even distances.',
      },
      seed: {
        type: 'integer',
        minimum: 0,
        maximum: Number.MAX_SAFE_INTEGER,
        description: 'Another one draws other rows by chance; 0 by default.',
      },
    },
  },
  fault: (options) => eitherFault(options, 'rows', 'fraction'),
  query(from, step) {
    const { query, position } = numbered(from);
    const row = ident(position);
    const drawn = step.options['method'] === 'systematic' ? atEvenDistances(row, step) : byChance(row, step);
    const all = idents(from.columns.map((column) => column.name));
    // Numbered once: a position means the same row wherever it is asked for.
    return `WITH numbered AS MATERIALIZED (${query}) SELECT ${all} FROM numbered WHERE ${drawn} ORDER BY ${row}`;
  },
};

/** A hash of the position is a die that every thread throws alike. */
function byChance(row: string, { options }: Step): string {
  const { rows, fraction, seed = 0 } = options as { rows?: number; fraction?: number; seed?: number };
  const die = `hash(${row}, ${seed}::BIGINT)`;
  if (fraction !== undefined) {
    const bound = (BigInt(Math.round(fraction * Number(STEPS))) * HASHES) / STEPS;
    return `${die}::HUGEINT < ${bound}`;
  }
  return `${row} IN (SELECT ${row} FROM numbered ORDER BY ${die}, ${row} LIMIT ${rows})`;
}

/** Every row at which the share of those before it reaches another whole number. */
function atEvenDistances(row: string, { options }: Step): string {
  const { rows, fraction } = options as { rows?: number; fraction?: number };
  const share = (position: string): string =>
    fraction === undefined
      ? `(${position} * ${rows}) // (SELECT count(*) FROM numbered)`
      : `floor(${position} * ${fraction}::DOUBLE)`;
  return `${share(`(${row} + 1)`)} > ${share(row)}`;
}
