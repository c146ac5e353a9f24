import { WORKER_STATES, WorkerRecordSchema, type WorkerState } from '@tauro/database';
import { fieldsOf } from '../http/paging/fields-of.js';
import { listReader } from '../http/paging/list-query.js';
import { type Condition, type ListSpec } from '../http/paging/list-spec.js';
import { someOf } from '../http/query/query-field.js';

/** In an order that heartbeats do not change, or a worker could slip past a reader from page to page. */
export const WORKER_LIST: ListSpec = {
  sortable: { started_at: 'date', heartbeat_at: 'date' },
  defaultSort: '-started_at',
  fields: fieldsOf(WorkerRecordSchema),
  filters: {
    // Becomes a condition in the controller, which knows since when a silent worker is gone.
    state: someOf<WorkerState>('Only workers in these states.', WORKER_STATES),
  },
};
export const WORKER_QUERY = listReader(WORKER_LIST);

/** The stored state counts while a worker is heard of; a silent one is GONE. */
export function inStates(states: WorkerState[], silentSince: Date): Condition {
  const heard = { state: { $in: states }, heartbeat_at: { $gte: silentSince } };
  return states.includes('GONE') ? { $or: [heard, { heartbeat_at: { $lt: silentSince } }] } : heard;
}
