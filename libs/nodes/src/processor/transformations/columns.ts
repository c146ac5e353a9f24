import { type Column } from '@tauro/domain';
import { NodeError } from '../../node-kind.js';
import { columnsNamed } from '../../tables/named-columns.js';
import { COLUMN_NAME, COLUMN_NAMES, columnMap, SQL_TYPE } from '../../tables/schema-parts.js';
import { ident, idents } from '../../tables/sql-text.js';
import {
  distinctNames,
  eitherFault,
  expressionAt,
  plainTexts,
  type Transformation,
} from './transformation.js';

export const select: Transformation = {
  type: 'select',
  schema: {
    description: 'Keeps some columns, in the order given, or all but some.',
    properties: {
      columns: { ...COLUMN_NAMES, description: 'The columns to keep.' },
      exclude: { ...COLUMN_NAMES, description: 'The columns to leave out, instead.' },
    },
  },
  fault: (options) => eitherFault(options, 'columns', 'exclude'),
  query({ view, columns }, { options, place }) {
    const { columns: kept, exclude } = options as Record<string, string[] | undefined>;
    const left = new Set(exclude && columnsNamed(columns, exclude, `${place}: exclude`));
    const chosen = kept
      ? columnsNamed(columns, kept, `${place}: columns`)
      : columns.filter((column) => !left.has(column));
    if (chosen.length === 0) throw new NodeError('InvalidConfig', `${place}: no column would be left`, false);
    const names = chosen.map((column) => column.name);
    distinctNames(names, place);
    return `SELECT ${idents(names)} FROM ${ident(view)}`;
  },
};

export const rename: Transformation = {
  type: 'rename',
  schema: {
    description: 'Renames columns.',
    required: ['columns'],
    properties: { columns: columnMap(COLUMN_NAME, 'New names by old ones.') },
  },
  query({ view, columns }, { options, place }) {
    const renamed = new Map<Column, string>();
    for (const [from, to] of plainTexts(options['columns'], place)) {
      renamed.set(columnsNamed(columns, [from], `${place}: columns`)[0]!, to);
    }
    return renamedQuery(view, columns, (column) => renamed.get(column) ?? column.name, place);
  },
};

export const cast: Transformation = {
  type: 'cast',
  schema: {
    description: 'Changes the types of columns.',
    required: ['columns'],
    properties: {
      columns: columnMap(SQL_TYPE, 'Types by column.'),
      on_error: {
        enum: ['fail', 'null'],
        description:
          'What becomes of a value that does not fit: the task fails (default), or it becomes null.',
      },
    },
  },
  query({ view, columns }, { options, place }) {
    const call = options['on_error'] === 'null' ? 'TRY_CAST' : 'CAST';
    const casts = plainTexts(options['columns'], place).map(([wanted, type]) => {
      const [{ name }] = columnsNamed(columns, [wanted], `${place}: columns`) as [Column];
      return `${call}(${ident(name)} AS ${type}) AS ${ident(name)}`;
    });
    return `SELECT * REPLACE (${casts.join(', ')}) FROM ${ident(view)}`;
  },
};

export const derive: Transformation = {
  type: 'derive',
  schema: {
    description:
      'Adds columns, or replaces them, by SQL expressions. They see the columns as they were before.',
    required: ['columns'],
    properties: { columns: columnMap({ type: 'string', minLength: 1 }, 'Expressions by column name.') },
  },
  expressions: ['columns'],
  async query({ view, columns }, step) {
    const replaced: string[] = [];
    const added: string[] = [];
    const names: string[] = [];
    for (const [name, sql] of Object.entries(step.options['columns'] as object)) {
      const expression = await expressionAt(step, `columns.${name}`, sql);
      const known = columns.some((column) => column.name.toLowerCase() === name.toLowerCase());
      (known ? replaced : added).push(`${expression} AS ${ident(name)}`);
      names.push(name);
    }
    distinctNames(names, step.place);
    const all = replaced.length > 0 ? `* REPLACE (${replaced.join(', ')})` : '*';
    return `SELECT ${[all, ...added].join(', ')} FROM ${ident(view)}`;
  },
};

/** What is trimmed away: space, tab, line feed, carriage return, no-break space. */
const BLANKS = ["' '", String.raw`E'\t'`, String.raw`E'\n'`, String.raw`E'\r'`, 'chr(160)'];

/**
 * A text without blanks around it, and null instead of an empty one, as wanted. Trimming a set of characters
 * costs ten times as much as looking for them, and most texts have none.
 */
function cleaned(name: string, trim: boolean, emptyToNull: boolean): string {
  const text = ident(name);
  const orNull = (sql: string): string => (emptyToNull ? `nullif(${sql}, '')` : sql);
  if (!trim) return orNull(text);
  const blankAtEnd = BLANKS.map((blank) => `suffix(${text}, ${blank})`).join(' OR ');
  const trimmed = orNull(`trim(${text}, ${BLANKS.join(' || ')})`);
  return `CASE WHEN ascii(${text}) BETWEEN 33 AND 126 AND NOT (${blankAtEnd}) THEN ${text} ELSE ${trimmed} END`;
}

export const normalize: Transformation = {
  type: 'normalize',
  bare: true,
  schema: {
    description: 'Trims texts, turns empty ones into null, and writes column names in snake_case.',
    properties: {
      columns: { ...COLUMN_NAMES, description: 'The columns whose texts are cleaned; all by default.' },
      trim: { type: 'boolean', description: 'Trim texts; true by default.' },
      empty_to_null: { type: 'boolean', description: 'Turn empty texts into null; true by default.' },
      names: { type: 'boolean', description: 'Write column names in snake_case; true by default.' },
    },
  },
  query({ view, columns }, { options, place }) {
    const {
      trim = true,
      empty_to_null = true,
      names = true,
    } = options as Record<string, boolean | undefined>;
    const chosen = options['columns'] as string[] | undefined;
    const wanted = new Set(chosen ? columnsNamed(columns, chosen, `${place}: columns`) : columns);
    const result = columns.map((column, i) => (names ? snakeCase(column.name, i) : column.name));
    collisions(columns, result, place);
    const items = columns.map((column, i) => {
      const isText = column.type === 'VARCHAR' && wanted.has(column);
      const value = isText ? cleaned(column.name, trim, empty_to_null) : ident(column.name);
      return `${value} AS ${ident(result[i]!)}`;
    });
    return `SELECT ${items.join(', ')} FROM ${ident(view)}`;
  },
};

/** `Total Amount` and `totalAmount` to `total_amount`, `HTTPStatus` to `http_status`, `2nd` to `_2nd`. */
export function snakeCase(name: string, index = 0): string {
  const words = name
    .normalize('NFKC')
    .replace(/([\p{Ll}\p{N}])(\p{Lu})/gu, '$1_$2')
    .replace(/(\p{Lu})(\p{Lu}\p{Ll})/gu, '$1_$2')
    .replace(/[^\p{L}\p{N}]+/gu, '_')
    .replace(/^_+|_+$/g, '')
    .toLowerCase();
  if (words === '') return `column_${index + 1}`;
  return /^\p{N}/u.test(words) ? `_${words}` : words;
}

function collisions(columns: readonly Column[], names: readonly string[], place: string): void {
  names.forEach((name, i) => {
    const earlier = names.indexOf(name);
    if (earlier === i) return;
    const both = `columns '${columns[earlier]!.name}' and '${columns[i]!.name}' would both become '${name}'`;
    throw new NodeError('DuplicateColumn', `${place}: ${both}; rename one of them first`, false);
  });
}

function renamedQuery(
  view: string,
  columns: readonly Column[],
  nameOf: (column: Column) => string,
  place: string,
): string {
  const names = columns.map(nameOf);
  distinctNames(names, place);
  const items = columns.map((column, i) => `${ident(column.name)} AS ${ident(names[i]!)}`);
  return `SELECT ${items.join(', ')} FROM ${ident(view)}`;
}
