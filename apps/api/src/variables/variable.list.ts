import { VariableSchema } from '@tauro/database';
import { fieldsOf } from '../http/paging/fields-of.js';
import { listReader } from '../http/paging/list-query.js';
import { equals, type ListSpec } from '../http/paging/list-spec.js';
import { id, text } from '../http/query/query-field.js';

export const VARIABLE_LIST: ListSpec = {
  prefix: 'var',
  sortable: { created_at: 'date', updated_at: 'date', name: 'string' },
  defaultSort: '-created_at',
  fields: fieldsOf(VariableSchema),
  filters: {
    project_id: equals(id('proj', 'Only those of this project; without, also those for all.')),
    name: equals(text('Only those of this name.')),
  },
};

export const VARIABLE_QUERY = listReader(VARIABLE_LIST);
