import { LOG_LEVELS, type LogLevel } from '@tauro/domain';
import { headerOf } from '../http/header-of.decorator.js';
import { listReader, type ListQuery } from '../http/paging/list-query.js';
import { type ListSpec } from '../http/paging/list-spec.js';
import { BadValue, id, integer, oneOf, type QueryField, text } from '../http/query/query-field.js';

const HIGHEST_SEQ = 2 ** 47;

const level: QueryField<LogLevel> = {
  ...oneOf('This level and the more severe ones.', LOG_LEVELS),
  parse: (word) => oneOf('', LOG_LEVELS).parse(word.toUpperCase()),
};
const lastEventId = integer('Go on behind this line; as the header `Last-Event-ID`.', 0, HIGHEST_SEQ);

/** The lines of one run. They become conditions in the service, because lines are stored in chunks. */
export const LOG_LIST: ListSpec = {
  sortable: { seq: 'number' },
  defaultSort: 'seq',
  fields: ['id', 'seq', 'timestamp', 'level', 'message', 'task_id', 'node_id', 'attempt'],
  filters: {
    level,
    task_id: id('task', 'Only lines of this task.'),
    search: text('Only lines whose message has this in it, without regard to case.'),
    last_event_id: lastEventId,
  },
};
export const LOG_QUERY = listReader(LOG_LIST);

/** Where a client that reconnects by itself stopped. */
export const LastEventId = headerOf(
  'Last-Event-ID',
  { description: 'The last `id` of the stream that broke off: goes on behind it.', example: '41' },
  (value) => value,
);

/** The filters of a reader of the log, as they were read. */
export interface LogFilters {
  level?: LogLevel;
  task_id?: string;
  search?: string;
  last_event_id?: number;
}
export const filtersOf = ({ values }: ListQuery): LogFilters => values as LogFilters;

/** Where a reader goes on: what the query says, or else what a reconnecting client's header says. */
export function startAfter(query: LogFilters, header: string | undefined): number {
  if (query.last_event_id !== undefined) return query.last_event_id;
  if (!header) return 0;
  try {
    return lastEventId.parse(header);
  } catch (error) {
    // No client of ours has sent that; reading from the start tells too much rather than too little.
    if (error instanceof BadValue) return 0;
    throw error;
  }
}
