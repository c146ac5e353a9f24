import { createIndexes, dropIndexes, type IndexTable } from './indexes.js';
import { type Migration } from './migration.js';

const NEWEST = { created_at: -1, _id: -1 } as const;

const INDEXES: IndexTable = {
  quality_results: [
    { key: { run_id: 1, created_at: 1, _id: 1 } },
    { key: { pipeline_id: 1, ...NEWEST } },
    { key: { pipeline_id: 1, node_id: 1, ...NEWEST } },
    { key: { pipeline_id: 1, check: 1, ...NEWEST } },
    { key: { pipeline_id: 1, passed: 1, ...NEWEST } },
  ],
};

/** What quality checks found, by run and by pipeline. Its way back keeps what is stored. */
export const migration010: Migration = {
  number: 10,
  name: 'quality_results',
  up: (db) => createIndexes(db, INDEXES),
  down: (db) => dropIndexes(db, INDEXES),
};
