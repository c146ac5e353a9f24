import { BoundText, type Json } from '@tauro/domain';
import { escapeLiteral } from 'pg';
import { NodeError } from '../node-kind.js';

/** What holds no parameter, or is one: literals, quoted names, comments, dollar quotes, and `$1`. */
const TOKENS =
  /[eE]'(?:[^'\\]|\\[^]|'')*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\r\n]*|(\/\*)|\$([A-Za-z_]\w*)?\$|\$(\d+)/g;

/**
 * SQL with its bound values as literals: `COPY` takes no parameters. A value never becomes anything but a value; a list
 * stands for its elements, as after `IN`.
 */
export function sqlOf(query: unknown): string {
  if (!(query instanceof BoundText)) return String(query);
  const { text, values } = query;
  if (values.length === 0) return text;
  return text.replace(TOKENS, (token, comment: string | undefined, _tag, parameter: string | undefined) => {
    // Where a comment ends cannot be told without the whole grammar, and a value must not end one.
    if (comment !== undefined || (token.startsWith('$') && parameter === undefined)) {
      throw new NodeError(
        'InvalidConfig',
        `query: a text with templates cannot have ${comment === undefined ? 'a dollar quote' : 'a block comment'}`,
        false,
      );
    }
    return parameter === undefined ? token : literalOf(values[Number(parameter) - 1]!);
  });
}

function literalOf(value: Json): string {
  if (value === null) return 'NULL';
  if (typeof value === 'boolean') return value ? 'TRUE' : 'FALSE';
  if (typeof value === 'number') return `(${value})`;
  // `IN ()` is no SQL; nothing is equal to NULL, which gives the same rows.
  if (Array.isArray(value)) return value.length === 0 ? 'NULL' : value.map(literalOf).join(', ');
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  if (text.includes('\0'))
    throw new NodeError('InvalidConfig', 'query: a value contains a NUL character', false);
  // With a space: `E'…'` must not melt into a word before it.
  return ` ${escapeLiteral(text)}`;
}
