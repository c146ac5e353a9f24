import { RoleSchema } from '@tauro/database';
import { fieldsOf } from '../../http/paging/fields-of.js';
import { listReader } from '../../http/paging/list-query.js';
import { equals, type ListSpec } from '../../http/paging/list-spec.js';
import { text } from '../../http/query/query-field.js';

export const ROLE_LIST: ListSpec = {
  prefix: 'role',
  sortable: { created_at: 'date', name: 'string' },
  defaultSort: '-created_at',
  fields: fieldsOf(RoleSchema),
  filters: { name: equals(text('Only the role of this name.')) },
};

export const ROLE_QUERY = listReader(ROLE_LIST);
