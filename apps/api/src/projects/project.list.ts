import { ProjectSchema } from '@tauro/database';
import { listReader } from '../http/paging/list-query.js';
import { equals, filter, type ListSpec } from '../http/paging/list-spec.js';
import { fieldsOf } from '../http/paging/fields-of.js';
import { text } from '../http/query/query-field.js';

export const PROJECT_LIST: ListSpec = {
  prefix: 'proj',
  sortable: { created_at: 'date', updated_at: 'date', name: 'string' },
  defaultSort: '-created_at',
  fields: fieldsOf(ProjectSchema),
  filters: {
    owner: equals(text('Only of this owner.')),
    name: filter(text('Only the project of this name, without regard to case.'), (name) => ({
      name_key: name.toLowerCase(),
    })),
  },
};

export const PROJECT_QUERY = listReader(PROJECT_LIST);
