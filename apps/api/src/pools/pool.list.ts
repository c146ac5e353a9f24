import { PoolSchema } from '@tauro/database';
import { fieldsOf } from '../http/paging/fields-of.js';
import { listReader } from '../http/paging/list-query.js';
import { equals, type ListSpec } from '../http/paging/list-spec.js';
import { text } from '../http/query/query-field.js';

export const POOL_LIST: ListSpec = {
  prefix: 'pool',
  sortable: { created_at: 'date', name: 'string' },
  defaultSort: '-created_at',
  distinct: 'name',
  fields: fieldsOf(PoolSchema, 'used_slots', 'running_tasks'),
  filters: { name: equals(text('Only the pool of this name.')) },
};

export const POOL_QUERY = listReader(POOL_LIST);
