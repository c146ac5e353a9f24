import { Injectable } from '@nestjs/common';
import { type Schedule, type Slots } from '@tauro/database';
import { ACTIVE_RUN_STATES } from '@tauro/domain';
import { type mongo } from 'mongoose';
import { Batches } from '../batches.js';
import { Collections, DUPLICATE_KEY, FAST } from '../collections.js';
import { limitKey, type LimitRef, limitsRuns } from './limit-ref.js';
import { expectUpdate, QUEUED, slotUpdate, startUpdate, type Want } from './slot-update.js';

/** A document that has slots. */
interface Limited extends mongo.Document {
  _id: string;
  slots?: number;
  rate_limit?: { tasks: number; per_seconds: number } | null;
  engine: { limit?: Slots; max_parallelism?: number | null };
}

/** Slots of one limit as they are. */
export interface SlotState extends Slots {
  capacity?: number;
  rate_limit?: { tasks: number; per_seconds: number } | null;
}

interface Change {
  gives: string[];
  wants: Want[];
  inTurn: boolean;
}
interface Result {
  held: ReadonlySet<string>;
  queued: boolean;
}

/** Two processes may make the document of a limit at once; the second time it exists. */
async function onceMore<T>(write: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await write();
    } catch (error) {
      if ((error as { code?: number }).code !== DUPLICATE_KEY || tries > 3) throw error;
    }
  }
}

/**
 * Who holds the slots of a limit: leases in one document per limit, changed by one guarded write, so that no two
 * processes can both take the last one. Changes of one limit that come up while a write is under way go together
 * with the next one.
 */
@Injectable()
export class SlotTable {
  private readonly changes = new Map<string, Batches<Change, Result>>();
  private readonly mosts = new Batches<string, number | null>((ids) => this.readMosts(ids));

  constructor(private readonly db: Collections) {}

  /**
   * Takes slots, in the order given. @param inTurn for those at the head of the queue; others get nothing while
   * there is one. @returns the ids that hold theirs now.
   */
  async take(ref: LimitRef, wants: Want[], inTurn = false): Promise<ReadonlySet<string>> {
    if (wants.length === 0) return new Set();
    return (await this.change(ref, { gives: [], wants, inTurn })).held;
  }

  /** Gives slots back; harmless to repeat. @returns whether somebody may be waiting for them. */
  async give(ref: LimitRef, ids: string[]): Promise<boolean> {
    return (await this.change(ref, { gives: ids, wants: [], inTurn: false })).queued;
  }

  /** The slots at this moment, by the key of the limit; absent when the limit has no document. */
  async read(refs: LimitRef[]): Promise<Map<string, SlotState>> {
    const states = new Map<string, SlotState>();
    // A schedule says itself how many, wherever its slots are.
    const schedules = refs.filter(({ kind }) => kind === 'schedule');
    await Promise.all(
      schedules.map(async (ref) => {
        const capacity = (await this.mosts.ask(ref.id)) ?? undefined;
        states.set(limitKey(ref), { holders: [], refused: 0, settled: 0, capacity });
      }),
    );
    await Promise.all(
      (['deployment', 'pipeline', 'schedule', 'backfill', 'run', 'pool'] as const).map(async (kind) => {
        const wanted = refs.filter((ref) => ref.kind === kind);
        if (wanted.length === 0) return;
        const name = kind === 'pool' ? 'name' : '_id';
        const found = await this.collection(kind)
          .find({ [name]: { $in: wanted.map((ref) => this.name(ref)) } } as mongo.Filter<Limited>)
          .project<Limited & { name?: string }>({
            name: 1,
            slots: 1,
            rate_limit: 1,
            'engine.limit': 1,
            'engine.max_parallelism': 1,
          })
          .toArray();
        for (const doc of found) {
          const ref = wanted.find((one) => this.name(one) === (kind === 'pool' ? doc.name : doc._id))!;
          states.set(limitKey(ref), {
            holders: [],
            refused: 0,
            settled: 0,
            ...states.get(limitKey(ref)),
            ...doc.engine?.limit,
            ...(kind === 'pool' && { capacity: doc.slots, rate_limit: doc.rate_limit }),
            ...(kind === 'run' && { capacity: doc.engine.max_parallelism ?? undefined }),
          });
        }
      }),
    );
    return states;
  }

  /** Nobody waited after so many refusals: newcomers need not queue. */
  async settle(ref: LimitRef, refused: number): Promise<void> {
    const update = { $max: { 'engine.limit.settled': refused } } as mongo.UpdateFilter<Limited>;
    await this.collection(ref.kind).updateOne(this.filter(ref), update, FAST);
  }

  /** Somebody waits, or is about to, who was not refused by the limit itself, so its next free slot must look for him. */
  async expect(ref: LimitRef): Promise<void> {
    const options = { ...FAST, upsert: limitsRuns(ref.kind) };
    await onceMore(() => this.collection(ref.kind).updateOne(this.filter(ref), expectUpdate(), options));
  }

  /**
   * Notes that a holder has started, where the pool limits how many may per time.
   * @returns the seconds after which another may for that, if somebody may be waiting; else null.
   */
  async started(pool: string, id: string): Promise<number | null> {
    const after = await this.db.pools.findOneAndUpdate(
      { name: pool, rate_limit: { $ne: null } },
      startUpdate(id),
      { ...FAST, returnDocument: 'after', projection: { rate_limit: 1, queued: QUEUED } },
    );
    return after && (after as unknown as { queued: boolean }).queued ? after.rate_limit!.per_seconds : null;
  }

  /** Takes a slot away from one who is not alive, unless it is another slot by now. */
  async drop(ref: LimitRef, id: string, since: Date): Promise<void> {
    const update = {
      $pull: { 'engine.limit.holders': { id, since } },
    } as unknown as mongo.UpdateFilter<Limited>;
    await this.collection(ref.kind).updateOne(this.filter(ref), update, FAST);
  }

  /** Nobody holds a slot: the limit need not be looked at until somebody does. */
  async rest(ref: LimitRef): Promise<void> {
    const idle = {
      ...this.filter(ref),
      'engine.limit.holders': [],
      $expr: { $not: [QUEUED] },
    } as mongo.Filter<Limited>;
    if (limitsRuns(ref.kind)) await this.db.limits.deleteOne(idle as object, FAST);
    else await this.collection(ref.kind).updateOne(idle, { $unset: { 'engine.limit.check_at': 1 } }, FAST);
  }

  private async change(ref: LimitRef, change: Change): Promise<Result> {
    const key = limitKey(ref);
    let batches = this.changes.get(key);
    if (!batches) {
      batches = new Batches(async (changes) => {
        const result = await this.write(ref, changes);
        return changes.map(() => result);
      });
      this.changes.set(key, batches);
    }
    try {
      return await batches.ask(change);
    } finally {
      // A process does not remember every limit it ever touched.
      if (batches.idle && this.changes.get(key) === batches) this.changes.delete(key);
    }
  }

  private async write(ref: LimitRef, changes: Change[]): Promise<Result> {
    const gives = changes.flatMap((change) => change.gives);
    const inOrder = [...changes].sort((a, b) => Number(b.inTurn) - Number(a.inTurn));
    const asked = inOrder.flatMap(({ wants: all, inTurn }) => all.map((want) => ({ ...want, inTurn })));
    const most = ref.kind === 'schedule' && asked.length > 0 ? await this.mosts.ask(ref.id) : null;
    const wants = most === null ? asked : asked.map((want) => ({ ...want, capacity: most }));
    // A limit without a document of its own gets one with its first slot; a run that has ended gives none.
    const own = limitsRuns(ref.kind);
    const filter = {
      ...this.filter(ref),
      ...(ref.kind === 'run' && wants.length > 0 && { state: { $in: ACTIVE_RUN_STATES } }),
    };
    const after = await onceMore(() =>
      this.collection(ref.kind).findOneAndUpdate(filter, slotUpdate(ref, gives, wants), {
        ...FAST,
        upsert: own && wants.length > 0,
        returnDocument: 'after',
        projection: {
          held: {
            $setIntersection: [
              { $ifNull: ['$engine.limit.holders.id', []] },
              wants.map(({ id }) => ({ $literal: id })),
            ],
          },
          queued: QUEUED,
        },
      }),
    );
    const { held = [], queued = false } = (after ?? {}) as { held?: string[]; queued?: boolean };
    return { held: new Set(held), queued };
  }

  /** What a schedule says at this moment, by whatever run it is asked; null when it is gone. */
  private async readMosts(ids: string[]): Promise<(number | null)[]> {
    const found = await this.db.schedules
      .find({ _id: { $in: [...new Set(ids)] } })
      .project<Pick<Schedule, '_id' | 'max_concurrency'>>({ max_concurrency: 1 })
      .toArray();
    const byId = new Map(found.map(({ _id, max_concurrency }) => [_id, max_concurrency]));
    return ids.map((id) => byId.get(id) ?? null);
  }

  private filter(ref: LimitRef): mongo.Filter<Limited> {
    return { [ref.kind === 'pool' ? 'name' : '_id']: this.name(ref) } as mongo.Filter<Limited>;
  }

  private name(ref: LimitRef): string {
    if (ref.kind === 'deployment') return 'runs';
    return limitsRuns(ref.kind) ? limitKey(ref) : ref.id;
  }

  private collection(kind: LimitRef['kind']): mongo.Collection<Limited> {
    const { pools, runs, limits } = this.db;
    return (kind === 'pool' ? pools : kind === 'run' ? runs : limits) as unknown as mongo.Collection<Limited>;
  }
}
