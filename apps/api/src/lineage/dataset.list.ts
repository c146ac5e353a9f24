import { DatasetSchema } from '@tauro/database';
import { fieldsOf } from '../http/paging/fields-of.js';
import { listReader } from '../http/paging/list-query.js';
import { equals, type ListSpec } from '../http/paging/list-spec.js';
import { id, text } from '../http/query/query-field.js';

/** Ids say nothing of when a dataset was first seen, so they are no cursors. */
export const DATASET_LIST: ListSpec = {
  sortable: { created_at: 'date', updated_at: 'date', name: 'string' },
  defaultSort: '-created_at',
  fields: fieldsOf(DatasetSchema),
  filters: {
    project_id: equals(id('proj', 'Only those that runs of this project have used.')),
    namespace: equals(text('Only those that lie there.', 300)),
    name: equals(text('Only those of this name.', 4096)),
  },
};
export const DATASET_QUERY = listReader(DATASET_LIST);
