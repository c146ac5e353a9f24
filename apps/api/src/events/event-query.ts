import { RUN_STATES, type RunState, TASK_STATES, type TaskState } from '@tauro/domain';
import { parsePosition, type Position, type StateEvent } from '@tauro/orchestration';
import { headerOf } from '../http/header-of.decorator.js';
import { BadValue, id, oneOf, type QueryField, someOf, withDefault } from '../http/query/query-field.js';
import { queryOf, type ValuesOf } from '../http/query/query-reader.js';

const STATES = [...new Set<RunState | TaskState>([...RUN_STATES, ...TASK_STATES])];

const position: QueryField<Position> = {
  description: 'Go on behind this event; as the header `Last-Event-ID`.',
  schema: { type: 'string', pattern: String.raw`^\d{1,10}\.\d{1,10}\.\d{1,9}$` },
  example: '1763431500.3.0',
  parse(text) {
    const parsed = parsePosition(text);
    if (parsed) return parsed;
    throw new BadValue('must be the id of an event, such as 1763431500.3.0', 'value_error');
  },
};

export const RUN_EVENTS_QUERY = queryOf({ last_event_id: position });

const fields = {
  project_id: id('proj', 'Only changes in this project.'),
  pipeline_id: id('pipe', 'Only changes of runs of this pipeline.'),
  schedule_id: id('sched', 'Only changes of runs of this schedule.'),
  state: someOf('Only changes to one of these states.', STATES),
  include: withDefault(oneOf('`runs` alone, or also their `tasks`.', ['runs', 'tasks'] as const), 'runs'),
  last_event_id: position,
};
export const EVENTS_QUERY = queryOf(fields);
export type EventsQuery = ValuesOf<typeof fields>;

/** Where a client that reconnects by itself stopped; what no stream of ours has told counts as nothing. */
export const LastEvent = headerOf(
  'Last-Event-ID',
  {
    description: 'The last `id` of the stream that broke off: goes on behind it.',
    example: '1763431500.3.0',
  },
  (value) => (value === undefined ? undefined : parsePosition(value)),
);

/** Whether a change is one that the query asks for, and that the caller may know of. @param scope null for everything. */
export function matcherOf(
  query: EventsQuery,
  scope: readonly string[] | null,
): (event: StateEvent) => boolean {
  const { project_id, pipeline_id, schedule_id, state } = query;
  const states = state && new Set<string>(state);
  return (event) =>
    // A run that was deleted is told to its own followers.
    event.state !== null &&
    (!project_id || event.project_id === project_id) &&
    (!pipeline_id || event.pipeline_id === pipeline_id) &&
    (!schedule_id || event.schedule_id === schedule_id) &&
    (!states || states.has(event.state)) &&
    (!scope || scope.includes(event.project_id ?? ''));
}
