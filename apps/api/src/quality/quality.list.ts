import { QualityResultSchema } from '@tauro/database';
import { CHECK_SEVERITIES, type CheckSeverity } from '@tauro/domain';
import { fieldsOf } from '../http/paging/fields-of.js';
import { listReader } from '../http/paging/list-query.js';
import { earlier, equals, later, type ListSpec, within } from '../http/paging/list-spec.js';
import { flag, instant, someOf, text } from '../http/query/query-field.js';

const FILTERS: ListSpec['filters'] = {
  node_id: equals(text('Only the checks of this node.', 63)),
  check: equals(text('Only checks of this name.', 200)),
  passed: equals({ ...flag('Only checks that held, or that did not.'), fallback: undefined }),
  severity: within<CheckSeverity>(someOf('Only checks of these severities.', CHECK_SEVERITIES)),
};

const SPEC = {
  prefix: 'chk',
  sortable: { created_at: 'date' },
  fields: fieldsOf(QualityResultSchema),
} as const;

/** The results of a run in the order in which they came. */
export const RUN_QUALITY_LIST: ListSpec = { ...SPEC, defaultSort: 'created_at', filters: FILTERS };
export const RUN_QUALITY_QUERY = listReader(RUN_QUALITY_LIST);

/** Those of a pipeline, the newest first. */
export const PIPELINE_QUALITY_LIST: ListSpec = {
  ...SPEC,
  defaultSort: '-created_at',
  filters: {
    ...FILTERS,
    created_after: later(instant('Only results that came after this.'), 'created_at'),
    created_before: earlier(instant('Only results that came before this.'), 'created_at'),
  },
};
export const PIPELINE_QUALITY_QUERY = listReader(PIPELINE_QUALITY_LIST);
