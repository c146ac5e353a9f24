import { PIPELINE_SOURCES, PipelineSchema, PipelineVersionSchema } from '@tauro/database';
import { fieldsOf } from '../http/paging/fields-of.js';
import { listReader } from '../http/paging/list-query.js';
import { equals, filter, type ListSpec, within } from '../http/paging/list-spec.js';
import { id, someOf, text } from '../http/query/query-field.js';
import { SCOPE_FIELDS } from './scope.js';

export const PIPELINE_LIST: ListSpec = {
  prefix: 'pipe',
  sortable: { created_at: 'date', updated_at: 'date', name: 'string' },
  defaultSort: '-created_at',
  fields: fieldsOf(PipelineSchema),
  filters: {
    project_id: equals(id('proj', 'Only those of this project; discovered ones belong to none.')),
    source: within(someOf('Where they came from.', PIPELINE_SOURCES)),
    name: filter(text('Only those of this name, without regard to case.'), (name) => ({
      name_key: name.toLowerCase(),
    })),
  },
};
export const PIPELINE_QUERY = listReader(PIPELINE_LIST);

export const VERSION_LIST: ListSpec = {
  sortable: { version: 'number' },
  defaultSort: '-version',
  distinct: 'version',
  fields: fieldsOf(PipelineVersionSchema).filter((field) => field !== 'definition'),
  // A page of whole definitions could weigh 800 MB.
  hidden: ['definition'],
  filters: SCOPE_FIELDS,
};
export const VERSION_QUERY = listReader(VERSION_LIST);
