import { RunSchema, TaskSchema } from '@tauro/database';
import { RUN_STATES, type RunState, TASK_STATES } from '@tauro/domain';
import { fieldsOf } from '../http/paging/fields-of.js';
import { listReader } from '../http/paging/list-query.js';
import {
  earlier,
  equals,
  type Filter,
  filter,
  later,
  type ListSpec,
  within,
} from '../http/paging/list-spec.js';
import { BadValue, id, idOrName, instant, someOf, text } from '../http/query/query-field.js';
import { TAG_KEY } from './run-input.js';

/** `tags.team=analytics`: a tag with exactly this value. */
const TAGS: Filter = filter(text('Only runs whose tag of this name has this value.', 256), (value, name) => {
  if (!TAG_KEY.test(name.slice('tags.'.length)))
    throw new BadValue(`a tag's name must match ${TAG_KEY.source}`);
  return { [name]: value };
});

export const RUN_LIST: ListSpec = {
  prefix: 'run',
  sortable: {
    created_at: 'date',
    started_at: 'date?',
    finished_at: 'date?',
    duration_seconds: 'number?',
  },
  defaultSort: '-created_at',
  fields: fieldsOf(RunSchema, 'waiting_reason'),
  filters: {
    project_id: equals(id('proj', 'Only runs of this project.')),
    // Becomes a condition in the service, which knows the ids behind a name.
    pipeline_id: idOrName(
      'pipe',
      'Only runs of this pipeline, by id or by name; by name also those of deleted ones.',
    ),
    schedule_id: equals(id('sched', 'Only runs that this schedule made.')),
    trigger_id: equals(id('trg', 'Only runs that this trigger made.')),
    triggered_by_run_id: equals(id('run', 'Only runs that the end of this run has triggered.')),
    rerun_of: equals(id('run', 'Only reruns of this run.')),
    parent_run_id: equals(id('run', 'Only runs that `pipeline` nodes of this run made.')),
    state: within<RunState>(someOf('Only runs in these states.', RUN_STATES)),
    created_after: later(instant('Only runs created after this.'), 'created_at'),
    created_before: earlier(instant('Only runs created before this.'), 'created_at'),
    started_after: later(instant('Only runs started after this.'), 'started_at'),
    started_before: earlier(instant('Only runs started before this.'), 'started_at'),
    'tags.*': TAGS,
  },
};
export const RUN_QUERY = listReader(RUN_LIST);

/** Tasks come in the order of the graph, which is that of their ids. */
export const TASK_LIST: ListSpec = {
  prefix: 'task',
  sortable: { created_at: 'date', node_id: 'string', state: 'string' },
  defaultSort: 'created_at',
  fields: fieldsOf(TaskSchema, 'waiting_reason'),
  filters: {
    state: within(someOf('Only tasks in these states.', TASK_STATES)),
    node_id: equals(text('Only the tasks of this node.', 63)),
  },
};
export const TASK_QUERY = listReader(TASK_LIST);
