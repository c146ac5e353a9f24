import { createIndexes, dropIndexes, type IndexTable } from './indexes.js';
import { type Migration } from './migration.js';

const NEWEST = { created_at: -1, _id: -1 } as const;

/** What keys and roles are looked up, filtered and sorted by. */
const INDEXES: IndexTable = {
  api_keys: [
    { key: NEWEST },
    { key: { name: 1, _id: 1 } },
    { key: { roles: 1, ...NEWEST } },
    { key: { revoked_at: 1, ...NEWEST } },
  ],
  // Whoever has a role has it by its name.
  roles: [{ key: { name: 1 }, unique: true }, { key: { name: 1, _id: 1 } }, { key: NEWEST }],
};

/** API keys and roles. Its way back keeps those that are stored. */
export const migration005: Migration = {
  number: 5,
  name: 'access',
  up: (db) => createIndexes(db, INDEXES),
  down: (db) => dropIndexes(db, INDEXES),
};
