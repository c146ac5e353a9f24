import { Injectable } from '@nestjs/common';
import { type Backfill, type Run, type Schedule, type ScheduleSlot } from '@tauro/database';
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

type Ended = Pick<Run, '_id' | 'state' | 'finished_at'>;

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
  async ended(run: Ended & Pick<Run, 'schedule_id'>): Promise<void> {
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
    const byId = new Map(runs.map((run) => [run._id, run]));
    const slots = await this.db.scheduleSlots
      .find({ run_id: { $in: [...byId.keys()] }, state: 'STARTED' }, { session })
      .toArray();
    if (slots.length === 0) return new Set();
    const stateOf = ({ run_id }: ScheduleSlot): ScheduleSlotState =>
      byId.get(run_id!)!.state as ScheduleSlotState;
    await this.db.scheduleSlots.bulkWrite(
      slots.map((slot) => ({
        updateOne: {
          filter: { _id: slot._id, state: 'STARTED' },
          update: { $set: { state: stateOf(slot), finished_at: byId.get(slot.run_id!)!.finished_at } },
        },
      })),
      { session },
    );
    const count = (owner: 'schedule_id' | 'backfill_id', within: string): mongo.AnyBulkWriteOperation[] => {
      const incs = new Map<string, Record<string, number>>();
      for (const slot of slots) {
        const id = slot[owner];
        const field = `${within}.${COUNTED[stateOf(slot)]}`;
        if (!id) continue;
        const inc = incs.get(id) ?? {};
        incs.set(id, { ...inc, [field]: (inc[field] ?? 0) + 1 });
      }
      return [...incs].map(([_id, $inc]) => ({
        updateOne: { filter: { _id } as object, update: { $inc } },
      }));
    };
    const ofSchedules = count('schedule_id', 'statistics') as mongo.AnyBulkWriteOperation<Schedule>[];
    const ofBackfills = count('backfill_id', 'progress') as mongo.AnyBulkWriteOperation<Backfill>[];
    await this.db.schedules.bulkWrite(ofSchedules, { session });
    if (ofBackfills.length > 0) await this.db.backfills.bulkWrite(ofBackfills, { session });
    return new Set(slots.flatMap(({ backfill_id }) => backfill_id ?? []));
  }
}
