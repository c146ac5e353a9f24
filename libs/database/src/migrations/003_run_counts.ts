import { type mongo } from 'mongoose';
import { COUNTED_FIELDS, countsOf, type EndedRun } from '../run-counts.js';
import { type RunCount } from '../schemas/run-count.js';
import { createIndexes, dropIndexes, type IndexTable } from './indexes.js';
import { type Run } from '../schemas/run.schema.js';
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
const ENDED: Run['state'][] = ['SUCCESS', 'FAILED', 'CANCELLED'];

/** Statistics are made of counts. Down and up again makes them anew of the runs that are there; no worker may run meanwhile. */
export const migration003: Migration = {
  number: 3,
  name: 'run_counts',
  async up(db, signal) {
    await createIndexes(db, INDEXES);
    await db.collection('run_counts').deleteMany({});
    await countAll(db, signal);
  },
  async down(db) {
    await dropIndexes(db, INDEXES);
    await db.dropCollection('run_counts').catch(() => undefined);
  },
};

/** Interrupted it begins anew, from no counts at all, so it needs no transactions. */
async function countAll(db: mongo.Db, signal: AbortSignal): Promise<void> {
  const runs = db.collection<EndedRun & { engine: { counted?: boolean } }>('pipeline_runs');
  const counts = db.collection<RunCount>('run_counts');
  const projection = { ...COUNTED_FIELDS, 'engine.counted': 1 };
  let batch: EndedRun[] = [];
  const marked: string[] = [];
  const add = async (): Promise<void> => {
    signal.throwIfAborted();
    const writes = countsOf(batch, new Date());
    if (writes.length > 0) await counts.bulkWrite(writes, { ordered: false });
    batch = [];
  };
  for await (const run of runs.find({ state: { $in: ENDED } }, { projection, batchSize: BATCH })) {
    if (run.engine.counted === false) marked.push(run._id);
    if (batch.push(run) === BATCH) await add();
  }
  await add();
  while (marked.length > 0) {
    await runs.updateMany({ _id: { $in: marked.splice(-BATCH) } }, { $unset: { 'engine.counted': 1 } });
  }
}
