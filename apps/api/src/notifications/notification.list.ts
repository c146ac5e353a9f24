import { NotificationSchema } from '@tauro/database';
import {
  NOTIFICATION_CHANNELS,
  NOTIFICATION_EVENTS,
  NOTIFICATION_STATES,
  type NotificationChannel,
  type NotificationEvent,
  type NotificationState,
} from '@tauro/domain';
import { fieldsOf } from '../http/paging/fields-of.js';
import { listReader } from '../http/paging/list-query.js';
import { equals, type ListSpec, within } from '../http/paging/list-spec.js';
import { id, someOf } from '../http/query/query-field.js';

export const NOTIFICATION_LIST: ListSpec = {
  prefix: 'ntf',
  sortable: { created_at: 'date' },
  defaultSort: '-created_at',
  fields: fieldsOf(NotificationSchema),
  filters: {
    state: within<NotificationState>(someOf('Only notifications in these states.', NOTIFICATION_STATES)),
    event: within<NotificationEvent>(someOf('Only of these events.', NOTIFICATION_EVENTS)),
    channel: within<NotificationChannel>(someOf('Only over these channels.', NOTIFICATION_CHANNELS)),
    run_id: equals(id('run', 'Only about this run.')),
    project_id: equals(id('proj', 'Only about runs of this project.')),
    schedule_id: equals(id('sched', 'Only about runs of this schedule.')),
  },
};

export const NOTIFICATION_QUERY = listReader(NOTIFICATION_LIST);
