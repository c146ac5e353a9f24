import { createIndexes, dropIndexes, type IndexTable } from './indexes.js';
import { type Migration } from './migration.js';

/** Any text but the empty one, and no null. `$type` would say so too, but then the planner never uses the index. */
const TEXT = { $gt: '' };

/** What must be unique, and what the engine looks for. Nothing may be written before these exist. */
const INDEXES: IndexTable = {
  projects: [{ key: { name_key: 1 }, unique: true }],
  pipelines: [{ key: { project_id: 1, name_key: 1 }, unique: true }, { key: { name_key: 1 } }],
  pipeline_versions: [{ key: { pipeline_id: 1, version: -1 }, unique: true }],
  pipeline_runs: [
    { key: { expires_at: 1 } },
    { key: { 'engine.check_at': 1 }, sparse: true },
    { key: { 'engine.expire_at': 1 }, sparse: true },
    { key: { 'engine.sla_at': 1 }, sparse: true },
    { key: { 'engine.limit.check_at': 1 }, sparse: true },
    // The runs that wait to be admitted, in their order, and the few that were and have not begun.
    {
      key: { 'engine.rank': 1, _id: 1, pipeline_id: 1, 'engine.group.id': 1 },
      partialFilterExpression: { state: 'QUEUED', 'engine.rank': { $exists: true } },
    },
  ],
  tasks: [
    { key: { run_id: 1, node_id: 1, index: 1 }, unique: true },
    { key: { run_id: 1, state: 1 } },
    { key: { 'engine.check_at': 1 }, sparse: true },
    // What waits for a slot of a pool, in its order.
    {
      key: { 'engine.pool': 1, state: 1, 'engine.dispatch': 1, 'engine.rank': 1, _id: 1 },
      partialFilterExpression: { 'engine.pool': { $exists: true } },
    },
  ],
  run_logs: [
    { key: { run_id: 1, first_seq: 1 }, unique: true },
    // A log ends once, whoever follows up the run's end.
    { key: { run_id: 1, final: 1 }, unique: true, partialFilterExpression: { final: true } },
  ],
  run_removals: [{ key: { check_at: 1 } }],
  node_cache: [{ key: { expires_at: 1 } }],
  limits: [{ key: { 'engine.limit.check_at': 1 }, sparse: true }],
  pools: [
    { key: { name: 1 }, unique: true },
    { key: { 'engine.limit.check_at': 1 }, sparse: true },
  ],
  schedules: [{ key: { 'engine.check_at': 1 }, sparse: true }],
  schedule_slots: [
    // Schedulers, replicas and jumping clocks may all fire twice; this decides.
    { key: { schedule_id: 1, scheduled_for: -1 }, unique: true },
    { key: { run_id: 1 }, partialFilterExpression: { run_id: TEXT } },
    { key: { backfill_id: 1, state: 1 }, partialFilterExpression: { backfill_id: TEXT } },
  ],
  backfills: [{ key: { 'engine.check_at': 1 }, sparse: true }],
  triggers: [
    // Asked at the end of every run.
    { key: { after: 1 }, partialFilterExpression: { kind: 'PIPELINE', enabled: true } },
    {
      key: { 'engine.token_hash': 1 },
      unique: true,
      partialFilterExpression: { 'engine.token_hash': TEXT },
    },
  ],
  trigger_events: [
    // Ends of runs are followed up twice after a crash, and senders repeat their calls; this decides.
    { key: { trigger_id: 1, key: 1 }, unique: true },
    {
      key: { trigger_id: 1, 'engine.signature': 1 },
      unique: true,
      partialFilterExpression: { 'engine.signature': TEXT },
    },
    { key: { 'engine.check_at': 1 }, sparse: true },
    { key: { expires_at: 1 } },
  ],
  notifications: [
    // The ones that are due, and how many wait.
    { key: { next_attempt_at: 1 }, partialFilterExpression: { state: 'PENDING' } },
    { key: { expires_at: 1 } },
  ],
  // A worker that is gone stays listed for a day, then disappears by itself.
  workers: [{ key: { heartbeat_at: 1 }, expireAfterSeconds: 86_400 }],
};

/** The collections and what keeps them right. Its way back keeps everything that is stored. */
export const migration001: Migration = {
  number: 1,
  name: 'collections',
  up: (db) => createIndexes(db, INDEXES),
  async down(db) {
    await dropIndexes(db, INDEXES);
    for (const name of Object.keys(INDEXES)) {
      if (!(await db.collection(name).findOne({}, { projection: { _id: 1 } }))) await db.dropCollection(name);
    }
  },
};
