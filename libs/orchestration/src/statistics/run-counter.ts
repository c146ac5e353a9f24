import { Injectable } from '@nestjs/common';
import { COUNTED_FIELDS, countsOf, type EndedRun } from '@tauro/database';
import { type mongo } from 'mongoose';
import { Collections } from '../collections.js';

/** Runs that are counted in one transaction. */
const BATCH = 1000;
/** How long one sweep may count when there is much to do, as after a rebuild. */
const SWEEP_MS = 1000;

/**
 * Adds runs that have ended to the counts that statistics are made of. The terminal write marks a run as not counted;
 * counting takes the mark away in the same transaction that adds, so each run is counted once, whoever does it and
 * whatever crashes. Until then statistics add it themselves.
 */
@Injectable()
export class RunCounter {
  constructor(private readonly db: Collections) {}

  /** Counts what has ended. @returns how many runs. */
  async sweep(): Promise<number> {
    const until = performance.now() + SWEEP_MS;
    let total = 0;
    while (performance.now() < until) {
      // Without a transaction: nearly always there is little to do, or nothing.
      const found = await this.db.runs
        .find({ 'engine.counted': false })
        .limit(BATCH)
        .project<{ _id: string }>({ _id: 1 })
        .toArray();
      if (found.length > 0) total += await this.count(found.map(({ _id }) => _id));
      if (found.length < BATCH) break;
    }
    return total;
  }

  /** Counts those of some runs that have ended and are not counted. @returns how many. */
  async count(runIds: string[]): Promise<number> {
    let counted = 0;
    await this.db.transaction(async (session) => {
      counted = await this.countIn(session, runIds);
    });
    return counted;
  }

  /** The same as a part of a transaction. */
  async countIn(session: mongo.ClientSession, runIds: string[]): Promise<number> {
    const uncounted = { _id: { $in: runIds }, 'engine.counted': false };
    const runs = await this.db.runs.find(uncounted, { session }).project<EndedRun>(COUNTED_FIELDS).toArray();
    if (runs.length === 0) return 0;
    await this.db.runs.updateMany(
      { _id: { $in: runs.map(({ _id }) => _id) } },
      { $unset: { 'engine.counted': 1 } },
      { session },
    );
    await this.db.runCounts.bulkWrite(countsOf(runs, new Date()), { session, ordered: false });
    return runs.length;
  }
}
