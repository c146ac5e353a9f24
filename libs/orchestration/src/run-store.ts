import { Injectable } from '@nestjs/common';
import { type Run, type Task } from '@tauro/database';
import { runStatesBefore } from '@tauro/domain';
import { type mongo } from 'mongoose';
import { Batches } from './batches.js';
import { Collections, FAST, tolerateDuplicates } from './collections.js';
import { type NodeMark } from './marks/moved-marks.js';
import { SourceMarks } from './marks/source-marks.js';

/** What is read of a run's tasks to find out how it ends. */
export type EndedTask = Pick<
  Task,
  'run_id' | 'node_id' | 'index' | 'state' | 'error' | 'finished_at' | 'metrics' | 'engine'
>;

/** The terminal write of a run. */
export interface RunEnding {
  /** As `load` gave it, in this epoch. */
  run: Run;
  epoch: number;
  set: Pick<Run, 'state' | 'finished_at'> & Record<string, unknown>;
  /** Marks of sources that move with it, or not at all. */
  marks: readonly NodeMark[];
}

/** What became of a `RunEnding`. */
export interface RunEnded {
  /** Whether it is this write that ended the run. */
  ended: boolean;
  /** Marks that somebody else has moved since they were read, so that they stay. */
  stayed: NodeMark[];
}

/** The tasks of a run that has more are stored by themselves. */
const MOST_JOINED = 100;

/** Where a run begins and where it ends. Concurrent runs of a process share the round trips. */
@Injectable()
export class RunStore {
  private readonly taskInserts = new Batches<Task[], void>(async (all) => {
    await this.db.tasks.insertMany(all.flat(), { ordered: false, ...FAST });
    return all.map(() => undefined);
  });
  private readonly runInserts = new Batches<Run, void>(
    async (runs) => {
      await this.db.runs.insertMany(runs, { ordered: false });
      return runs.map(() => undefined);
    },
    undefined,
    () => this.db.epoch,
  );
  private readonly loads = new Batches<string, { run: Run; tasks: EndedTask[] } | null>((ids) =>
    this.loadAll(ids),
  );
  private readonly ends = new Batches<RunEnding, boolean>(
    (endings) => this.endAll(endings),
    undefined,
    () => this.db.epoch,
  );

  constructor(
    private readonly db: Collections,
    private readonly marks: SourceMarks,
  ) {}

  /**
   * The tasks come first: a run that exists has all of its tasks, so whoever finds one may start it. The run's
   * own majority write makes the tasks durable too, because they stand before it in the oplog.
   * @param options.repeated whether it may have been stored before; then nothing changes.
   * @param options.beside is done together with the tasks, before the run exists.
   */
  async insert(
    run: Run,
    tasks: Task[],
    { repeated = false, beside }: { repeated?: boolean; beside?: () => Promise<void> } = {},
  ): Promise<void> {
    const { epoch } = this.db;
    if (repeated) {
      await Promise.all([
        tolerateDuplicates(this.db.tasks.insertMany(tasks, { ordered: false, ...FAST })),
        beside?.(),
      ]);
      this.db.assertEpoch(epoch);
      await tolerateDuplicates(this.db.runs.insertOne(run));
      return;
    }
    const storing =
      tasks.length <= MOST_JOINED
        ? this.taskInserts.ask(tasks)
        : this.db.tasks.insertMany(tasks, { ordered: false, ...FAST });
    await Promise.all([storing, beside?.()]);
    this.db.assertEpoch(epoch);
    await this.runInserts.ask(run);
  }

  /** A run and what its end depends on; null when there is none. */
  load(runId: string): Promise<{ run: Run; tasks: EndedTask[] } | null> {
    return this.loads.ask(runId);
  }

  /**
   * Makes a run terminal, unless it is already, or a cancel came since it was read: that changes the answer, so it is
   * part of the guard. @throws Error when the database was interrupted since.
   */
  async end(ending: RunEnding): Promise<RunEnded> {
    this.db.assertEpoch(ending.epoch);
    if (ending.marks.length > 0) return this.endWithMarks(ending);
    return { ended: await this.ends.ask(ending), stayed: [] };
  }

  /** Whoever sees the run SUCCESS sees its marks, and a crash leaves both or none. */
  private async endWithMarks(ending: RunEnding): Promise<RunEnded> {
    const { filter, update } = terminal(ending);
    let became: RunEnded = { ended: false, stayed: [] };
    await this.db.transaction(async (session) => {
      const { matchedCount } = await this.db.runs.updateOne(filter, update, { session });
      const ended = matchedCount === 1;
      became = { ended, stayed: ended ? await this.marks.move(ending.run, ending.marks, session) : [] };
    });
    return became;
  }

  private async loadAll(ids: string[]): Promise<({ run: Run; tasks: EndedTask[] } | null)[]> {
    const $in = [...new Set(ids)];
    // The run first: its tasks may then be newer than it, never older.
    const runs = await this.db.runs.find({ _id: { $in } }).toArray();
    const tasks = await this.db.tasks
      .find({ run_id: { $in } })
      .project<EndedTask>({
        run_id: 1,
        node_id: 1,
        index: 1,
        state: 1,
        error: 1,
        finished_at: 1,
        metrics: 1,
        'engine.failures': 1,
        // Whether there are any; most have none.
        'engine.datasets.access': 1,
        'engine.mark': 1,
      })
      .toArray();
    const byRun = new Map<string, EndedTask[]>(runs.map(({ _id }) => [_id, []]));
    for (const task of tasks) byRun.get(task.run_id)?.push(task);
    const byId = new Map(runs.map((run) => [run._id, { run, tasks: byRun.get(run._id)! }]));
    return ids.map((id) => byId.get(id) ?? null);
  }

  private async endAll(endings: RunEnding[]): Promise<boolean[]> {
    const { matchedCount } = await this.db.runs.bulkWrite(
      endings.map((ending) => ({ updateOne: terminal(ending) })),
      { ordered: false },
    );
    if (matchedCount === endings.length) return endings.map(() => true);
    if (matchedCount === 0) return endings.map(() => false);
    // Who was refused is told by the ends of the others; what follows an end may be done twice.
    const ended = await this.db.runs
      .find({ _id: { $in: endings.map(({ run }) => run._id) } })
      .project<Pick<Run, '_id' | 'state' | 'finished_at'>>({ state: 1, finished_at: 1 })
      .toArray();
    const byId = new Map(ended.map((run) => [run._id, run]));
    return endings.map(({ run, set }) => {
      const now = byId.get(run._id);
      return now?.state === set.state && now.finished_at?.getTime() === set.finished_at?.getTime();
    });
  }
}

/** The guarded write that makes a run terminal. */
const terminal = ({ run: { _id, cancel_requested_at }, set }: RunEnding) => ({
  filter: { _id, state: { $in: runStatesBefore(set.state) }, cancel_requested_at },
  update: {
    $set: set,
    $unset: { 'engine.limit': 1, 'engine.expire_at': 1, 'engine.sla_at': 1 },
  } as mongo.UpdateFilter<Run>,
});
