import { parseDuration } from '@tauro/platform';
import { BadValue, instant, type QueryField, shown } from '../http/query/query-field.js';
import { queryOf, type ValuesOf } from '../http/query/query-reader.js';

const TIME = instant('');
/** A duration counts from the full minute, so that requests of the same minute share a cached answer. */
const MINUTE_MS = 60_000;

/** A time, or a duration before now such as `24h`. */
export function since(description: string, now: () => number = Date.now): QueryField<Date> {
  return {
    description: `${description} ISO 8601, or a duration such as \`24h\` or \`7 days\`.`,
    schema: { type: 'string' },
    example: '24h',
    parse(text) {
      if (/^\d{4}-/.test(text)) return TIME.parse(text);
      try {
        return new Date(Math.floor((now() - parseDuration(text)) / MINUTE_MS) * MINUTE_MS);
      } catch {
        throw new BadValue(`must be ISO 8601 or a duration such as 24h, got '${shown(text)}'`, 'type_error');
      }
    },
  };
}

const FIELDS = {
  since: since(
    'Only runs created from then on: from the full minute, or the full day (UTC) if that is more than 30 days ago.',
  ),
};

/** The query of everything that tells figures over a window. */
export const SINCE = queryOf(FIELDS);
export type Since = ValuesOf<typeof FIELDS>;
