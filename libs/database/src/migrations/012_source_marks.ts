import { createIndexes, dropIndexes, type IndexTable } from './indexes.js';
import { type Migration } from './migration.js';

const INDEXES: IndexTable = {
  source_marks: [
    { key: { pipeline_id: 1, created_at: -1, _id: -1 } },
    { key: { pipeline_id: 1, updated_at: -1, _id: -1 } },
    { key: { pipeline_id: 1, node_id: 1, _id: 1 } },
    { key: { project_id: 1 } },
  ],
};

/** Where incremental sources stand, by pipeline. Its way back keeps the marks that are stored. */
export const migration012: Migration = {
  number: 12,
  name: 'source_marks',
  up: (db) => createIndexes(db, INDEXES),
  down: (db) => dropIndexes(db, INDEXES),
};
