import { LOG_LEVELS, type LogLevel } from '@tauro/domain';
import { DEFAULT_LIMIT, MAX_LIMIT } from '../http/paging/list-query.js';
import {
  BadValue,
  id,
  integer,
  oneOf,
  type QueryField,
  text,
  withDefault,
} from '../http/query/query-field.js';
import { queryOf, type ValuesOf } from '../http/query/query-reader.js';

const HIGHEST_SEQ = 2 ** 47;

const level: QueryField<LogLevel> = {
  ...oneOf('This level and the more severe ones.', LOG_LEVELS),
  parse: (word) => oneOf('', LOG_LEVELS).parse(word.toUpperCase()),
};

const FIELDS = {
  level,
  task_id: id('task', 'Only lines of this task.'),
  search: text('Only lines whose message has this in it, without regard to case.'),
  last_event_id: integer('Go on behind this line; as the header `Last-Event-ID`.', 0, HIGHEST_SEQ),
  limit: withDefault(integer('Lines per page (JSON).', 1, MAX_LIMIT), DEFAULT_LIMIT),
  offset: integer('Lines to skip (JSON).', 0, HIGHEST_SEQ),
  cursor: integer('The `next_cursor` of the page before (JSON).', 0, HIGHEST_SEQ),
};
export const LOG_QUERY = queryOf(FIELDS);
export type LogQuery = ValuesOf<typeof FIELDS>;

/** Where a reader goes on: what the query says, or else what a reconnecting client's header says. */
export function startAfter(query: LogQuery, lastEventId: string | undefined): number {
  if (query.last_event_id !== undefined) return query.last_event_id;
  if (!lastEventId) return 0;
  try {
    return FIELDS.last_event_id.parse(lastEventId);
  } catch (error) {
    // No client of ours has sent that; reading from the start tells too much rather than too little.
    if (error instanceof BadValue) return 0;
    throw error;
  }
}
