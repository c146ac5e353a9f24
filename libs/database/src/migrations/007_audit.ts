import { createIndexes, dropIndexes, type IndexTable } from './indexes.js';
import { type Migration } from './migration.js';

const NEWEST = { created_at: -1, _id: -1 } as const;

/** None of them lets an entry expire. */
const INDEXES: IndexTable = {
  audit: [
    { key: NEWEST },
    { key: { actor_id: 1, ...NEWEST } },
    { key: { action: 1, ...NEWEST } },
    { key: { resource_kind: 1, ...NEWEST } },
    { key: { resource_ids: 1, ...NEWEST } },
    { key: { project_id: 1, ...NEWEST } },
    { key: { outcome: 1, ...NEWEST } },
    { key: { request_id: 1, ...NEWEST } },
  ],
};

/** What the audit log is filtered by. Its way back keeps the entries. */
export const migration007: Migration = {
  number: 7,
  name: 'audit',
  up: (db) => createIndexes(db, INDEXES),
  down: (db) => dropIndexes(db, INDEXES),
};
