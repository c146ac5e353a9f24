import { createIndexes, dropIndexes, type IndexTable } from './indexes.js';
import { type Migration } from './migration.js';

const INDEXES: IndexTable = {
  // The few records that stand for more than one slot; every slot lies later than that year.
  schedule_slots: [
    {
      key: { schedule_id: 1, scheduled_for: -1, until: 1 },
      partialFilterExpression: { until: { $gt: new Date(Date.UTC(1800, 0, 1)) } },
    },
  ],
};

/** Which record a slot belongs to that was skipped together with others. */
export const migration014: Migration = {
  number: 14,
  name: 'slot_ranges',
  up: (db) => createIndexes(db, INDEXES),
  down: (db) => dropIndexes(db, INDEXES),
};
