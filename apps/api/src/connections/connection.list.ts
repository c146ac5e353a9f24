import { ConnectionSchema } from '@tauro/database';
import { CONNECTION_KINDS } from '@tauro/nodes';
import { fieldsOf } from '../http/paging/fields-of.js';
import { listReader } from '../http/paging/list-query.js';
import { equals, type ListSpec } from '../http/paging/list-spec.js';
import { id, oneOf, text } from '../http/query/query-field.js';

export const CONNECTION_LIST: ListSpec = {
  prefix: 'conn',
  sortable: { created_at: 'date', updated_at: 'date', name: 'string' },
  defaultSort: '-created_at',
  fields: fieldsOf(ConnectionSchema),
  hidden: ['engine'],
  filters: {
    project_id: equals(id('proj', 'Only those of this project; without, also those for all.')),
    name: equals(text('Only those of this name.')),
    kind: equals(oneOf('Only those that lead to this.', [...CONNECTION_KINDS.keys()])),
  },
};

export const CONNECTION_QUERY = listReader(CONNECTION_LIST);
