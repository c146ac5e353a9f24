import { createIndexes, dropIndexes, type IndexTable } from './indexes.js';
import { type Migration } from './migration.js';

const NEWEST = { created_at: -1, _id: -1 } as const;

const INDEXES: IndexTable = {
  datasets: [
    { key: NEWEST },
    { key: { updated_at: -1, _id: -1 } },
    { key: { name: 1, _id: 1 } },
    { key: { name: 1, ...NEWEST } },
    { key: { namespace: 1, ...NEWEST } },
    { key: { project_id: 1, ...NEWEST } },
    { key: { project_id: 1, namespace: 1, ...NEWEST } },
    { key: { expires_at: 1 } },
  ],
};

/** Datasets by what they are listed and removed by. Its way back keeps those that are stored. */
export const migration011: Migration = {
  number: 11,
  name: 'datasets',
  up: (db) => createIndexes(db, INDEXES),
  down: (db) => dropIndexes(db, INDEXES),
};
