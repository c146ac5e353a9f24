import { type ErrorDetail, MAX_MARK, type NodeDefinition } from '@tauro/domain';
import { NodeError, type NodeContext } from '../node-kind.js';
import { COLUMN_NAME } from '../tables/schema-parts.js';

/** `config.incremental` of a source of rows. */
export interface IncrementalRows {
  column: string;
  initial?: string | number;
  inclusive?: boolean;
}

const INITIAL = {
  anyOf: [{ type: 'string', minLength: 1, maxLength: MAX_MARK }, { type: 'number' }],
  description: 'What the first run, or the first after a reset, begins after; without it with everything.',
};

const incremental = (properties: object, required: string[], description: string): object => ({
  type: 'object',
  required,
  additionalProperties: false,
  description,
  properties,
});

/** Reading only rows that are new by a column. @param more further properties */
export const incrementalRows = (more: object = {}): object =>
  incremental(
    {
      column: {
        ...COLUMN_NAME,
        description:
          'A column that grows with every new or changed row. Rows without a value there are not read.',
      },
      initial: INITIAL,
      inclusive: {
        type: 'boolean',
        description:
          'Whether rows with the very value of the mark are read again, for sinks that upsert; false by default.',
      },
      ...more,
    },
    ['column'],
    'Read only what is new: rows whose column is beyond the mark, which is the largest value that was read. The success of the run moves it.',
  );

/** Reading only files that are new. */
export const INCREMENTAL_FILES = incremental(
  {
    by: {
      enum: ['key', 'modified'],
      description:
        'By their names, which have to be such that later ones sort later, or by when they were last modified.',
    },
    initial: { ...INITIAL.anyOf[0], description: INITIAL.description },
  },
  ['by'],
  'Read only what is new: files beyond the mark, which is the last that was read. The success of the run moves it.',
);

/** By what a config reads only what is new. */
export function incrementalBy(config: Record<string, unknown>): string | undefined {
  const { column, by } = (config['incremental'] ?? {}) as { column?: string; by?: string };
  return column ?? by;
}

/** What does not go together with it. */
export function incrementalFaults({ config = {}, cache }: NodeDefinition): ErrorDetail[] {
  if (config['incremental'] === undefined || cache === undefined) return [];
  const message = 'cache: what a source reads that is incremental is another thing in each run; leave it out';
  return [{ field: 'cache', message, type: 'value_error' }];
}

/** What comes after it is to be read; undefined for everything. */
export function readAfter({ config, mark }: NodeContext): string | undefined {
  const { initial } = (config['incremental'] ?? {}) as IncrementalRows;
  return mark?.value ?? (initial === undefined ? undefined : String(initial));
}

/** What the log says first. */
export function tellMark(context: NodeContext, after: string | undefined): void {
  const { by } = context.mark ?? {};
  if (by !== undefined)
    context.log('INFO', `reads what is new by ${by}${after === undefined ? '' : `, after '${after}'`}`);
}

/** A mark that can be kept. @throws NodeError for one after which nothing could ever come, or that is too long. */
export function checkedMark(by: string, value: string): string {
  if (/^(?:infinity|nan)$/i.test(value)) {
    throw new NodeError(
      'BadValue',
      `incremental: the largest '${by}' is ${value}, and nothing comes after that`,
      false,
    );
  }
  if (value.length <= MAX_MARK) return value;
  throw new NodeError(
    'BadValue',
    `incremental: the largest '${by}' has ${value.length} characters, and a mark ${MAX_MARK} at most`,
    false,
  );
}
