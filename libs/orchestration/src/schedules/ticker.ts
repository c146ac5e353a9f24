import { Injectable, Logger } from '@nestjs/common';
import { type Decision, type Schedule } from '@tauro/database';
import { admitSlots, type Due, type SlotSource } from '@tauro/domain';
import { ulid } from 'ulid';
import { Batches } from '../batches.js';
import { Clock } from '../clock.js';
import { Collections, joinedFind } from '../collections.js';
import { dueOf, plannedRun } from './due-of.js';
import { lateness, skippedSlots } from './schedule-metrics.js';
import { dueAt, timingOf } from './schedule-timing.js';
import { ScheduleWakes } from './schedule-wakes.js';
import { ORPHAN_MS, SlotRuns } from './slot-runs.js';

/** Rounds of one tick: each decides upon up to a hundred slots. The sweep goes on with what is left. */
const MOST_ROUNDS = 50;

/**
 * Decides what is due. One guarded write moves a schedule's cursor over its slots and keeps what is to become of them;
 * whoever else looked at the same slots finds the cursor moved. Then the decision is carried out, by this process or,
 * should it die, by whoever looks next.
 */
@Injectable()
export class Ticker {
  private readonly logger = new Logger(Ticker.name);
  private readonly schedules = joinedFind(() => this.db.schedules);
  private readonly active = new Batches<string, number>((ids) => this.countActive(ids));
  private readonly decided = new Batches<Decided, boolean>((all) => this.writeAll(all));

  constructor(
    private readonly db: Collections,
    private readonly clock: Clock,
    private readonly slotRuns: SlotRuns,
    private readonly wakes: ScheduleWakes,
  ) {}

  /**
   * Does all that is due of a schedule. Harmless at any time, and by several at once.
   * @param alarm whether its alarm rang: if that was too early, it is set once more.
   */
  async tick(id: string, alarm = false): Promise<void> {
    for (let round = 0; round < MOST_ROUNDS; round++) {
      const schedule = await this.schedules.ask(id);
      if (!schedule) return this.wakes.forget(id);
      const now = await this.clock.now();
      await this.adoptOrphans(schedule, now);
      if (!schedule.enabled) return this.wakes.follow(schedule);
      if (!(await this.decide(schedule, now, alarm))) return;
    }
    await this.wakes.wake(id);
  }

  /** @returns whether there may be more to decide. */
  private async decide(schedule: Schedule, now: Date, alarm: boolean): Promise<boolean> {
    const { slots, until, ahead } = this.horizon(schedule, now);
    const due = dueOf(schedule, slots, schedule.engine.cursor, until);
    if (due.runs.length + due.skips.length === 0) {
      if (due.cursor < until) return this.moveOn(schedule, due.cursor);
      if (alarm && ahead && rangEarly(slots, ahead, now)) {
        await this.wakes.wake(schedule._id, dueAt(schedule, ahead).getTime() - now.getTime());
      }
      await this.lookLater(schedule, ahead);
      return false;
    }
    const active = due.runs.length > 0 ? await this.activeRuns(schedule) : 0;
    const decision = decisionOf(schedule, due, active, now);
    if (!(await this.write(schedule, due, decision))) return true;
    skippedSlots.inc(decision.skips.length);
    for (const { scheduled_for, late } of due.runs) {
      if (!late)
        lateness.observe(Math.max(0, now.getTime() - dueAt(schedule, scheduled_for).getTime()) / 1000);
    }
    await this.slotRuns.carryOut(schedule, decision, false);
    const left = slots.next(due.cursor);
    return left !== null && left <= until;
  }

  /** Up to when slots are due, and the first one that is not. With jitter each slot has its own time. */
  private horizon(schedule: Schedule, now: Date) {
    const slots = timingOf(schedule);
    let slot = slots.next(schedule.engine.cursor);
    if (schedule.jitter_seconds === 0) {
      return { slots, until: now, ahead: slot && slot > now ? slot : null };
    }
    // Those whose jitter must be over are not looked at one by one.
    const certain = new Date(now.getTime() - schedule.jitter_seconds * 1000);
    if (slot && slot < certain) slot = slots.next(certain);
    for (; slot && slot <= now; slot = slots.next(slot)) {
      if (dueAt(schedule, slot) > now) return { slots, until: new Date(slot.getTime() - 1), ahead: slot };
    }
    return { slots, until: now, ahead: slot };
  }

  /** Slots that passed without anything to decide. */
  private async moveOn({ _id, engine }: Schedule, cursor: Date): Promise<boolean> {
    const still = { _id, 'engine.cursor': engine.cursor };
    await this.db.schedules.updateOne(still, { $set: { 'engine.cursor': cursor } });
    return true;
  }

  /** Keeps a decision. @returns whether it is this one that holds. */
  private write(schedule: Schedule, due: Due, decision: Decision): Promise<boolean> {
    const { cursor } = due;
    return this.decided.ask({ schedule, cursor, next_run_at: timingOf(schedule).next(cursor), decision });
  }

  /** The only write that decides, for many: each matches while nobody else has decided upon these slots. */
  private async writeAll(all: Decided[]): Promise<boolean[]> {
    const { matchedCount } = await this.db.schedules.bulkWrite(
      all.map(({ schedule: { _id, revision, engine }, cursor, next_run_at, decision }) => {
        return {
          updateOne: {
            filter: { _id, enabled: true, revision, 'engine.cursor': engine.cursor },
            update: {
              $set: {
                next_run_at,
                'engine.cursor': cursor,
                'engine.check_at': new Date(decision.at.getTime() + ORPHAN_MS),
              },
              $push: { 'engine.decisions': decision },
            },
          },
        };
      }),
      { ordered: false },
    );
    if (matchedCount === all.length) return all.map(() => true);
    if (matchedCount === 0) return all.map(() => false);
    // Whose matched is told by what is kept: a decision stays until it is carried out.
    const kept = await this.db.schedules
      .find({ _id: { $in: all.map(({ schedule }) => schedule._id) } })
      .project<{ engine: { decisions: { id: string }[] } }>({ 'engine.decisions.id': 1 })
      .toArray();
    const ids = new Set(kept.flatMap(({ engine }) => engine.decisions.map(({ id }) => id)));
    return all.map(({ decision }) => ids.has(decision.id));
  }

  private async lookLater(schedule: Schedule, next: Date | null): Promise<void> {
    const { _id, engine } = schedule;
    const check_at = next && new Date(dueAt(schedule, next).getTime() + ORPHAN_MS);
    if (engine.check_at?.getTime() === check_at?.getTime() || engine.decisions.length > 0) return;
    await this.db.schedules.updateOne(
      { _id, 'engine.cursor': engine.cursor, 'engine.decisions': { $size: 0 } },
      check_at ? { $set: { 'engine.check_at': check_at } } : { $unset: { 'engine.check_at': 1 } },
    );
  }

  /** What somebody had decided who died before it was carried out. */
  private async adoptOrphans(schedule: Schedule, now: Date): Promise<void> {
    for (const decision of schedule.engine.decisions) {
      if (now.getTime() - decision.at.getTime() < ORPHAN_MS) continue;
      this.logger.warn(
        { schedule_id: schedule._id },
        `carrying out what was decided at ${decision.at.toISOString()}`,
      );
      await this.slotRuns.carryOut(schedule, decision, true);
    }
  }

  /** Runs of the schedule that have not ended, those included that are only decided upon. */
  private async activeRuns(schedule: Schedule): Promise<number> {
    const planned = schedule.engine.decisions.flatMap(({ runs }) => runs.map(({ run_id }) => run_id));
    const stored = await this.active.ask(schedule._id);
    if (planned.length === 0) return stored;
    const both = await this.db.scheduleSlots.countDocuments({ run_id: { $in: planned } });
    return stored + planned.length - both;
  }

  private async countActive(ids: string[]): Promise<number[]> {
    const counts = await this.db.scheduleSlots
      .aggregate<{ _id: string; n: number }>([
        { $match: { schedule_id: { $in: ids }, state: 'STARTED', kind: { $ne: 'BACKFILL' } } },
        { $group: { _id: '$schedule_id', n: { $sum: 1 } } },
      ])
      .toArray();
    const byId = new Map(counts.map(({ _id, n }) => [_id, n]));
    return ids.map((id) => byId.get(id) ?? 0);
  }
}

/** A decision, and where it leaves its schedule. */
interface Decided {
  /** As it was read. */
  schedule: Schedule;
  cursor: Date;
  next_run_at: Date | null;
  decision: Decision;
}

/** Whether an alarm rang for this slot, which is not due yet: because of its jitter, or of a clock that is ahead. */
function rangEarly(slots: SlotSource, slot: Date, now: Date): boolean {
  const { start, end } = slots.dataInterval(slot);
  return slot.getTime() - now.getTime() < (end.getTime() - start.getTime()) / 2;
}

function decisionOf(schedule: Schedule, due: Due, active: number, now: Date): Decision {
  const admitted = admitSlots(due.runs, schedule.overlap, schedule.max_concurrency, active);
  return {
    id: ulid(),
    kind: 'SCHEDULED',
    at: now,
    runs: admitted.runs.map((slot) => plannedRun(slot, now)),
    skips: [...due.skips, ...admitted.skips],
    replaces: admitted.replaces,
  };
}
