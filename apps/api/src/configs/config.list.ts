import { ConfigPromotionSchema, ConfigSchema, ConfigVersionSchema } from '@tauro/database';
import { CONFIG_CHANGES, ENVIRONMENTS, PROMOTION_STATES } from '@tauro/domain';
import { fieldsOf } from '../http/paging/fields-of.js';
import { listReader } from '../http/paging/list-query.js';
import { earlier, equals, filter, later, type ListSpec, within } from '../http/paging/list-spec.js';
import { id, instant, someOf, text } from '../http/query/query-field.js';

const PROJECT = equals(id('proj', 'Only of this project.'));
const WHEN = {
  created_after: later(instant('Only those created after this.'), 'created_at'),
  created_before: earlier(instant('Only those created before this.'), 'created_at'),
};

export const CONFIG_LIST: ListSpec = {
  prefix: 'cfg',
  sortable: { created_at: 'date', updated_at: 'date', name: 'string' },
  defaultSort: '-created_at',
  fields: fieldsOf(ConfigSchema),
  filters: {
    project_id: PROJECT,
    environment: within(someOf('Only of these environments.', ENVIRONMENTS)),
    name: filter(text('Only configs of this name, without regard to case.'), (name) => ({
      name_key: name.toLowerCase(),
    })),
  },
};
export const CONFIG_QUERY = listReader(CONFIG_LIST);

export const CONFIG_VERSION_LIST: ListSpec = {
  prefix: 'cfgv',
  sortable: { created_at: 'date' },
  defaultSort: '-created_at',
  fields: fieldsOf(ConfigVersionSchema),
  filters: {
    project_id: PROJECT,
    config_id: equals(id('cfg', 'Only versions of this config.')),
    environment: within(someOf('Only of these environments.', ENVIRONMENTS)),
    name: equals(text('Only of configs of this name.')),
    change: within(someOf('Only those that were made so.', CONFIG_CHANGES)),
    ...WHEN,
  },
};
export const CONFIG_VERSION_QUERY = listReader(CONFIG_VERSION_LIST);

export const PROMOTION_LIST: ListSpec = {
  prefix: 'cfgp',
  sortable: { created_at: 'date' },
  defaultSort: '-created_at',
  fields: fieldsOf(ConfigPromotionSchema),
  filters: {
    project_id: PROJECT,
    version_id: equals(id('cfgv', 'Only promotions of this version.')),
    state: within(someOf('Only in these states.', PROMOTION_STATES)),
    ...WHEN,
  },
};
export const PROMOTION_QUERY = listReader(PROMOTION_LIST);
