import { Injectable } from '@nestjs/common';
import { type Backfill, type BackfillChunk, type Schedule, type ScheduleSlot } from '@tauro/database';
import { conflict, invalid, newId, notFound, type Timing } from '@tauro/domain';
import { type mongo } from 'mongoose';
import { setImmediate as breathe } from 'node:timers/promises';
import { ulid } from 'ulid';
import { Clock } from '../clock.js';
import { Collections } from '../collections.js';
import { RunBacklog } from '../run-backlog.js';
import { RunService } from '../run.service.js';
import { activeRunsOf, MOST_ACTIVE } from './backfill-window.js';
import { timingOf } from './schedule-timing.js';
import { ScheduleWakes } from './schedule-wakes.js';
import { SlotRanges, standsFor } from './slot-ranges.js';
import { ORPHAN_MS, SlotRuns, type WantedRun } from './slot-runs.js';

/** Which slots, and how. */
export interface BackfillRequest {
  /** The last so many slots that have passed; or all from `start` to `end`. */
  count?: number;
  start?: Date;
  end?: Date;
  max_concurrency?: number;
  reverse?: boolean;
  rerun?: boolean;
  request_id?: string | null;
}

/** A slot that a backfill would take, and what it would do with it. */
export interface BackfillSlot {
  scheduled_for: Date;
  data_interval_start: Date;
  data_interval_end: Date;
  action: 'run' | 'skip';
  /** The run that it has already. */
  run_id: string | null;
}

type Range = Pick<Backfill, 'start' | 'end'> & { total: number };

/** Most slots of one backfill. */
export const MOST_SLOTS = 100_000;
/** Slots that are decided upon and turned into runs together. */
const CHUNK = 100;
/** Chunks until others have their turn. */
const MOST_CHUNKS = 20;
/** When a backfill is looked at again that waits for its runs, or for room in the queue. */
const LOOK_AGAIN_MS = 10_000;

/**
 * Runs for slots that lie in the past. A backfill goes through its slots in chunks: one guarded write moves its cursor and
 * keeps the chunk until it is carried out, so a crash repeats at most a chunk, and no slot gets two runs. Its runs
 * wait in the queue of runs, as many at once as it allows; no more than a thousand are made ahead.
 */
@Injectable()
export class BackfillService {
  constructor(
    private readonly db: Collections,
    private readonly clock: Clock,
    private readonly slotRuns: SlotRuns,
    private readonly wakes: ScheduleWakes,
    private readonly runs: RunService,
    private readonly backlog: RunBacklog,
    private readonly ranges: SlotRanges,
  ) {}

  /** What a backfill would do; at most so many slots. @throws DomainError as `create` does. */
  async preview(schedule: Schedule, request: BackfillRequest, most: number) {
    const { start, end, total } = await this.rangeOf(schedule, request);
    const slots = timesOf(timingOf(schedule), {
      start,
      end,
      reverse: request.reverse ?? false,
      cursor: null,
    });
    const times: Date[] = [];
    for (const time of slots) if (times.push(time) >= most) break;
    const listed = await this.look(schedule, times, request.rerun ?? false);
    return { start, end, total_slots: total, slots: listed.map(({ slot: _, ...shown }) => shown) };
  }

  /** @throws DomainError VALIDATION_ERROR that names what is wrong with the range. */
  async create(schedule: Schedule, request: BackfillRequest): Promise<Backfill> {
    const { start, end, total } = await this.rangeOf(schedule, request);
    const now = await this.clock.now();
    const backfill: Backfill = {
      _id: newId('bf', now.getTime()),
      schedule_id: schedule._id,
      project_id: schedule.project_id,
      state: 'RUNNING',
      start,
      end,
      max_concurrency: request.max_concurrency ?? schedule.max_concurrency,
      reverse: request.reverse ?? false,
      rerun: request.rerun ?? false,
      progress: {
        total_slots: total,
        created_runs: 0,
        skipped_slots: 0,
        successful_runs: 0,
        failed_runs: 0,
        cancelled_runs: 0,
        failed_slots: 0,
      },
      error: null,
      created_at: now,
      updated_at: now,
      finished_at: null,
      request_id: request.request_id ?? null,
      engine: { cursor: null, done: false, chunk: null, check_at: now },
    };
    await this.db.backfills.insertOne(backfill);
    await this.wakes.wakeBackfill(backfill._id);
    return backfill;
  }

  /** @throws DomainError NOT_FOUND */
  async get(id: string): Promise<Backfill> {
    const backfill = await this.db.backfills.findOne({ _id: id });
    if (!backfill) throw notFound('backfill', id);
    return backfill;
  }

  /** Makes no more runs, and cancels those that have not ended. @throws DomainError CONFLICT when it has ended. */
  async cancel(id: string): Promise<Backfill> {
    const now = await this.clock.now();
    const cancelled = await this.db.backfills.findOneAndUpdate(
      { _id: id, state: 'RUNNING' },
      { $set: { state: 'CANCELLED', finished_at: now, updated_at: now, 'engine.check_at': now } },
      { returnDocument: 'after' },
    );
    if (cancelled) {
      await this.wakes.wakeBackfill(id);
      return cancelled;
    }
    const current = await this.get(id);
    if (current.state === 'CANCELLED') return current;
    throw conflict(`backfill '${id}' is ${current.state} and cannot be cancelled`);
  }

  /** Cancels what schedules that are deleted have under way. */
  async cancelOf(schedules: string[]): Promise<string[]> {
    const cancelled: string[] = [];
    const running = this.db.backfills
      .find({ schedule_id: { $in: schedules }, state: 'RUNNING' })
      .project<{ _id: string }>({ _id: 1 });
    for await (const { _id } of running) {
      await this.cancel(_id).catch(() => undefined);
      cancelled.push(_id);
    }
    return cancelled;
  }

  /** Does what is to be done of a backfill at the moment. Harmless at any time, and by several at once. */
  async advance(id: string): Promise<void> {
    for (let round = 0; round < MOST_CHUNKS; round++) {
      const backfill = await this.db.backfills.findOne({ _id: id });
      if (!backfill) return;
      if (backfill.state !== 'RUNNING') return this.windUp(backfill);
      const schedule = await this.db.schedules.findOne({ _id: backfill.schedule_id });
      if (!schedule) return void (await this.cancel(id));
      const now = await this.clock.now();
      const { chunk, done } = backfill.engine;
      if (chunk && now.getTime() - chunk.at.getTime() < ORPHAN_MS) return this.lookLater(backfill, ORPHAN_MS);
      if (chunk) await this.carryOut(schedule, backfill, chunk, true);
      else if (done) return this.finish(backfill);
      else if (activeRunsOf(backfill.progress) > MOST_ACTIVE - CHUNK || !(await this.hasRoom())) {
        return this.lookLater(backfill, LOOK_AGAIN_MS);
      } else {
        const next = await this.takeChunk(schedule, backfill, now);
        if (next) await this.carryOut(schedule, backfill, next, false);
      }
    }
    await this.wakes.wakeBackfill(id);
  }

  /** Moves the cursor over the next slots. @returns null when somebody else has. */
  private async takeChunk(schedule: Schedule, backfill: Backfill, now: Date): Promise<BackfillChunk | null> {
    const times: Date[] = [];
    const slots = timesOf(timingOf(schedule), { ...backfill, cursor: backfill.engine.cursor });
    for (const time of slots) if (times.push(time) === CHUNK) break;
    const looked = await this.look(schedule, times, backfill.rerun);
    const runs = looked
      .filter(({ action }) => action === 'run')
      .map(({ slot, action: _, ...planned }): WantedRun => ({
        ...planned,
        run_id: newId('run', now.getTime()),
        ...(slot && { was: slot.run_id }),
      }));
    const chunk = { id: ulid(), at: now, runs, skipped: looked.length - runs.length };
    const { _id, engine } = backfill;
    const { matchedCount } = await this.db.backfills.updateOne(
      { _id, state: 'RUNNING', 'engine.cursor': engine.cursor, 'engine.chunk': null },
      {
        $set: {
          'engine.cursor': times.at(-1) ?? engine.cursor,
          'engine.done': times.length < CHUNK,
          'engine.chunk': chunk,
          'engine.check_at': new Date(now.getTime() + ORPHAN_MS),
        },
      },
    );
    return matchedCount === 1 ? chunk : null;
  }

  private async carryOut(
    schedule: Schedule,
    backfill: Backfill,
    chunk: BackfillChunk,
    repeated: boolean,
  ): Promise<void> {
    const { _id, request_id } = backfill;
    const origin = { kind: 'BACKFILL' as const, at: chunk.at, request_id, backfill };
    const outcomes = await this.slotRuns.start(schedule, chunk.runs, origin, repeated);
    const count = (outcome: string): number => outcomes.filter((one) => one === outcome).length;
    const made = chunk.runs.filter((_, i) => outcomes[i] === 'made');
    await this.strikeOff(backfill, chunk, made, {
      'progress.failed_slots': count('failed'),
      'progress.skipped_slots': chunk.skipped + count('taken'),
    });
    // Whoever cancels it finds these runs, or this finds it cancelled.
    const now = await this.db.backfills.findOne({ _id }, { projection: { state: 1 } });
    if (now?.state !== 'RUNNING') for (const { run_id } of chunk.runs) await this.runs.cancelIfActive(run_id);
  }

  /** The chunk is carried out: that is counted here and with the schedule, together and once. */
  private strikeOff(
    { _id, schedule_id }: Backfill,
    { id }: BackfillChunk,
    made: WantedRun[],
    others: Record<string, number> = {},
  ): Promise<void> {
    const update = {
      $set: { 'engine.chunk': null, updated_at: new Date() },
      $inc: { 'progress.created_runs': made.length, ...others },
    } as mongo.UpdateFilter<Backfill>;
    return this.db.transaction(async (session) => {
      const mine = await this.db.backfills.updateOne({ _id, 'engine.chunk.id': id }, update, { session });
      if (mine.matchedCount === 0 || made.length === 0) return;
      const latest = new Date(Math.max(...made.map(({ scheduled_for }) => scheduled_for.getTime())));
      const total = { $inc: { 'statistics.total_runs': made.length }, $max: { last_run_at: latest } };
      await this.db.schedules.updateOne({ _id: schedule_id }, total, { session });
    });
  }

  private async finish(backfill: Backfill): Promise<void> {
    if (activeRunsOf(backfill.progress) > 0) return this.lookLater(backfill, LOOK_AGAIN_MS);
    const { _id, progress } = backfill;
    const failed = progress.failed_runs + progress.failed_slots;
    const error =
      failed > 0 ? `${failed} of ${progress.total_slots} slots failed; see its runs and slots` : null;
    const now = new Date();
    const state = failed > 0 ? 'FAILED' : 'COMPLETED';
    await this.db.backfills.updateOne(
      { _id, state: 'RUNNING', 'engine.chunk': null },
      { $set: { state, error, finished_at: now, updated_at: now }, $unset: { 'engine.check_at': 1 } },
    );
  }

  /** What is left to do for one that was cancelled: no slot of it stays without an end. */
  private async windUp(backfill: Backfill): Promise<void> {
    const { _id, state, engine } = backfill;
    if (state !== 'CANCELLED' || !engine.check_at) return;
    if (engine.chunk) {
      const age = (await this.clock.now()).getTime() - engine.chunk.at.getTime();
      if (age < ORPHAN_MS) return this.lookLater(backfill, ORPHAN_MS);
      await this.giveBack(backfill, engine.chunk);
    }
    const left = this.db.scheduleSlots.find({ backfill_id: _id, state: 'STARTED' }).limit(MOST_ACTIVE);
    const ids = (await left.toArray()).map(({ run_id }) => run_id!);
    for (let i = 0; i < ids.length; i += 20) {
      await Promise.all(ids.slice(i, i + 20).map((id) => this.runs.cancelIfActive(id)));
    }
    if (ids.length > 0) return this.lookLater(backfill, ORPHAN_MS);
    const schedule = await this.db.schedules.findOne(
      { _id: backfill.schedule_id },
      { projection: { _id: 1 } },
    );
    if (!schedule) await this.db.scheduleSlots.deleteMany({ backfill_id: _id });
    await this.db.backfills.updateOne(
      { _id, 'engine.chunk': null },
      { $unset: { 'engine.check_at': 1 }, $set: { updated_at: new Date() } },
    );
  }

  /** Slots of a chunk that nobody carried out before the backfill was cancelled. */
  private async giveBack(backfill: Backfill, chunk: BackfillChunk): Promise<void> {
    const ids = chunk.runs.map(({ run_id }) => run_id);
    const found = await this.db.runs
      .find({ _id: { $in: ids } })
      .project<{ _id: string }>({ _id: 1 })
      .toArray();
    const there = new Set(found.map(({ _id }) => _id));
    const missing = ids.filter((id) => !there.has(id));
    await this.db.scheduleSlots.updateMany(
      { run_id: { $in: missing }, state: 'STARTED' },
      { $set: { state: 'SKIPPED', reason: `${backfill._id} was cancelled`, run_id: null } },
    );
    const made = chunk.runs.filter(({ run_id }) => there.has(run_id));
    await this.strikeOff(backfill, chunk, made);
  }

  private async lookLater({ _id }: Backfill, ms: number): Promise<void> {
    const check_at = new Date((await this.clock.now()).getTime() + ms);
    await this.db.backfills.updateOne(
      { _id, 'engine.check_at': { $exists: true } },
      { $set: { 'engine.check_at': check_at } },
    );
  }

  private async hasRoom(): Promise<boolean> {
    return this.backlog.assertRoom().then(
      () => true,
      () => false,
    );
  }

  /** What is known of these slots, and what is to be done about each. */
  private async look(
    schedule: Schedule,
    times: Date[],
    rerun: boolean,
  ): Promise<(BackfillSlot & { slot?: ScheduleSlot })[]> {
    const timing = timingOf(schedule);
    const [known, around] = await Promise.all([
      this.db.scheduleSlots.find({ schedule_id: schedule._id, scheduled_for: { $in: times } }).toArray(),
      times.length > 0 ? this.ranges.around(schedule._id, times) : [],
    ]);
    const ranges = around.map((range) => ({ range, has: standsFor(timing, range) }));
    const byTime = new Map(known.map((slot) => [slot.scheduled_for.getTime(), slot]));
    return times.map((scheduled_for) => {
      const { start, end } = timing.dataInterval(scheduled_for);
      const slot = byTime.get(scheduled_for.getTime()) ?? ranges.find(({ has }) => has(scheduled_for))?.range;
      const has = slot?.run_id ?? null;
      const free = !slot || (slot.state !== 'STARTED' && (has === null || rerun));
      return {
        scheduled_for,
        data_interval_start: start,
        data_interval_end: end,
        action: free ? 'run' : 'skip',
        run_id: has,
        slot,
      };
    });
  }

  private async rangeOf(schedule: Schedule, { count, start, end }: BackfillRequest): Promise<Range> {
    const timing = timingOf(schedule);
    const now = await this.clock.now();
    const fault = (field: string, message: string) => invalid([{ field, message, type: 'value_error' }]);
    if (count !== undefined && (start ?? end))
      throw fault('count', 'excludes start and end; give one or the other');
    if (count === undefined && !start) throw fault('count', 'is needed, or start and end');
    if (start && start > now)
      throw fault('start', 'is in the future; a backfill is for slots that have passed');
    if (start && end && end < start) throw fault('end', 'is before start');
    const last = end && end < now ? end : now;
    let first: Date | undefined;
    let latest: Date | undefined;
    let total = 0;
    for (const slot of timing.before(new Date(last.getTime() + 1))) {
      if (start && slot < start) break;
      latest ??= slot;
      first = slot;
      if (++total === count) break;
      if (total > MOST_SLOTS) {
        throw fault(
          count ? 'count' : 'start',
          `makes more than ${MOST_SLOTS} slots; do it in several backfills`,
        );
      }
      if (total % 1000 === 0) await breathe();
    }
    if (!first || !latest) {
      const bounds =
        (schedule.start_at ?? schedule.end_at) ? ' (start_at and end_at of the schedule bound them)' : '';
      throw fault(count ? 'count' : 'start', `leaves no slot of the schedule that has passed${bounds}`);
    }
    return { start: first, end: latest, total };
  }
}

/** The slots of a range in the order of the backfill, behind the cursor. */
function timesOf(
  timing: Timing,
  { start, end, reverse, cursor }: Pick<Backfill, 'start' | 'end' | 'reverse'> & { cursor: Date | null },
): Iterable<Date> {
  const before = (date: Date): Date => new Date(date.getTime() - 1);
  return reverse
    ? timing.between(before(start), cursor ? before(cursor) : end, 'descending')
    : timing.between(cursor ?? before(start), end);
}
