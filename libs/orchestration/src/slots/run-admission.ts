import { Injectable, Logger } from '@nestjs/common';
import { type Run } from '@tauro/database';
import { ACTIVE_RUN_STATES } from '@tauro/domain';
import { Env } from '@tauro/platform';
import { type mongo } from 'mongoose';
import { Collections } from '../collections.js';
import { admittedRuns } from './admission-count.js';
import { type Bound, type BoundBy, limitKey, type LimitRef } from './limit-ref.js';
import { rankOf, rankUpdate } from './rank.js';
import { SlotTable } from './slot-table.js';
import { Turnstile } from './turnstile.js';

type Admissible = Pick<Run, '_id' | 'pipeline_id' | 'parent_run_id' | 'engine'>;
type BoundRun = Bound & { run: Run };

const isGroup = ({ kind }: LimitRef): boolean => kind === 'schedule' || kind === 'backfill';
const DEPLOYMENT: LimitRef = { kind: 'deployment', id: '' };
/** Those who do not wait for the turn of their group. */
const BEYOND = { 'engine.group.beyond': true as const };

/**
 * How many runs are under way at once: `MAX_CONCURRENT_RUNS` in the deployment, `max_active_runs` of a pipeline,
 * `max_concurrency` of a schedule, or of a backfill. A run that was started is QUEUED until it is admitted; it keeps its
 * slots until it has ended, also while it is paused. A sub-run rides on the slots of the run that made it.
 */
@Injectable()
export class RunAdmission {
  private readonly logger = new Logger(RunAdmission.name);
  private readonly turnstile: Turnstile<BoundRun>;
  private begin: (run: Run) => Promise<void> = () => Promise.resolve();

  constructor(
    private readonly db: Collections,
    private readonly env: Env,
    private readonly table: SlotTable,
  ) {
    this.turnstile = new Turnstile(table, {
      waiting: (ref, { holders }, full, max) =>
        this.waiting(
          ref,
          holders.map(({ id }) => id),
          full,
          max,
        ),
      beyond: (ref) => this.beyond(ref),
      admit: (these) => this.admit(these),
      later: () => Promise.resolve(),
    });
  }

  /** What is done with a run whose turn has come. */
  onTurn(begin: (run: Run) => Promise<void>): void {
    this.begin = begin;
  }

  /** What the start of a run sets its rank to, in an update; none when no limit applies to it. */
  rank(since: Date): object {
    const has = (field: string): object => ({ $ne: [{ $ifNull: [field, null] }, null] });
    const own = { $eq: [{ $ifNull: ['$parent_run_id', null] }, null] };
    const limited = { $or: [this.limited, has('$engine.max_active_runs'), has('$engine.group')] };
    return { $cond: [{ $and: [own, limited] }, rankUpdate(since, '$priority'), '$$REMOVE'] };
  }

  /** The same for a run that is not stored yet; a limit applies to it. */
  rankOf({ priority }: Pick<Run, 'priority'>, since: Date): Date {
    return rankOf(since, priority);
  }

  /** Whether a run that was started may begin now; if not, it begins when it is its turn. Harmless to repeat. */
  async enter(run: Run): Promise<boolean> {
    const limits = this.limitsOf(run);
    if (limits.length === 0) return true;
    const [admitted] = await this.turnstile.enter([{ id: run._id, limits, run }]);
    if (admitted) admittedRuns.inc();
    return admitted !== undefined;
  }

  /**
   * Several runs of one group are about to be stored in the order of their turns: should nobody let them in afterwards, whoever
   * looks at one of them looks at the queue. `fill` is due once they are there.
   * @returns the limit that they queue at.
   */
  async expect(run: Run): Promise<LimitRef[]> {
    const limits = this.limitsOf(run);
    const group = limits.find(({ ref, beyond }) => isGroup(ref) && !beyond);
    if (group) await this.table.expect(group.ref);
    return limits.slice(-1).map(({ ref }) => ref);
  }

  /** Gives back the slots of a run that has ended, and lets in the next. Harmless to repeat. */
  async leave(run: Admissible): Promise<void> {
    const limits = this.limitsOf(run);
    if (limits.length > 0) await this.fill(await this.turnstile.leave([{ id: run._id, limits }]));
  }

  /** Lets in whoever may, at these limits. */
  fill(refs: LimitRef[]): Promise<void> {
    return this.turnstile.fillAll(refs);
  }

  /** The same for whoever has made room, and is done with that: should it fail, the reconciler looks. */
  async makeRoom(ref: LimitRef): Promise<void> {
    await this.fill([ref]).catch((error: Error) => {
      this.logger.warn(`${limitKey(ref)}: nobody let in, the reconciler will: ${error.message}`);
    });
  }

  /** Every limit the run needs a slot of; the last is the one it queues at: never a group whose turn it does not wait for. */
  limitsOf(run: Admissible): Bound['limits'] {
    if (run.parent_run_id) return [];
    const { max_active_runs: most, group } = run.engine;
    const pipeline: BoundBy[] = most
      ? [{ ref: { kind: 'pipeline', id: run.pipeline_id }, weight: 1, capacity: most }]
      : [];
    const own: BoundBy[] = group
      ? [{ ref: { kind: group.kind, id: group.id }, weight: 1, capacity: group.max, beyond: group.beyond }]
      : [];
    return [
      ...(group?.beyond ? [...own, ...pipeline] : [...pipeline, ...own]),
      ...(this.limited ? [{ ref: DEPLOYMENT, weight: 1, capacity: this.env.MAX_CONCURRENT_RUNS }] : []),
    ];
  }

  private get limited(): boolean {
    return this.env.MAX_CONCURRENT_RUNS > 0;
  }

  /** Runs stand in the deployment's queue, else in that of their group, else in that of their pipeline. */
  private async beyond(ref: LimitRef): Promise<LimitRef[]> {
    if (ref.kind === 'deployment') return [];
    if (this.limited) return (await this.isWanted(ref)) ? [DEPLOYMENT] : [];
    if (ref.kind !== 'pipeline') return [];
    const groups = await this.db.runs
      .aggregate<{ _id: Pick<NonNullable<Run['engine']['group']>, 'kind' | 'id'> }>([
        {
          $match: {
            state: 'QUEUED',
            'engine.rank': { $exists: true },
            pipeline_id: ref.id,
            'engine.group': { $exists: true },
          },
        },
        { $group: { _id: { kind: '$engine.group.kind', id: '$engine.group.id' } } },
        { $limit: 1000 },
      ])
      .toArray();
    return groups.map(({ _id }) => _id);
  }

  /** Whether a run in the deployment's queue needs this limit, too. */
  private async isWanted({ kind, id }: LimitRef): Promise<boolean> {
    const needs = kind === 'pipeline' ? { pipeline_id: id } : { 'engine.group.id': id };
    const queued = { state: 'QUEUED' as const, 'engine.rank': { $exists: true }, ...needs };
    const one = await this.db.runs.findOne(queued, { projection: { _id: 1 } });
    return one !== null;
  }

  private async waiting(
    ref: LimitRef,
    holders: string[],
    full: readonly LimitRef[],
    max: number,
  ): Promise<BoundRun[]> {
    if (ref.kind !== 'deployment' && this.limited) return [];
    const of = (kind: LimitRef['kind']): string[] =>
      full.filter((one) => one.kind === kind).map(({ id }) => id);
    const groups = [...of('schedule'), ...of('backfill')];
    const here: mongo.Filter<Run> =
      ref.kind === 'pipeline'
        ? { pipeline_id: ref.id, $or: [{ 'engine.group': { $exists: false } }, BEYOND] }
        : ref.kind === 'deployment'
          ? { $or: [{ 'engine.group.id': { $nin: groups } }, BEYOND] }
          : { 'engine.group.id': ref.id, 'engine.group.beyond': { $exists: false } };
    const runs = await this.db.runs
      .find({
        state: 'QUEUED',
        'engine.rank': { $exists: true },
        cancel_requested_at: null,
        _id: { $nin: holders },
        ...(ref.kind !== 'pipeline' && { pipeline_id: { $nin: of('pipeline') } }),
        ...here,
      })
      .sort({ 'engine.rank': 1, _id: 1 })
      .limit(max)
      .toArray();
    return runs.map((run) => ({ id: run._id, limits: this.limitsOf(run), run }));
  }

  private async admit(these: BoundRun[]): Promise<void> {
    const ids = these.map(({ id }) => id);
    const found = await this.db.runs.find({ _id: { $in: ids }, state: { $in: ACTIVE_RUN_STATES } }).toArray();
    const byId = new Map(found.map((run) => [run._id, run]));
    const active = ids.flatMap((id) => byId.get(id) ?? []);
    // One that was cancelled since has left already, without the slots it has just got.
    for (const { id, limits } of these) {
      if (byId.has(id)) continue;
      await Promise.all(limits.map(({ ref }) => this.table.give(ref, [id])));
    }
    await Promise.all(
      active.map((run) => {
        admittedRuns.inc();
        return this.begin(run).catch((error: Error) => {
          this.logger.warn(`${run._id}: not begun, the reconciler will: ${error.message}`);
        });
      }),
    );
  }
}
