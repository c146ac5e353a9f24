import { AUDIT_OUTCOMES, AuditEntrySchema } from '@tauro/database';
import { fieldsOf } from '../http/paging/fields-of.js';
import { listReader } from '../http/paging/list-query.js';
import { type Condition, earlier, equals, later, type ListSpec, within } from '../http/paging/list-spec.js';
import { id, instant, someOf, text } from '../http/query/query-field.js';
import { queryOf } from '../http/query/query-reader.js';

export const AUDIT_LIST: ListSpec = {
  prefix: 'aud',
  sortable: { created_at: 'date' },
  defaultSort: '-created_at',
  fields: fieldsOf(AuditEntrySchema),
  filters: {
    actor: equals(text('Only what this one did, by `actor_id`.'), 'actor_id'),
    action: equals(text('Only this operation, by its id in the OpenAPI document, or this command.')),
    resource: equals(text('Only what was about the thing of this id.'), 'resource_ids'),
    resource_kind: equals(text('Only what was about things of this sort.')),
    project_id: equals(id('proj', 'Only what belongs to this project.')),
    outcome: within(someOf('Only what ended so.', AUDIT_OUTCOMES)),
    request_id: equals(text('Only the request of this id.')),
    since: later(instant('Only what was done after this.'), 'created_at'),
    until: earlier(instant('Only what was done before this.'), 'created_at'),
  },
};

export const AUDIT_QUERY = listReader(AUDIT_LIST);
/** The filters alone: an export has no pages. */
export const EXPORT_QUERY = queryOf(AUDIT_LIST.filters);

export const conditionsOf = (values: Record<string, unknown>): Condition[] =>
  Object.entries(AUDIT_LIST.filters).flatMap(([name, filter]) =>
    values[name] === undefined ? [] : [filter.where!(values[name], name)],
  );
