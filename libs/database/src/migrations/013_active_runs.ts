import { ACTIVE_RUN_STATES } from '@tauro/domain';
import { createIndexes, dropIndexes, type IndexTable } from './indexes.js';
import { type Migration } from './migration.js';

const state = { $in: [...ACTIVE_RUN_STATES] };

const INDEXES: IndexTable = {
  // Runs that are not over, for the statistics of what they belong to: few of all, so they cost the others nothing.
  pipeline_runs: [
    { key: { pipeline_id: 1, state: 1, created_at: -1 }, partialFilterExpression: { state } },
    {
      key: { schedule_id: 1, state: 1, created_at: -1 },
      partialFilterExpression: { state, schedule_id: { $gt: '' } },
    },
  ],
};

/** What makes the statistics of a pipeline and of a schedule fast where many runs of others are not over. */
export const migration013: Migration = {
  number: 13,
  name: 'active_runs',
  up: (db) => createIndexes(db, INDEXES),
  down: (db) => dropIndexes(db, INDEXES),
};
