import { TriggerEventSchema, TriggerSchema } from '@tauro/database';
import { TRIGGER_EVENT_STATES, TRIGGER_KINDS } from '@tauro/domain';
import { fieldsOf } from '../http/paging/fields-of.js';
import { listReader } from '../http/paging/list-query.js';
import { equals, type ListSpec, within } from '../http/paging/list-spec.js';
import { flag, id, idOrName, oneOf, someOf } from '../http/query/query-field.js';

export const TRIGGER_LIST: ListSpec = {
  prefix: 'trg',
  sortable: { created_at: 'date', updated_at: 'date' },
  defaultSort: '-created_at',
  fields: fieldsOf(TriggerSchema),
  filters: {
    project_id: equals(id('proj', 'Only triggers of this project.')),
    // Becomes a condition in the service, which knows the ids behind a name.
    pipeline_id: idOrName('pipe', 'Only triggers that start this pipeline, by id or by name.'),
    kind: equals(oneOf('Only triggers of this kind.', TRIGGER_KINDS)),
    enabled: equals({ ...flag('Only those that are enabled, or disabled.'), fallback: undefined }),
  },
};
export const TRIGGER_QUERY = listReader(TRIGGER_LIST);

export const EVENT_LIST: ListSpec = {
  prefix: 'evt',
  sortable: { created_at: 'date' },
  defaultSort: '-created_at',
  fields: fieldsOf(TriggerEventSchema),
  filters: { state: within(someOf('Only events in these states.', TRIGGER_EVENT_STATES)) },
};
export const EVENT_QUERY = listReader(EVENT_LIST);
