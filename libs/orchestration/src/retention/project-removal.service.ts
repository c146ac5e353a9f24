import { Injectable } from '@nestjs/common';
import { ACTIVE_RUN_STATES, conflict, DomainError, notFound } from '@tauro/domain';
import { type mongo } from 'mongoose';
import { Collections } from '../collections.js';
import { RunService } from '../run.service.js';
import { ScheduleService } from '../schedules/schedule.service.js';
import { assertAll } from '../together.js';
import { TriggerService } from '../triggers/trigger.service.js';

/** When a removal is gone through again, should nobody have come to its end. */
const AGAIN_MS = 60_000;
/** A project that is not complete by then never will be. */
const TRIAL_MS = 600_000;

/**
 * Removes projects with their schedules, triggers, stored pipelines and notifications, and cancels what runs in them;
 * finished runs stay until retention takes them. Without the project nobody can create anything in it any more, so what
 * is found after that is all there is. A note that is stored with its going lets the retention finish what a crash
 * leaves behind; everything may be done twice and by several processes at once.
 */
@Injectable()
export class ProjectRemovalService {
  constructor(
    private readonly db: Collections,
    private readonly runs: RunService,
    private readonly schedules: ScheduleService,
    private readonly triggers: TriggerService,
  ) {}

  /** @param force cancels and stops what is active instead of refusing. @throws DomainError NOT_FOUND, CONFLICT */
  async remove(id: string, force: boolean): Promise<void> {
    await this.take([id], force, (refusals) => {
      const refusal = refusals.get(id);
      if (refusal) throw refusal;
    });
    await this.finishAll([id]);
  }

  /** The same for all of them, or none. @throws DomainError with the places of those that are refused. */
  async removeTogether(ids: string[], force: boolean): Promise<void> {
    await this.take(ids, force, (refusals) => assertAll(ids, (id) => refusals.get(id)));
    await this.finishAll(ids);
  }

  /**
   * For a project that is made piece by piece: should its maker die before `keep`, or fail and say `undo`, what there is
   * of it is removed.
   */
  async onTrial(id: string): Promise<{ keep: () => Promise<void>; undo: () => Promise<void> }> {
    const created_at = await this.db.now();
    const check_at = new Date(created_at.getTime() + TRIAL_MS);
    await this.db.projectRemovals.insertOne({ _id: id, created_at, check_at });
    return {
      keep: async () => {
        // With another time, somebody has taken it for dead, and is removing it.
        const { deletedCount } = await this.db.projectRemovals.deleteOne({ _id: id, check_at });
        if (deletedCount === 0)
          throw new DomainError('SERVICE_UNAVAILABLE', 'Making the project took too long; it was removed');
      },
      undo: () => this.finishAll([id]),
    };
  }

  /** Goes through removals again that are due. @param limit at most so many at once. @returns how many were closed. */
  async finish(now: Date, limit: number): Promise<number> {
    const due = { check_at: { $lte: now } };
    const found = await this.db.projectRemovals.find(due).sort({ check_at: 1 }).limit(limit).toArray();
    if (found.length === 0) return 0;
    const ids = found.map(({ _id }) => _id);
    // Another replica has this long to itself what it takes up; should it die, the next one repeats it.
    const check_at = new Date(now.getTime() + AGAIN_MS);
    await this.db.projectRemovals.updateMany({ _id: { $in: ids }, ...due }, { $set: { check_at } });
    await this.finishAll(ids);
    return ids.length;
  }

  private async take(
    ids: string[],
    force: boolean,
    settle: (refusals: Map<string, DomainError>) => void,
  ): Promise<void> {
    const created_at = await this.db.now();
    const check_at = new Date(created_at.getTime() + AGAIN_MS);
    await this.db.transaction(async (session) => {
      settle(await this.refusals(ids, force, session));
      await this.db.projectRemovals.insertMany(
        ids.map((_id) => ({ _id, created_at, check_at })),
        { session },
      );
      await this.db.projects.deleteMany({ _id: { $in: ids } }, { session });
    });
  }

  private async refusals(
    ids: string[],
    force: boolean,
    session: mongo.ClientSession,
  ): Promise<Map<string, DomainError>> {
    const these = { _id: { $in: ids } };
    const there = await this.db.projects
      .find(these, { session })
      .project<{ _id: string }>({ _id: 1 })
      .toArray();
    const known = new Set(there.map(({ _id }) => _id));
    const refusals = new Map(ids.filter((id) => !known.has(id)).map((id) => [id, notFound('project', id)]));
    if (force) return refusals;
    const firstOf = (filter: object): object[] => [
      { $match: { project_id: { $in: ids }, ...filter } },
      { $group: { _id: '$project_id', one: { $first: '$_id' }, state: { $first: '$state' } } },
    ];
    const refuse = ({ _id: id }: Owned, has: string): void => {
      if (!refusals.has(id)) refusals.set(id, conflict(`project '${id}' has ${has}`));
    };
    const active = firstOf({ state: { $in: ACTIVE_RUN_STATES } });
    for await (const owned of this.db.runs.aggregate<Owned>(active, { session })) {
      refuse(owned, `an active run, '${owned.one}' (${owned.state}); use force=true to cancel it`);
    }
    const enabled = firstOf({ enabled: true });
    for await (const owned of this.db.schedules.aggregate<Owned>(enabled, { session })) {
      refuse(owned, `an enabled schedule, '${owned.one}'; use force=true to delete it too`);
    }
    for await (const owned of this.db.triggers.aggregate<Owned>(enabled, { session })) {
      refuse(owned, `an enabled trigger, '${owned.one}'; use force=true to delete it too`);
    }
    return refusals;
  }

  /** Nothing of them is left then, whether they were deleted or never came to be. */
  private async finishAll(ids: string[]): Promise<void> {
    const theirs = { project_id: { $in: ids } };
    await this.db.projects.deleteMany({ _id: { $in: ids } });
    await this.schedules.removeOf(ids);
    await this.triggers.removeOf(ids);
    const active = this.db.runs
      .find({ ...theirs, state: { $in: ACTIVE_RUN_STATES } })
      .project<{ _id: string }>({ _id: 1 });
    for await (const { _id } of active) await this.runs.cancelIfActive(_id);
    await this.db.pipelines.deleteMany(theirs);
    // Their versions stay: runs are pinned to them.
    await this.db.configs.deleteMany(theirs);
    await this.db.configPromotions.deleteMany(theirs);
    await this.db.connections.deleteMany(theirs);
    await this.db.secrets.deleteMany(theirs);
    await this.db.variables.deleteMany(theirs);
    await this.db.notifications.deleteMany(theirs);
    await this.db.datasets.deleteMany(theirs);
    await this.db.marks.deleteMany(theirs);
    await this.db.projectRemovals.deleteMany({ _id: { $in: ids } });
  }
}

/** The first thing of a project that keeps it from being deleted. */
interface Owned {
  /** The project's. */
  _id: string;
  one: string;
  state?: string;
}
