import { Injectable } from '@nestjs/common';
import { type Backfill, type Run, type Schedule } from '@tauro/database';
import { type ScheduleSlotState } from '@tauro/domain';
import { type mongo } from 'mongoose';
import { Batches } from '../batches.js';
import { Collections } from '../collections.js';
import { activeRunsOf, REFILL_BELOW } from './backfill-window.js';
import { ScheduleWakes } from './schedule-wakes.js';

/** Where the end of a run is counted. */
const COUNTED: Record<string, string> = {
  SUCCESS: 'successful_runs',
  FAILED: 'failed_runs',
  CANCELLED: 'cancelled_runs',
};

type Ended = Pick<Run, '_id' | 'state' | 'finished_at' | 'schedule_id' | 'engine'>;

/** The end of a slot's run: the slot says how it ended, and its schedule counts it, together and once. */
@Injectable()
export class SlotEnd {
  private readonly ends = new Batches<Ended, ReadonlySet<string>>(async (runs) => {
    let backfills: ReadonlySet<string> = new Set();
    await this.db.transaction(async (session) => {
      backfills = await this.endAll(runs, session);
    });
    // The first asker speaks for all.
    return runs.map((_, i) => (i === 0 ? backfills : new Set<string>()));
  });

  constructor(
    private readonly db: Collections,
    private readonly wakes: ScheduleWakes,
  ) {}

  /** Harmless to repeat; nothing for a run that no slot has. */
  async ended(run: Ended): Promise<void> {
    if (!run.schedule_id) return;
    await this.wakeBackfills(await this.ends.ask(run));
  }

  /** Those that may make more runs now, or have come to their end. */
  private async wakeBackfills(ids: ReadonlySet<string>): Promise<void> {
    if (ids.size === 0) return;
    const found = await this.db.backfills
      .find({ _id: { $in: [...ids] } })
      .project<Backfill>({ progress: 1, 'engine.done': 1 })
      .toArray();
    const due = found.filter(({ progress, engine: { done } }) => {
      const active = activeRunsOf(progress);
      return active === 0 || (!done && active <= REFILL_BELOW);
    });
    await Promise.all(due.map(({ _id }) => this.wakes.wakeBackfill(_id)));
  }

  /** @returns the backfills whose runs these were. */
  private async endAll(runs: Ended[], session: mongo.ClientSession): Promise<ReadonlySet<string>> {
    const { updates } = await this.db.inOrder(
      runs.map(({ _id, state, finished_at }) => ({
        name: 'updateOne',
        namespace: this.db.scheduleSlots.namespace,
        filter: { run_id: _id, state: 'STARTED' },
        update: { $set: { state: state as ScheduleSlotState, finished_at } },
      })),
      { session, verboseResults: true },
    );
    // Whoever repeats this finds the slots ended, and counted.
    const ended = runs.filter((_, i) => updates.get(i)?.matchedCount === 1);
    if (ended.length === 0) return new Set();
    const count = (ownerOf: (run: Ended) => string | null, within: string): mongo.AnyBulkWriteOperation[] => {
      const incs = new Map<string, Record<string, number>>();
      for (const run of ended) {
        const id = ownerOf(run);
        const field = `${within}.${COUNTED[run.state]}`;
        if (!id) continue;
        const inc = incs.get(id) ?? {};
        incs.set(id, { ...inc, [field]: (inc[field] ?? 0) + 1 });
      }
      return [...incs].map(([_id, $inc]) => ({
        updateOne: { filter: { _id } as object, update: { $inc } },
      }));
    };
    const ofSchedules = count((run) => run.schedule_id, 'statistics');
    const ofBackfills = count(backfillOf, 'progress');
    await this.db.schedules.bulkWrite(ofSchedules as mongo.AnyBulkWriteOperation<Schedule>[], { session });
    if (ofBackfills.length > 0)
      await this.db.backfills.bulkWrite(ofBackfills as mongo.AnyBulkWriteOperation<Backfill>[], { session });
    return new Set(ended.flatMap((run) => backfillOf(run) ?? []));
  }
}

/** The backfill that made a run. */
const backfillOf = ({ engine: { group } }: Ended): string | null =>
  group?.kind === 'backfill' ? group.id : null;
