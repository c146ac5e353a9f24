import { createIndexes, dropIndexes, type IndexTable } from './indexes.js';
import { type Migration } from './migration.js';

/** In the order in which lists come by default. */
const NEWEST = { created_at: -1, _id: -1 } as const;

const INDEXES: IndexTable = {
  // An answer is repeated until its time is over, then it disappears by itself.
  idempotency_keys: [{ key: { expires_at: 1 }, expireAfterSeconds: 0 }],
  project_removals: [{ key: { check_at: 1 } }],
  configs: [
    { key: { project_id: 1, environment: 1, name_key: 1 }, unique: true },
    { key: NEWEST },
    { key: { updated_at: -1, _id: -1 } },
    { key: { name: 1, _id: 1 } },
    { key: { name_key: 1, ...NEWEST } },
    { key: { project_id: 1, ...NEWEST } },
    { key: { environment: 1, ...NEWEST } },
  ],
  config_versions: [
    // Two who change a config at once would make the same number; this decides.
    { key: { config_id: 1, version: -1 }, unique: true },
    { key: NEWEST },
    { key: { project_id: 1, ...NEWEST } },
    { key: { config_id: 1, ...NEWEST } },
    { key: { environment: 1, ...NEWEST } },
    { key: { name: 1, ...NEWEST } },
    { key: { change: 1, ...NEWEST } },
  ],
  config_promotions: [
    // One wish at a time: approving two in a row would undo the first unseen.
    {
      key: { project_id: 1, to_environment: 1, name: 1 },
      unique: true,
      partialFilterExpression: { state: 'PENDING' },
    },
    { key: NEWEST },
    { key: { project_id: 1, ...NEWEST } },
    { key: { state: 1, ...NEWEST } },
    { key: { version_id: 1, ...NEWEST } },
  ],
};

/** Configs with their history, keys of requests that may be repeated, and projects that are on their way out. */
export const migration004: Migration = {
  number: 4,
  name: 'configs_and_keys',
  up: (db) => createIndexes(db, INDEXES),
  down: (db) => dropIndexes(db, INDEXES),
};
