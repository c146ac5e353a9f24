import { BackfillSchema, ScheduleSchema, ScheduleSlotSchema } from '@tauro/database';
import { BACKFILL_STATES, SCHEDULE_SLOT_KINDS, SCHEDULE_SLOT_STATES, TIMING_KINDS } from '@tauro/domain';
import { fieldsOf } from '../http/paging/fields-of.js';
import { listReader } from '../http/paging/list-query.js';
import { earlier, equals, filter, type ListSpec, within } from '../http/paging/list-spec.js';
import {
  flag,
  id,
  idOrName,
  instant,
  integer,
  oneOf,
  someOf,
  withDefault,
} from '../http/query/query-field.js';
import { queryOf } from '../http/query/query-reader.js';

export const SCHEDULE_LIST: ListSpec = {
  prefix: 'sched',
  sortable: {
    created_at: 'date',
    updated_at: 'date',
    next_run_at: 'date?',
    last_run_at: 'date?',
  },
  defaultSort: '-created_at',
  fields: fieldsOf(ScheduleSchema),
  filters: {
    project_id: equals(id('proj', 'Only schedules of this project.')),
    // Becomes a condition in the service, which knows the ids behind a name.
    pipeline_id: idOrName('pipe', 'Only schedules of this pipeline, by id or by name.'),
    enabled: equals({ ...flag('Only those that are enabled, or disabled.'), fallback: undefined }),
    kind: equals(oneOf('Only schedules of this kind.', TIMING_KINDS)),
  },
};
export const SCHEDULE_QUERY = listReader(SCHEDULE_LIST);

export const SLOT_LIST: ListSpec = {
  prefix: 'slot',
  sortable: { scheduled_for: 'date' },
  defaultSort: '-scheduled_for',
  distinct: 'scheduled_for',
  fields: fieldsOf(ScheduleSlotSchema),
  filters: {
    state: within(someOf('Only slots in these states.', SCHEDULE_SLOT_STATES)),
    kind: equals(oneOf('Only slots that came about this way.', SCHEDULE_SLOT_KINDS)),
    // A record may stand for slots up to `until`.
    after: filter(instant('Only slots after this.'), (after) => ({
      $or: [{ scheduled_for: { $gt: after } }, { until: { $gt: after } }],
    })),
    before: earlier(instant('Only slots before this.'), 'scheduled_for'),
  },
};
export const SLOT_QUERY = listReader(SLOT_LIST);

export const BACKFILL_LIST: ListSpec = {
  prefix: 'bf',
  sortable: { created_at: 'date' },
  defaultSort: '-created_at',
  fields: fieldsOf(BackfillSchema),
  filters: {
    schedule_id: equals(id('sched', 'Only backfills of this schedule.')),
    project_id: equals(id('proj', 'Only backfills of this project.')),
    state: within(someOf('Only backfills in these states.', BACKFILL_STATES)),
  },
};
export const BACKFILL_QUERY = listReader(BACKFILL_LIST);

export const NEXT_QUERY = queryOf({
  count: withDefault(integer('How many.', 1, 1000), 10),
  from: instant('Only slots after this; now unless given.'),
});
