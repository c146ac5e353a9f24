import { ApiKeySchema } from '@tauro/database';
import { fieldsOf } from '../../http/paging/fields-of.js';
import { listReader } from '../../http/paging/list-query.js';
import { equals, filter, type ListSpec } from '../../http/paging/list-spec.js';
import { flag, text } from '../../http/query/query-field.js';

export const KEY_LIST: ListSpec = {
  prefix: 'key',
  sortable: { created_at: 'date', name: 'string' },
  defaultSort: '-created_at',
  fields: fieldsOf(ApiKeySchema),
  hidden: ['engine'],
  filters: {
    name: equals(text('Only keys of this name.')),
    role: equals(text('Only keys with this role.'), 'roles'),
    revoked: filter(
      { ...flag('Only those that were revoked, or that were not.'), fallback: undefined },
      (revoked) => ({
        revoked_at: revoked ? { $ne: null } : null,
      }),
    ),
  },
};

export const KEY_QUERY = listReader(KEY_LIST);
