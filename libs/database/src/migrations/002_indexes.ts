import { createIndexes, dropIndexes, type IndexTable } from './indexes.js';
import { type Migration } from './migration.js';

/** In the order in which lists come by default. */
const NEWEST = { created_at: -1, _id: -1 } as const;
/**
 * Only documents that have it: the others need no room in the index, and no write. Said with `$type`, the planner would
 * never use it.
 */
const having = (field: string): { partialFilterExpression: object } => ({
  partialFilterExpression: { [field]: { $gt: '' } },
});

/** What lists are filtered and sorted by. */
const INDEXES: IndexTable = {
  projects: [
    { key: NEWEST },
    { key: { updated_at: -1, _id: -1 } },
    { key: { name: 1, _id: 1 } },
    { key: { owner: 1, ...NEWEST } },
  ],
  pipelines: [
    { key: NEWEST },
    { key: { updated_at: -1, _id: -1 } },
    { key: { name: 1, _id: 1 } },
    { key: { project_id: 1, ...NEWEST } },
    { key: { source: 1, ...NEWEST } },
  ],
  pipeline_runs: [
    { key: NEWEST },
    { key: { state: 1, ...NEWEST } },
    { key: { project_id: 1, ...NEWEST } },
    { key: { project_id: 1, state: 1, ...NEWEST } },
    { key: { pipeline_id: 1, ...NEWEST } },
    { key: { pipeline_name: 1, ...NEWEST } },
    { key: { schedule_id: 1, ...NEWEST }, ...having('schedule_id') },
    { key: { trigger_id: 1, ...NEWEST }, ...having('trigger_id') },
    { key: { triggered_by_run_id: 1, ...NEWEST }, ...having('triggered_by_run_id') },
    { key: { rerun_of: 1, ...NEWEST }, ...having('rerun_of') },
    { key: { parent_run_id: 1, ...NEWEST }, ...having('parent_run_id') },
    { key: { started_at: -1, _id: -1 } },
    { key: { finished_at: -1, _id: -1 } },
    { key: { duration_seconds: -1, _id: -1 } },
    { key: { 'tags.$**': 1, ...NEWEST } },
  ],
  pools: [{ key: NEWEST }],
  schedules: [
    { key: NEWEST },
    { key: { project_id: 1, ...NEWEST } },
    { key: { pipeline_id: 1, ...NEWEST } },
    { key: { enabled: 1, ...NEWEST } },
    { key: { kind: 1, ...NEWEST } },
    { key: { next_run_at: 1, _id: 1 } },
    { key: { last_run_at: 1, _id: 1 } },
    { key: { updated_at: -1, _id: -1 } },
  ],
  schedule_slots: [{ key: { schedule_id: 1, state: 1, scheduled_for: -1 } }],
  backfills: [
    { key: NEWEST },
    { key: { schedule_id: 1, ...NEWEST } },
    { key: { project_id: 1, ...NEWEST } },
    { key: { state: 1, ...NEWEST } },
  ],
  triggers: [
    { key: NEWEST },
    { key: { updated_at: -1, _id: -1 } },
    { key: { project_id: 1, ...NEWEST } },
    { key: { pipeline_id: 1, ...NEWEST } },
    { key: { kind: 1, ...NEWEST } },
    { key: { enabled: 1, ...NEWEST } },
  ],
  trigger_events: [{ key: { trigger_id: 1, ...NEWEST } }, { key: { trigger_id: 1, state: 1, ...NEWEST } }],
  notifications: [
    { key: NEWEST },
    { key: { state: 1, ...NEWEST } },
    { key: { project_id: 1, ...NEWEST } },
    { key: { run_id: 1, ...NEWEST } },
    { key: { event: 1, ...NEWEST } },
    { key: { channel: 1, ...NEWEST } },
    { key: { schedule_id: 1, ...NEWEST }, ...having('schedule_id') },
  ],
  workers: [{ key: { started_at: -1, _id: -1 } }],
};

/** What makes lists fast. */
export const migration002: Migration = {
  number: 2,
  name: 'indexes',
  up: (db) => createIndexes(db, INDEXES),
  down: (db) => dropIndexes(db, INDEXES),
};
