import { createHash } from 'node:crypto';
import { type Column } from '@tauro/domain';
import { columnsNamed } from '../../tables/named-columns.js';
import { COLUMN_NAMES } from '../../tables/schema-parts.js';
import { ident, literal } from '../../tables/sql-text.js';
import { type Step, type Transformation } from './transformation.js';

/** Bytes of a block of MD5 and of SHA-256. */
const BLOCK = 64;

export const hash: Transformation = {
  type: 'hash',
  schema: {
    description:
      'Puts a hash, in hex, in the place of values: equal values stay equal, so joins and counts still work. Null ' +
      'stays null. Without a key, whoever guesses a value can check the guess.',
    required: ['columns'],
    properties: {
      columns: {
        ...COLUMN_NAMES,
        description: 'The columns to hash; what is no text is hashed as its text.',
      },
      algorithm: { enum: ['sha256', 'md5'], description: '`sha256` by default.' },
      key: {
        type: 'string',
        minLength: 1,
        maxLength: 4096,
        description:
          'Makes it an HMAC, which only who has the key can check guesses against. It may be a secret: ' +
          '`{{ secrets.name }}`.',
      },
    },
  },
  query(from, step) {
    const { algorithm = 'sha256', key } = step.options as { algorithm?: Algorithm; key?: string };
    return replaced(from.view, from.columns, step, (text) => {
      const bytes = `encode(${text})`;
      return key === undefined ? `${algorithm}(${bytes})` : hmac(algorithm, key, bytes);
    });
  },
};

type Algorithm = 'sha256' | 'md5';

/** HMAC (RFC 2104) of bytes, as hex. */
function hmac(algorithm: Algorithm, key: string, bytes: string): string {
  const given = Buffer.from(key);
  const short = given.length > BLOCK ? createHash(algorithm).update(given).digest() : given;
  const block = Buffer.concat([short, Buffer.alloc(BLOCK - short.length)]);
  const pad = (byte: number): string =>
    `unhex('${Buffer.from(block.map((one) => one ^ byte)).toString('hex')}')`;
  return `${algorithm}(${pad(0x5c)} || unhex(${algorithm}(${pad(0x36)} || ${bytes})))`;
}

export const mask: Transformation = {
  type: 'mask',
  schema: {
    description:
      'Covers values: every character but some at the ends, or the whole by one text. Null stays null, and a value ' +
      'that is no longer than what would be kept is covered whole.',
    required: ['columns'],
    properties: {
      columns: { ...COLUMN_NAMES, description: 'The columns to mask; they become texts.' },
      keep_first: {
        type: 'integer',
        minimum: 0,
        maximum: 1000,
        description: 'Characters to keep at the beginning; 0 by default.',
      },
      keep_last: {
        type: 'integer',
        minimum: 0,
        maximum: 1000,
        description: 'Characters to keep at the end; 0 by default.',
      },
      character: {
        type: 'string',
        minLength: 1,
        maxLength: 1,
        description: 'What stands for each that is covered; `*` by default.',
      },
      replacement: {
        type: 'string',
        maxLength: 1000,
        description: 'One text for every value instead, which does not tell its length either.',
      },
    },
  },
  fault: ({ replacement, keep_first, keep_last, character }) =>
    replacement !== undefined && [keep_first, keep_last, character].some((option) => option !== undefined)
      ? 'replacement covers the whole value; leave out keep_first, keep_last and character'
      : undefined,
  query(from, step) {
    const { replacement, keep_first = 0, keep_last = 0, character = '*' } = step.options as MaskOptions;
    const kept = Number(keep_first) + Number(keep_last);
    return replaced(from.view, from.columns, step, (text) => {
      if (replacement !== undefined) return `CASE WHEN ${text} IS NOT NULL THEN ${literal(replacement)} END`;
      const covered = (length: string): string => `repeat(${literal(character)}, ${length})`;
      const parts = [
        ...(keep_first > 0 ? [`left(${text}, ${keep_first})`] : []),
        covered(`length(${text}) - ${kept}`),
        ...(keep_last > 0 ? [`right(${text}, ${keep_last})`] : []),
      ];
      const whole = covered(`length(${text})`);
      return `CASE WHEN length(${text}) <= ${kept} THEN ${whole} ELSE ${parts.join(' || ')} END`;
    });
  },
};

interface MaskOptions {
  replacement?: string;
  keep_first?: number;
  keep_last?: number;
  character?: string;
}

/** The table with something else in the place of the texts of the columns that the options name. */
function replaced(
  view: string,
  columns: readonly Column[],
  { options, place }: Step,
  instead: (text: string) => string,
): string {
  const chosen = columnsNamed(columns, options['columns'] as string[], `${place}: columns`);
  const items = [...new Set(chosen)].map(
    ({ name }) => `${instead(`CAST(${ident(name)} AS VARCHAR)`)} AS ${ident(name)}`,
  );
  return `SELECT * REPLACE (${items.join(', ')}) FROM ${ident(view)}`;
}
