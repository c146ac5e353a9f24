import { createIndexes, dropIndexes, type IndexTable } from './indexes.js';
import { type Migration } from './migration.js';

const NEWEST = { created_at: -1, _id: -1 } as const;

const INDEXES: IndexTable = {
  connections: [
    { key: { project_id: 1, name: 1 }, unique: true },
    { key: NEWEST },
    { key: { updated_at: -1, _id: -1 } },
    { key: { name: 1, _id: 1 } },
    { key: { name: 1, ...NEWEST } },
    { key: { kind: 1, ...NEWEST } },
    { key: { project_id: 1, ...NEWEST } },
  ],
};

/** Connections by the place that nodes look for them. Its way back keeps those that are stored. */
export const migration009: Migration = {
  number: 9,
  name: 'connections',
  up: (db) => createIndexes(db, INDEXES),
  down: (db) => dropIndexes(db, INDEXES),
};
