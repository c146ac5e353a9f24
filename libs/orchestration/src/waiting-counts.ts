import { Injectable } from '@nestjs/common';
import { type Run, type Task } from '@tauro/database';
import { type TaskState } from '@tauro/domain';
import { Env } from '@tauro/platform';
import { Collections } from './collections.js';
import { PinnedVersions } from './pinned-versions.js';
import { SlotReasons } from './slots/slot-reasons.js';
import { whyTaskWaits, type WaitingFor } from './waiting-reason.js';
import { WorkerRegistry } from './worker-registry.js';

/** What keeps a started run that has not begun, or that does not go on. */
export type RunWaitsFor = 'limit' | 'worker' | 'paused';

/** How many runs and tasks wait, by what they wait for. */
export interface WaitingCounts {
  runs: Map<RunWaitsFor, number>;
  tasks: Map<WaitingFor, number>;
}

/** Tasks of so many runs that are under way are looked at, the oldest first. */
const MAX_RUNS = 1000;
/** How far runs are counted. */
const MAX_COUNTED = 100_000;
const ASLEEP: TaskState[] = ['QUEUED', 'RETRYING', 'WAITING'];

type Group = Pick<Task, 'run_id' | 'node_id' | 'state' | 'sub_run_id' | 'engine'> & { count: number };

/**
 * What waits for what, for those who watch the whole. Tasks of one node that wait in the same way are counted as one
 * group, whose reason is found as for a single task; what waits for nodes before it (PENDING) is not counted.
 */
@Injectable()
export class WaitingCounter {
  constructor(
    private readonly db: Collections,
    private readonly env: Env,
    private readonly versions: PinnedVersions,
    private readonly workers: WorkerRegistry,
    private readonly slots: SlotReasons,
  ) {}

  async count(): Promise<WaitingCounts> {
    const [runs, tasks] = await Promise.all([this.countRuns(), this.countTasks()]);
    return { runs, tasks };
  }

  private async countRuns(): Promise<Map<RunWaitsFor, number>> {
    const admitted = await this.admitted();
    const count = (filter: object): Promise<number> =>
      this.db.runs.countDocuments(filter, { limit: MAX_COUNTED });
    const [queued, limited, paused] = await Promise.all([
      count({ state: 'QUEUED' }),
      count({ state: 'QUEUED', 'engine.rank': { $exists: true }, _id: { $nin: admitted } }),
      count({ state: 'PAUSED' }),
    ]);
    return new Map([
      ['limit', limited],
      ['worker', Math.max(0, queued - limited)],
      ['paused', paused],
    ]);
  }

  /** Runs that hold the slot they queue for last: of the deployment where it has a limit, else of their pipeline. */
  private async admitted(): Promise<string[]> {
    const deployment = this.env.MAX_CONCURRENT_RUNS > 0;
    const limits = await this.db.limits
      .find(deployment ? { _id: 'runs' } : {})
      .limit(MAX_RUNS)
      .project<{ ids?: string[] }>({ ids: '$engine.limit.holders.id' })
      .toArray();
    return limits.flatMap(({ ids }) => ids ?? []);
  }

  private async countTasks(): Promise<Map<WaitingFor, number>> {
    const runs = await this.db.runs
      .find({ state: { $in: ['RUNNING', 'PAUSED', 'QUEUED'] } })
      .sort({ state: -1, created_at: 1 })
      .limit(MAX_RUNS)
      .project<Pick<Run, '_id' | 'state' | 'cancel_requested_at' | 'engine'>>({
        state: 1,
        cancel_requested_at: 1,
        engine: 1,
      })
      .toArray();
    const byId = new Map(runs.map((run) => [run._id, run]));
    const groups = await this.groups([...byId.keys()]);
    const [workers, limits] = await Promise.all([this.workers.live(), this.slots.ofTasks(groups)]);
    const counts = new Map<WaitingFor, number>();
    for (const group of groups) {
      const run = byId.get(group.run_id)!;
      const { graph } = await this.versions.get(run.engine.version_id);
      const task = { ...group, index: null, attempt: 0, max_attempts: 0, error: null };
      const why = whyTaskWaits(task, { run, graph, workers, limits, states: new Map() });
      if (why) counts.set(why.waits_for, (counts.get(why.waits_for) ?? 0) + group.count);
    }
    return counts;
  }

  private groups(runIds: string[]): Promise<Group[]> {
    return this.db.tasks
      .aggregate<Group>([
        { $match: { run_id: { $in: runIds }, state: { $in: ASLEEP } } },
        {
          $group: {
            _id: {
              run_id: '$run_id',
              node_id: '$node_id',
              state: '$state',
              parked: { $eq: ['$engine.dispatch', null] },
              postponed: { $gt: ['$engine.postponed', null] },
            },
            count: { $sum: 1 },
            sub_run_id: { $first: '$sub_run_id' },
            engine: { $first: '$engine' },
          },
        },
        { $replaceWith: { $mergeObjects: ['$$ROOT', '$_id'] } },
      ])
      .toArray();
  }
}
