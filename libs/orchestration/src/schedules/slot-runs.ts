import { Injectable, Logger } from '@nestjs/common';
import {
  type Backfill,
  type Decision,
  type PlannedRun,
  type Schedule,
  type ScheduleSlot,
} from '@tauro/database';
import { DomainError, type JsonObject, newId } from '@tauro/domain';
import { mongo } from 'mongoose';
import { Batches } from '../batches.js';
import { Collections, DUPLICATE_KEY } from '../collections.js';
import { type CreateRun, RunCreation, type RunSlot } from '../run-creation.service.js';
import { RunService } from '../run.service.js';
import { startedRuns } from './schedule-metrics.js';
import { type SlotRange, SlotRanges } from './slot-ranges.js';

/** Somebody who carries out a decision for longer than this has died. */
export const ORPHAN_MS = 5000;

/** What asked for runs. */
export interface RunOrigin extends Pick<ScheduleSlot, 'kind'> {
  /** When they were decided upon. */
  at: Date;
  /** Over those of the schedule. */
  params?: JsonObject;
  request_id?: string | null;
  backfill?: Pick<Backfill, '_id' | 'max_concurrency'>;
}

/** A run to be made; `was` when its slot is known, with the run that the slot has. */
export type WantedRun = PlannedRun & { was?: string | null };

/** What came of one: its run is there, none could be made, or the slot is somebody else's. */
export type SlotOutcome = 'made' | 'failed' | 'taken';

/**
 * Makes of decisions slots and runs. A slot belongs to the run whose id it was stored with, and there is one slot per
 * schedule and time: so however often and by how many this is done, a slot has one run.
 */
@Injectable()
export class SlotRuns {
  private readonly logger = new Logger(SlotRuns.name);
  private readonly inserts = new Batches<ScheduleSlot, boolean>((slots) => this.insertAll(slots));
  private readonly struckOff = new Batches<CarriedOut, void>((all) => this.strikeAll(all));

  constructor(
    private readonly db: Collections,
    private readonly creation: RunCreation,
    private readonly runs: RunService,
    private readonly ranges: SlotRanges,
  ) {}

  /**
   * Carries out what was decided for a schedule, and strikes it off. Harmless to repeat.
   * @param repeated whether somebody may have begun with it before.
   */
  async carryOut(schedule: Schedule, decision: Decision, repeated: boolean): Promise<void> {
    const { _id: schedule_id } = schedule;
    const created_at = new Date();
    const base = { schedule_id, kind: decision.kind, backfill_id: null, created_at, finished_at: null };
    const skipped = decision.skips.map(({ scheduled_for, until = null, reason }): ScheduleSlot => ({
      ...base,
      _id: newSlotId(),
      scheduled_for,
      until,
      reason,
      state: 'SKIPPED',
      run_id: null,
    }));
    // The oldest give way before their successors stand in line.
    if (decision.replaces > 0) await this.replace(schedule_id, decision);
    const [made] = await Promise.all([
      this.start(schedule, decision.runs, decision, repeated),
      ...skipped.map((slot) => (isRange(slot) ? this.ranges.store(schedule, slot) : this.inserts.ask(slot))),
    ]);
    const runs = decision.runs.filter((_, i) => made[i] === 'made');
    await this.struckOff.ask({ schedule, decision, made: runs.map(({ scheduled_for }) => scheduled_for) });
  }

  /**
   * A slot and a run for each that was planned; the runs are admitted in this order.
   * @returns what came of each.
   */
  async start(
    schedule: Schedule,
    planned: WantedRun[],
    origin: RunOrigin,
    repeated: boolean,
  ): Promise<SlotOutcome[]> {
    const own = await this.claimAll(schedule, planned, origin);
    const there = repeated
      ? await this.db.runs
          .find({ _id: { $in: planned.map(({ run_id }) => run_id) } })
          .project<{ _id: string }>({ _id: 1 })
          .toArray()
      : [];
    const existing = new Set(there.map(({ _id }) => _id));
    const mine = planned.filter((_, i) => own[i]);
    const missing = mine.filter(({ run_id }) => !existing.has(run_id));
    const failed = await this.createRuns(schedule, missing, origin, repeated);
    return planned.map((one, i) => {
      if (!own[i]) return 'taken';
      return failed.has(one.run_id) ? 'failed' : 'made';
    });
  }

  private async claimAll(schedule: Schedule, planned: WantedRun[], origin: RunOrigin): Promise<boolean[]> {
    const claims = () => Promise.all(planned.map((one) => this.claim(schedule, one, origin)));
    if (!origin.backfill) return claims();
    // Slots of a backfill may have been skipped together with others, or just be recorded so.
    const times = planned.map(({ scheduled_for }) => scheduled_for);
    await this.ranges.split(schedule, times);
    const own = await claims();
    await this.ranges.split(schedule, times);
    return own;
  }

  private async claim(schedule: Schedule, planned: WantedRun, origin: RunOrigin): Promise<boolean> {
    const { run_id, scheduled_for, was } = planned;
    const of = { schedule_id: schedule._id, scheduled_for };
    const own = { kind: origin.kind, backfill_id: origin.backfill?._id ?? null, run_id };
    if (was !== undefined) {
      // Only while it is as it was looked at.
      const still = { ...of, until: null, run_id: was, state: { $ne: 'STARTED' as const } };
      const taken = { ...own, state: 'STARTED' as const, reason: null, finished_at: null };
      const { matchedCount } = await this.db.scheduleSlots.updateOne(still, { $set: taken });
      return matchedCount === 1 || (await this.db.scheduleSlots.findOne(of))?.run_id === run_id;
    }
    const mine = await this.inserts.ask({
      ...of,
      ...own,
      _id: newSlotId(),
      until: null,
      state: 'STARTED',
      reason: null,
      created_at: new Date(),
      finished_at: null,
    });
    if (mine) return true;
    return (await this.db.scheduleSlots.findOne(of))?.run_id === run_id;
  }

  /** @returns the ids of those that could not be made. */
  private async createRuns(
    schedule: Schedule,
    planned: PlannedRun[],
    origin: RunOrigin,
    repeated: boolean,
  ): Promise<ReadonlySet<string>> {
    const { timeout_seconds, retry_on_failure } = schedule.config;
    const wanted = planned.map(
      ({ run_id, scheduled_for, data_interval_start, data_interval_end }): CreateRun => ({
        project_id: schedule.project_id,
        pipeline_id: schedule.pipeline_id,
        params: { ...schedule.params, ...origin.params },
        tags: { ...schedule.tags, triggered_by: TRIGGERED_BY[origin.kind] },
        timeout_seconds,
        request_id: origin.request_id ?? null,
        slot: {
          run_id,
          repeated,
          schedule,
          schedule_id: schedule._id,
          scheduled_for,
          data_interval_start,
          data_interval_end,
          group: groupOf(schedule, origin),
          decided_at: origin.at,
          retry_on_failure,
        },
      }),
    );
    const made = await this.creation.createInOrder(wanted, repeated);
    const failed = new Set<string>();
    for (const [i, error] of made.entries()) {
      if (!(error instanceof DomainError)) startedRuns.inc({ kind: origin.kind });
      else {
        failed.add(planned[i]!.run_id);
        await this.fail(schedule, planned[i]!, error);
      }
    }
    return failed;
  }

  /** Its pipeline is gone, say, or does not take its params any more: the next slot may do better. */
  private async fail(schedule: Schedule, { run_id, scheduled_for }: PlannedRun, error: DomainError) {
    this.logger.warn(
      { schedule_id: schedule._id },
      `no run for ${scheduled_for.toISOString()}: ${error.message}`,
    );
    await this.db.scheduleSlots.updateOne(
      { schedule_id: schedule._id, scheduled_for, run_id, state: 'STARTED' },
      { $set: { state: 'FAILED', reason: reasonOf(error), run_id: null, finished_at: new Date() } },
    );
  }

  private async replace(schedule_id: string, { replaces, runs }: Decision): Promise<void> {
    const oldest = await this.db.scheduleSlots
      .find({
        schedule_id,
        state: 'STARTED',
        kind: { $ne: 'BACKFILL' },
        run_id: { $nin: runs.map(({ run_id }) => run_id) },
      })
      .sort({ scheduled_for: 1 })
      .limit(replaces)
      .toArray();
    for (const { run_id } of oldest) await this.runs.cancelIfActive(run_id!);
  }

  /** Each only while it is there, so that its runs are counted once. */
  private async strikeAll(all: CarriedOut[]): Promise<void[]> {
    await this.db.schedules.bulkWrite(
      all.map((one) => ({ updateOne: strikeOff(one) })),
      { ordered: false },
    );
    return all.map(() => undefined);
  }

  /** Many in one round trip. @returns which of them were not there yet. */
  private async insertAll(slots: ScheduleSlot[]): Promise<boolean[]> {
    try {
      await this.db.scheduleSlots.insertMany(slots, { ordered: false });
      return slots.map(() => true);
    } catch (error) {
      if (!(error instanceof mongo.MongoBulkWriteError)) throw error;
      const errors = [error.writeErrors].flat();
      if (errors.some(({ code }) => code !== DUPLICATE_KEY)) throw error;
      const taken = new Set(errors.map(({ index }) => index));
      return slots.map((_, i) => !taken.has(i));
    }
  }
}

/** A decision of which every slot and run is there. */
interface CarriedOut {
  schedule: Schedule;
  decision: Decision;
  /** The slots of the runs that it made, in their order. */
  made: Date[];
}

function strikeOff({ schedule: { _id, jitter_seconds }, decision: { id }, made }: CarriedOut) {
  const left = {
    $filter: { input: '$engine.decisions', as: 'one', cond: { $ne: ['$$one.id', id] } },
  };
  const later = jitter_seconds * 1000 + ORPHAN_MS;
  return {
    filter: { _id, 'engine.decisions.id': id },
    update: [
      {
        $set: {
          'engine.decisions': left,
          'statistics.total_runs': { $add: ['$statistics.total_runs', made.length] },
          // Slots for which no run could be made are no runs.
          ...(made.length > 0 && { last_run_at: { $max: ['$last_run_at', made.at(-1)] } }),
        },
      },
      {
        $set: {
          'engine.check_at': {
            $cond: [
              { $gt: [{ $size: '$engine.decisions' }, 0] },
              { $add: ['$$NOW', ORPHAN_MS] },
              { $cond: [{ $eq: ['$next_run_at', null] }, '$$REMOVE', { $add: ['$next_run_at', later] }] },
            ],
          },
        },
      },
    ],
  };
}

/** Every run of a schedule stands in its line, and one that somebody started by hand at the front of it. */
function groupOf({ _id, max_concurrency }: Schedule, { kind, backfill }: RunOrigin): RunSlot['group'] {
  if (backfill) return { kind: 'backfill', id: backfill._id, max: backfill.max_concurrency };
  const own = { kind: 'schedule' as const, id: _id, max: max_concurrency };
  return kind === 'MANUAL' ? { ...own, beyond: true } : own;
}

const TRIGGERED_BY = { SCHEDULED: 'scheduler', MANUAL: 'manual', BACKFILL: 'backfill' } as const;
const isRange = (slot: ScheduleSlot): slot is SlotRange => slot.until !== null;
const newSlotId = (): string => newId('slot');

function reasonOf({ message, details }: DomainError): string {
  const parts = details.map(({ field, message: what }) => `${field}: ${what}`);
  // The message may say the first of them already.
  return [...new Set([message, ...parts])].join('; ').slice(0, 1000);
}
