import { Injectable } from '@nestjs/common';
import { TERMINAL_RUN_STATES } from '@tauro/domain';
import { ArtifactStore } from '@tauro/nodes';
import { Env } from '@tauro/platform';
import { type mongo } from 'mongoose';
import { Collections } from '../collections.js';
import { RunCounter } from '../statistics/run-counter.js';

/** When a removal is gone through again, for a crash, and for what a late worker wrote meanwhile. */
const AGAIN_MS = 60_000;

/**
 * Removes runs that have ended, with their tasks, logs, tables and what checks of these found. A note of the removal is stored first and goes
 * last; the run itself is the next to go, in one guarded write, so nobody ever sees half of it. Everything after
 * may be done twice and by several processes at once. Pipeline versions and the audit trail stay.
 */
@Injectable()
export class RunRemovalService {
  private readonly artifacts: ArtifactStore;

  constructor(
    private readonly db: Collections,
    private readonly counter: RunCounter,
    env: Env,
  ) {
    this.artifacts = new ArtifactStore(env.ARTIFACTS_URL);
  }

  /** @param expiredBefore only runs whose time was over by then. @returns how many were removed. */
  async remove(runIds: string[], expiredBefore?: Date): Promise<number> {
    if (runIds.length === 0) return 0;
    await this.note(runIds);
    // Statistics outlive runs. One that ends just now stays, to be counted first.
    await this.counter.count(runIds);
    const { deletedCount } = await this.db.runs.deleteMany({
      _id: { $in: runIds },
      state: { $in: [...TERMINAL_RUN_STATES] },
      'engine.counted': { $ne: false },
      ...(expiredBefore && { expires_at: { $lte: expiredBefore } }),
    });
    await this.purge(runIds);
    return deletedCount;
  }

  /**
   * The same for runs that go together or not at all. @param settle what must hold, looked at where they are taken away.
   */
  async removeTogether(
    runIds: string[],
    settle: (session: mongo.ClientSession) => Promise<void>,
  ): Promise<void> {
    await this.note(runIds);
    await this.db.transaction(async (session) => {
      await settle(session);
      await this.counter.countIn(session, runIds);
      await this.db.runs.deleteMany({ _id: { $in: runIds } }, { session });
    });
    await this.purge(runIds);
  }

  /** Should this process die from here on, what is left of them is removed all the same. */
  private async note(runIds: string[]): Promise<void> {
    const created_at = new Date();
    const check_at = new Date(created_at.getTime() + AGAIN_MS);
    await this.db.removals.bulkWrite(
      runIds.map((_id) => ({
        updateOne: { filter: { _id }, update: { $setOnInsert: { created_at, check_at } }, upsert: true },
      })),
      { ordered: false },
    );
  }

  /**
   * Goes through removals again that are due, and closes them.
   * @param limit at most so many at once. @returns how many were closed.
   */
  async finish(now: Date, limit: number): Promise<number> {
    const due = { check_at: { $lte: now } };
    const ids = (await this.db.removals.find(due).sort({ check_at: 1 }).limit(limit).toArray()).map(
      ({ _id }) => _id,
    );
    if (ids.length === 0) return 0;
    // Another replica has this long to itself what it takes up; should it die, the next one repeats it.
    await this.db.removals.updateMany(
      { _id: { $in: ids }, ...due },
      { $set: { check_at: new Date(now.getTime() + AGAIN_MS) } },
    );
    await this.purge(ids);
    await this.db.removals.deleteMany({ _id: { $in: ids } });
    return ids.length;
  }

  /** What is left of those runs that are gone; a run that is there (it was not terminal, or not expired) is not touched. */
  private async purge(runIds: string[]): Promise<void> {
    const kept = await this.db.runs
      .find({ _id: { $in: runIds } })
      .project<{ _id: string }>({ _id: 1 })
      .toArray();
    const gone = runIds.filter((id) => !kept.some(({ _id }) => _id === id));
    if (kept.length > 0) await this.db.removals.deleteMany({ _id: { $in: kept.map(({ _id }) => _id) } });
    await Promise.all([
      this.db.tasks.deleteMany({ run_id: { $in: gone } }),
      this.db.logs.deleteMany({ run_id: { $in: gone } }),
      this.db.quality.deleteMany({ run_id: { $in: gone } }),
    ]);
    for (const id of gone) await this.artifacts.removeRun(id);
  }
}
