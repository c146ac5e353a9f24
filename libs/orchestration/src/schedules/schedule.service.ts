import { Injectable } from '@nestjs/common';
import { type Decision, type PlannedRun, type Project, type Run, type Schedule } from '@tauro/database';
import {
  conflict,
  DomainError,
  type JsonObject,
  newId,
  notFound,
  type PassedSlot,
  type SealedSecret,
  skippedSlots,
} from '@tauro/domain';
import { type mongo } from 'mongoose';
import { ulid } from 'ulid';
import { Batches } from '../batches.js';
import { Clock } from '../clock.js';
import { Collections, joinedFind } from '../collections.js';
import { RunCreation } from '../run-creation.service.js';
import { RunAdmission } from '../slots/run-admission.js';
import { assertAll } from '../together.js';
import { BackfillService } from './backfill.service.js';
import { dueOf, plannedRun } from './due-of.js';
import { dueAt, timingOf } from './schedule-timing.js';
import { ScheduleWakes } from './schedule-wakes.js';
import { ORPHAN_MS, SlotRuns } from './slot-runs.js';

/** What a schedule is created with; its defaults are filled in. */
export type NewSchedule = Omit<
  Schedule,
  '_id' | 'created_at' | 'updated_at' | 'revision' | 'next_run_at' | 'last_run_at' | 'statistics' | 'engine'
> & {
  /** Of the webhooks in its `config.notifications`. */
  webhook_secrets: SealedSecret[];
};

/** What can be changed. */
export type ScheduleChanges = Partial<Omit<NewSchedule, 'project_id' | 'request_id'>>;

/** Changes to these move its slots. */
const TIMING = ['kind', 'expression', 'timezone', 'start_at', 'end_at'] as const;
const MAX_TRIES = 20;

/** The life of a schedule as its owner steers it. What happens at its slots is in Ticker. */
@Injectable()
export class ScheduleService {
  private readonly projects: Batches<string, Project | null>;
  private readonly inserts = new Batches<Schedule, void>(async (schedules) => {
    await this.db.schedules.insertMany(schedules, { ordered: false });
    return schedules.map(() => undefined);
  });

  constructor(
    private readonly db: Collections,
    private readonly clock: Clock,
    private readonly wakes: ScheduleWakes,
    private readonly slotRuns: SlotRuns,
    private readonly creation: RunCreation,
    private readonly backfills: BackfillService,
    private readonly admission: RunAdmission,
  ) {
    this.projects = joinedFind(() => this.db.projects);
  }

  /**
   * Stores schedules, all or none; their alarms follow. @throws DomainError VALIDATION_ERROR for a timing without slots,
   * NOT_FOUND for a project that is deleted meanwhile.
   */
  async create(wanted: NewSchedule[]): Promise<Schedule[]> {
    const now = await this.clock.now();
    const schedules = wanted.map(({ webhook_secrets, ...one }): Schedule => {
      const schedule: Schedule = {
        ...one,
        _id: newId('sched', now.getTime()),
        next_run_at: null,
        last_run_at: null,
        statistics: { total_runs: 0, successful_runs: 0, failed_runs: 0, cancelled_runs: 0 },
        created_at: now,
        updated_at: now,
        revision: 1,
        engine: {
          cursor: now,
          anchor: now,
          enabled_at: now,
          disabled_at: null,
          webhook_secrets,
          decisions: [],
        },
      };
      return { ...schedule, ...planned(schedule, now) };
    });
    const [only, ...others] = schedules;
    if (only && others.length === 0) await this.inserts.ask(only);
    else {
      await this.db.transaction(async (session) => {
        await this.db.schedules.insertMany(schedules, { session });
      });
    }
    await this.assertProjects(schedules);
    await Promise.all(schedules.map((schedule) => this.wakes.followSoon(schedule)));
    return schedules;
  }

  /** @throws DomainError NOT_FOUND */
  async get(id: string): Promise<Schedule> {
    const schedule = await this.db.schedules.findOne({ _id: id });
    if (!schedule) throw notFound('schedule', id);
    return schedule;
  }

  /**
   * Changes a schedule; its alarm follows. A new timing counts from now on: what has come up by the old one and was not
   * taken yet is decided upon in the same write, by the rules that held. It starts nothing itself: workers do. @param expected the revision the caller has seen. @throws DomainError PRECONDITION_FAILED, VALIDATION_ERROR
   */
  async update(id: string, changes: ScheduleChanges, expected?: number): Promise<Schedule> {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const before = await this.get(id);
      if (expected !== undefined && before.revision !== expected) {
        throw new DomainError(
          'PRECONDITION_FAILED',
          'It has changed since: If-Match does not match its current ETag',
        );
      }
      const now = await this.clock.now();
      const update = updateOf(before, changes, now);
      const after = await this.db.schedules.findOneAndUpdate(
        { _id: id, revision: before.revision, 'engine.cursor': before.engine.cursor },
        update,
        { returnDocument: 'after' },
      );
      if (!after) continue;
      await this.wakes.follow(after);
      if (after.max_concurrency > before.max_concurrency)
        await this.admission.makeRoom({ kind: 'schedule', id });
      // What passed meanwhile is decided upon at once, not at the next slot; so is what a new jitter makes due.
      if (after.enabled && movesSlots(before, changes)) await this.wakes.wake(id);
      return after;
    }
    throw conflict(`schedule '${id}' is being changed by others; try again`);
  }

  /** Enables or disables; harmless to repeat. */
  async enable(id: string, enabled: boolean): Promise<Schedule> {
    const schedule = await this.get(id);
    return schedule.enabled === enabled ? schedule : this.update(id, { enabled });
  }

  /** Enables or disables all or none. @throws DomainError NOT_FOUND with the places of the ids that are absent. */
  async enableAll(ids: string[], enabled: boolean): Promise<Schedule[]> {
    let changed: Schedule[] = [];
    await this.db.transaction(async (session) => {
      // Whoever changes one between this look and the writes makes the transaction begin anew.
      changed = (await this.found(ids, session)).filter((one) => one.enabled !== enabled);
      if (changed.length === 0) return;
      const at = await this.clock.now();
      await this.db.schedules.bulkWrite(
        changed.map((one) => ({
          updateOne: {
            filter: { _id: one._id, revision: one.revision, 'engine.cursor': one.engine.cursor },
            update: updateOf(one, { enabled }, at),
          },
        })),
        { session },
      );
    });
    const after = await this.found(ids);
    const moved = new Set(changed.map(({ _id }) => _id));
    const follow = after.filter(({ _id }) => moved.has(_id));
    await Promise.all(follow.map((one) => this.wakes.followSoon(one)));
    if (enabled) await Promise.all(follow.map(({ _id }) => this.wakes.wake(_id)));
    return after;
  }

  /** Removes all or none, as `remove` does. @throws DomainError NOT_FOUND with the places of the ids that are absent. */
  async removeAll(ids: string[]): Promise<void> {
    await this.db.transaction(async (session) => {
      await this.found(ids, session);
      await this.db.schedules.deleteMany({ _id: { $in: ids } }, { session });
    });
    await Promise.all(ids.map((id) => this.wakes.forget(id)));
    await this.forgetSlots(ids);
  }

  /** In the order of their ids. */
  private async found(ids: string[], session?: mongo.ClientSession): Promise<Schedule[]> {
    const found = await this.db.schedules.find({ _id: { $in: ids } }, { session }).toArray();
    const byId = new Map(found.map((one) => [one._id, one]));
    assertAll(ids, (id) => (byId.has(id) ? undefined : notFound('schedule', id)));
    return ids.map((id) => byId.get(id)!);
  }

  /** Removes it with the record of its slots, and cancels its backfills; its runs stay. */
  async remove(id: string): Promise<void> {
    const { deletedCount } = await this.db.schedules.deleteOne({ _id: id });
    if (deletedCount === 0) throw notFound('schedule', id);
    await this.wakes.forget(id);
    await this.forgetSlots([id]);
  }

  /** Slots of a backfill that is under way are needed until its runs have ended; it removes them itself. */
  private async forgetSlots(schedule_ids: string[]): Promise<void> {
    const cancelled = await this.backfills.cancelOf(schedule_ids);
    await this.db.scheduleSlots.deleteMany({
      schedule_id: { $in: schedule_ids },
      backfill_id: { $nin: cancelled },
    });
  }

  /** Removes all of these projects. */
  async removeOf(project_ids: string[]): Promise<void> {
    const ids = this.db.schedules
      .find({ project_id: { $in: project_ids } })
      .project<{ _id: string }>({ _id: 1 });
    for await (const { _id } of ids) await this.remove(_id).catch(ignoreAbsent);
  }

  /**
   * A run at once, whatever is due and whether it is enabled. @param params over those of the schedule.
   * @throws DomainError NOT_FOUND when it or its pipeline is gone, VALIDATION_ERROR for params that do not fit; nothing
   * is written then.
   */
  async trigger(id: string, params?: JsonObject, request_id?: string | null): Promise<Run> {
    const schedule = await this.get(id);
    const { project_id, pipeline_id } = schedule;
    await this.creation.accept({ project_id, pipeline_id, params: { ...schedule.params, ...params } });
    for (let at = await this.clock.now(), tries = 1; ; tries++) {
      at = ownMoment(schedule, at);
      const run = await this.runAt(schedule, at, params, request_id);
      if (run) return run;
      // Somebody else has that moment: another call, or a slot of an earlier timing.
      if (tries === MOST_MOMENTS)
        throw conflict(`schedule '${id}' is triggered too often at this moment; try again`);
      at = new Date(at.getTime() + 1 + Math.floor(Math.random() * 8 * tries));
    }
  }

  /** @returns null when the moment is taken. @throws DomainError when no run can be made. */
  private async runAt(
    schedule: Schedule,
    at: Date,
    params?: JsonObject,
    request_id?: string | null,
  ): Promise<Run | null> {
    const { _id: id } = schedule;
    const run_id = newId('run', at.getTime());
    const decision: Decision = {
      id: ulid(),
      kind: 'MANUAL',
      at,
      runs: [
        {
          run_id,
          scheduled_for: at,
          data_interval_start: timingOf(schedule).previous(at) ?? at,
          data_interval_end: at,
        },
      ],
      skips: [],
      replaces: 0,
      params,
      request_id,
    };
    const { matchedCount } = await this.db.schedules.updateOne({ _id: id }, {
      $push: { 'engine.decisions': decision },
      $min: { 'engine.check_at': new Date(at.getTime() + ORPHAN_MS) },
    } as mongo.UpdateFilter<Schedule>);
    if (matchedCount === 0) throw notFound('schedule', id);
    await this.slotRuns.carryOut(schedule, decision, false);
    const run = await this.db.runs.findOne({ _id: run_id });
    if (run) return run;
    const slot = await this.db.scheduleSlots.findOne({ schedule_id: id, scheduled_for: at });
    if (slot?.state === 'FAILED') throw conflict(slot.reason ?? `no run could be made`);
    return null;
  }

  /** Looked at last: whoever deletes a project finds its schedules, or this finds the project gone. */
  private async assertProjects(schedules: Schedule[]): Promise<void> {
    const wanted = [...new Set(schedules.map(({ project_id }) => project_id))];
    const found = await Promise.all(wanted.map((id) => this.projects.ask(id)));
    const gone = wanted.find((_, i) => !found[i]);
    if (!gone) return;
    await this.db.schedules.deleteMany({ _id: { $in: schedules.map(({ _id }) => _id) } });
    throw notFound('project', gone);
  }
}

/** Moments that a trigger tries, when others are triggered in the same milliseconds. */
const MOST_MOMENTS = 100;

/** The first millisecond from `at` on that is no slot: a run by hand must not stand in the place of a scheduled one. */
function ownMoment(schedule: Schedule, at: Date): Date {
  const timing = timingOf(schedule);
  let own = at;
  while (timing.next(new Date(own.getTime() - 1))?.getTime() === own.getTime()) {
    own = new Date(own.getTime() + 1);
  }
  return own;
}

function ignoreAbsent(error: unknown): void {
  if (!(error instanceof DomainError && error.code === 'NOT_FOUND')) throw error;
}

/** When it is due next, and when somebody should look whether that came about. */
function planned(schedule: Schedule, now: Date): Pick<Schedule, 'next_run_at' | 'engine'> {
  const timing = timingOf(schedule);
  const next_run_at = schedule.enabled ? timing.next(now) : null;
  const { check_at: _, ...engine } = schedule.engine;
  const check_at = next_run_at && new Date(dueAt(schedule, next_run_at).getTime() + ORPHAN_MS);
  return { next_run_at, engine: { ...engine, ...(check_at && { check_at }) } };
}

/** Which of these fields say something else than they did. */
const differing = (before: Schedule, changes: ScheduleChanges, fields: readonly (keyof ScheduleChanges)[]) =>
  fields.filter(
    (field) =>
      changes[field] !== undefined &&
      JSON.stringify(changes[field]) !== JSON.stringify(before[field as keyof Schedule]),
  );

const movesSlots = (before: Schedule, changes: ScheduleChanges): boolean =>
  differing(before, changes, ['enabled', 'jitter_seconds', ...TIMING]).length > 0;

function updateOf(
  before: Schedule,
  { webhook_secrets: secrets, ...changes }: ScheduleChanges,
  now: Date,
): mongo.UpdateFilter<Schedule> {
  const set = { ...changes, updated_at: now, ...(secrets && { 'engine.webhook_secrets': secrets }) };
  if (!movesSlots(before, changes)) return { $set: set, $inc: { revision: 1 } };
  const enables = changes.enabled === true && !before.enabled;
  const disables = changes.enabled === false && before.enabled;
  const retimed = differing(before, changes, TIMING).length > 0;
  const last = retimed && before.enabled ? lastDecision(before, now) : null;
  const next = planned({ ...before, ...changes }, now);
  const left = before.engine.decisions.length > 0 || last !== null || (next.next_run_at && !retimed);
  const check_at = left ? new Date(now.getTime() + ORPHAN_MS) : next.engine.check_at;
  return {
    $set: {
      ...set,
      next_run_at: next.next_run_at,
      // Of the new slots those that have passed by now were never promised.
      ...(retimed && { 'engine.cursor': now }),
      ...(enables && { 'engine.enabled_at': now }),
      ...(disables && { 'engine.disabled_at': now }),
      ...(check_at && { 'engine.check_at': check_at }),
    },
    ...(!check_at && { $unset: { 'engine.check_at': 1 } }),
    ...(last && { $push: { 'engine.decisions': last } }),
    $inc: { revision: 1 },
  } as mongo.UpdateFilter<Schedule>;
}

/** Most runs that a new timing leaves to be made; there are more only of a long outage without `coalesce`. */
const MOST_LEFT = 1000;

/**
 * What becomes of the slots that a new timing leaves behind; null when there are none. Those that wait for their jitter
 * are among them: a slot is promised from its moment on. All wait their turn, like runs that are made up for.
 */
function lastDecision(before: Schedule, now: Date): Decision | null {
  const slots = timingOf(before);
  const runs: PlannedRun[] = [];
  const skips: PassedSlot[] = [];
  let { cursor } = before.engine;
  while (cursor < now && runs.length < MOST_LEFT) {
    const due = dueOf(before, slots, cursor, now);
    runs.push(...due.runs.map((slot) => plannedRun(slot, now)));
    skips.push(...due.skips);
    cursor = due.cursor;
  }
  skips.push(...skippedSlots(slots, cursor, now, 'the schedule was changed before it was taken'));
  if (runs.length + skips.length === 0) return null;
  return { id: ulid(), kind: 'SCHEDULED', at: now, runs, skips, replaces: 0 };
}
