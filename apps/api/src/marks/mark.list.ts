import { SourceMarkSchema } from '@tauro/database';
import { fieldsOf } from '../http/paging/fields-of.js';
import { listReader } from '../http/paging/list-query.js';
import { type ListSpec } from '../http/paging/list-spec.js';
import { SCOPE_FIELDS } from '../pipelines/scope.js';

/** Ids say nothing of when a mark was made, so they are no cursors. */
export const MARK_LIST: ListSpec = {
  sortable: { node_id: 'string', created_at: 'date', updated_at: 'date' },
  defaultSort: 'node_id',
  fields: fieldsOf(SourceMarkSchema),
  filters: SCOPE_FIELDS,
};
export const MARK_QUERY = listReader(MARK_LIST);
