import { id } from '../http/query/query-field.js';
import { queryOf, type ValuesOf } from '../http/query/query-reader.js';

/** Names of pipelines are unique only within a project, so a request by name may say which. */
export const SCOPE_FIELDS = { project_id: id('proj', 'Where a name is looked up first.') };
export const SCOPE = queryOf(SCOPE_FIELDS);
export type Scope = ValuesOf<typeof SCOPE_FIELDS>;
