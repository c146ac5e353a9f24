import { Injectable } from '@nestjs/common';
import { type Run, type ScheduleSlot } from '@tauro/database';
import { type ScheduleSlotState } from '@tauro/domain';
import { type mongo } from 'mongoose';
import { Batches } from '../batches.js';
import { Collections } from '../collections.js';

type Ended = Pick<Run, '_id' | 'state' | 'finished_at'>;

/** The end of a slot's run: the slot says how it ended, and its schedule counts it, together and once. */
@Injectable()
export class SlotEnd {
  private readonly ends = new Batches<Ended, void>(async (runs) => {
    await this.db.transaction((session) => this.endAll(runs, session));
    return runs.map(() => undefined);
  });

  constructor(private readonly db: Collections) {}

  /** Harmless to repeat; nothing for a run that no slot has. */
  async ended(run: Pick<Run, '_id' | 'state' | 'finished_at' | 'schedule_id' | 'rerun_of'>): Promise<void> {
    // A run that repeats another is not its slot's.
    if (run.schedule_id && !run.rerun_of) await this.ends.ask(run);
  }

  private async endAll(runs: Ended[], session: mongo.ClientSession): Promise<void> {
    const byId = new Map(runs.map((run) => [run._id, run]));
    const slots = await this.db.scheduleSlots
      .find({ run_id: { $in: [...byId.keys()] }, state: 'STARTED' }, { session })
      .toArray();
    if (slots.length === 0) return;
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
    const counts = new Map<string, Record<string, number>>();
    for (const slot of slots) {
      const count = counts.get(slot.schedule_id) ?? { successful_runs: 0, failed_runs: 0 };
      if (stateOf(slot) === 'SUCCESS') count.successful_runs!++;
      else if (stateOf(slot) === 'FAILED') count.failed_runs!++;
      counts.set(slot.schedule_id, count);
    }
    await this.db.schedules.bulkWrite(
      [...counts].map(([_id, { successful_runs, failed_runs }]) => ({
        updateOne: {
          filter: { _id },
          update: {
            $inc: { 'statistics.successful_runs': successful_runs, 'statistics.failed_runs': failed_runs },
          },
        },
      })),
      { session },
    );
  }
}
