import { type mongo } from 'mongoose';
import { createIndexes, dropIndexes, type IndexTable } from './indexes.js';
import { type Migration } from './migration.js';

const INDEXES: IndexTable = {
  pipeline_runs: [
    // Runs that have ended and are not in the counts yet: those of the last seconds.
    { key: { 'engine.counted': 1 }, partialFilterExpression: { 'engine.counted': false } },
  ],
  // Hours, which are told only with their day once they are old.
  run_counts: [{ key: { expires_at: 1 }, expireAfterSeconds: 0 }],
};

const BATCH = 5000;
const ENDED = ['SUCCESS', 'FAILED', 'CANCELLED'];

/** Statistics are made of counts. Down and up again makes them anew of the runs that are there; no worker may run meanwhile. */
export const migration003: Migration = {
  number: 3,
  name: 'run_counts',
  async up(db, signal) {
    await createIndexes(db, INDEXES);
    await db.collection('run_counts').deleteMany({});
    await markUncounted(db, signal);
  },
  async down(db) {
    await dropIndexes(db, INDEXES);
    await db.dropCollection('run_counts').catch(() => undefined);
  },
};

/** The workers count what is marked. */
async function markUncounted(db: mongo.Db, signal: AbortSignal): Promise<void> {
  const runs = db.collection<{ _id: string; state: string }>('pipeline_runs');
  for (let last = ''; ;) {
    signal.throwIfAborted();
    const batch = await runs
      .find({ _id: { $gt: last } }, { projection: { _id: 1 } })
      .sort({ _id: 1 })
      .limit(BATCH)
      .toArray();
    if (batch.length === 0) return;
    const upTo = batch.at(-1)!._id;
    await runs.updateMany(
      { _id: { $gt: last, $lte: upTo }, state: { $in: ENDED } },
      { $set: { 'engine.counted': false } },
    );
    last = upTo;
  }
}
