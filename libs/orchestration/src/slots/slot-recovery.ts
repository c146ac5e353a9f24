import { Injectable, Logger } from '@nestjs/common';
import { ACTIVE_RUN_STATES } from '@tauro/domain';
import { type mongo } from 'mongoose';
import { Collections, FAST } from '../collections.js';
import { limitKey, type LimitRef, limitsRuns, type RunLimitKind } from './limit-ref.js';
import { RunAdmission } from './run-admission.js';
import { SlotTable } from './slot-table.js';
import { TaskSlots } from './task-slots.js';

/** Between two looks at a limit with holders; also how long one replica keeps it to itself. */
const CHECK_MS = 10_000;
/** A slot younger than this may belong to somebody who is just going in. */
const GRACE_MS = 5000;
const BATCH = 200;

interface Named {
  _id: string;
  name?: string;
}

/**
 * Compares who holds slots with who is alive: what a crash, a lost write or a deletion left behind is given back,
 * and whoever was not told of a free slot is let in.
 */
@Injectable()
export class SlotRecovery {
  private readonly logger = new Logger(SlotRecovery.name);

  constructor(
    private readonly db: Collections,
    private readonly table: SlotTable,
    private readonly runs: RunAdmission,
    private readonly tasks: TaskSlots,
  ) {}

  /** One look at every limit that is due. @param now by the database's clock. */
  async sweep(now: Date): Promise<void> {
    for (const ref of await this.due(now)) {
      try {
        await this.recover(ref, now);
      } catch (error) {
        this.logger.warn(`${limitKey(ref)}: put off: ${(error as Error).message}`);
      }
    }
  }

  /** Frees leaked slots of one limit and lets in who waits. */
  async recover(ref: LimitRef, now: Date): Promise<void> {
    const key = limitKey(ref);
    const state = (await this.table.read([ref])).get(key);
    if (!state) return;
    const old = state.holders.filter(({ since }) => since.getTime() < now.getTime() - GRACE_MS);
    const live = await this.live(
      ref,
      old.map(({ id }) => id),
    );
    const dead = old.filter(({ id }) => !live.has(id));
    for (const { id, since } of dead) {
      this.logger.warn(`${key}: the slot of ${id} was not given back; it is free now`);
      await this.table.drop(ref, id, since);
    }
    if (dead.length > 0 || state.refused > state.settled) {
      await (limitsRuns(ref.kind) ? this.runs : this.tasks).fill([ref]);
    }
    if (state.holders.length === 0) await this.table.rest(ref);
  }

  private async due(now: Date): Promise<LimitRef[]> {
    const due = { 'engine.limit.check_at': { $lte: now } };
    const until = { $set: { 'engine.limit.check_at': new Date(now.getTime() + CHECK_MS) } };
    const find = async (stored: object, ref: (doc: Named) => LimitRef): Promise<LimitRef[]> => {
      const from = stored as mongo.Collection<Named>;
      const found = await from.find(due).project<Named>({ name: 1 }).limit(BATCH).toArray();
      if (found.length > 0) {
        await from.updateMany({ _id: { $in: found.map(({ _id }) => _id) }, ...due }, until, FAST);
      }
      return found.map(ref);
    };
    const all = await Promise.all([
      find(this.db.limits, ({ _id }) => refOf(_id)),
      find(this.db.runs, ({ _id }) => ({ kind: 'run', id: _id })),
      find(this.db.pools, ({ name }) => ({ kind: 'pool', id: name! })),
    ]);
    return all.flat();
  }

  /** Which of these holders may still need their slots. */
  private async live(ref: LimitRef, ids: string[]): Promise<ReadonlySet<string>> {
    if (ids.length === 0) return new Set();
    const of = { _id: { $in: ids } };
    const found = limitsRuns(ref.kind)
      ? await this.db.runs
          .find({ ...of, state: { $in: ACTIVE_RUN_STATES.filter((state) => state !== 'PENDING') } })
          .project<{ _id: string }>({ _id: 1 })
          .toArray()
      : await this.db.tasks
          .find({
            ...of,
            $or: [{ state: 'RUNNING' }, { state: 'QUEUED', 'engine.dispatch': { $ne: null } }],
          })
          .project<{ _id: string }>({ _id: 1 })
          .toArray();
    return new Set(found.map(({ _id }) => _id));
  }
}

/** The limit that a document's id names: see `limitKey`. */
function refOf(id: string): LimitRef {
  const [kind, of] = id.split(':');
  return of === undefined ? { kind: 'deployment', id: '' } : { kind: kind as RunLimitKind, id: of };
}
