import { Injectable } from '@nestjs/common';
import { type Run, type RunLogChunk, type Task } from '@tauro/database';
import { runStatesBefore } from '@tauro/domain';
import { type mongo } from 'mongoose';
import { Batches } from './batches.js';
import {
  Collections,
  DUPLICATE_KEY,
  DURABLE,
  FAST,
  MUST_MATCH,
  NO_MATCH,
  type OrderedWrite,
  tolerateDuplicates,
} from './collections.js';
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
  /** The last lines of its log, where they are known already; with marks they are not stored here. */
  lastLines?: RunLogChunk;
}

/** What became of a `RunEnding`. */
export interface RunEnded {
  /** Whether it is this write that ended the run. */
  ended: boolean;
  /** Marks that somebody else has moved since they were read, so that they stay. */
  stayed: NodeMark[];
  /** Whether the last lines of its log are stored too. */
  closed: boolean;
}

/** A run that is to be stored. */
export interface Birth {
  run: Run;
  tasks: Task[];
  /** Of the log of one that starts at once. */
  firstLine?: RunLogChunk;
}

/** The tasks of a run that has more are stored by themselves. */
const MOST_JOINED = 100;

/** Where a run begins and where it ends. Concurrent runs of a process share the round trips. */
@Injectable()
export class RunStore {
  private readonly births = new Batches<Birth, boolean>(
    (births) => this.bearAll(births),
    undefined,
    () => this.db.epoch,
  );
  private readonly loads = new Batches<string, { run: Run; tasks: EndedTask[] } | null>((ids) =>
    this.loadAll(ids),
  );
  private readonly ends = new Batches<RunEnding, Pick<RunEnded, 'ended' | 'closed'>>(
    (endings) => this.endAll(endings),
    undefined,
    () => this.db.epoch,
  );

  constructor(
    private readonly db: Collections,
    private readonly marks: SourceMarks,
  ) {}

  /**
   * Stores a run and what belongs to it. The tasks and the first line of its log come first: a run that exists has all of
   * its tasks, so whoever finds one may start it. The run's own majority write makes the tasks durable too, because they
   * stand before it in the oplog. Its project is looked at last: whoever deletes that finds the run, or this finds
   * the project gone.
   * @param repeated whether it may have been stored before; then nothing changes.
   * @returns whether the project is there; if not, nothing of the run is left.
   */
  async insert(birth: Birth, repeated = false): Promise<boolean> {
    const [there] = await this.insertInOrder([birth], repeated);
    return there!;
  }

  /** The same for several: none is there before those in front of it. */
  async insertInOrder(births: Birth[], repeated = false): Promise<boolean[]> {
    const there: boolean[] = [];
    if (repeated) for (const birth of births) there.push(await this.insertAgain(birth));
    else there.push(...(await this.insertNew(births)));
    for (const [i, { run }] of births.entries()) if (!there[i]) await this.undo(run);
    return there;
  }

  private async insertAgain({ run, tasks, firstLine }: Birth): Promise<boolean> {
    const { epoch } = this.db;
    await Promise.all([
      tolerateDuplicates(this.db.tasks.insertMany(tasks, { ordered: false, ...FAST })),
      firstLine && tolerateDuplicates(this.db.logs.insertOne(firstLine, FAST)),
    ]);
    this.db.assertEpoch(epoch);
    await tolerateDuplicates(this.db.runs.insertOne(run));
    return this.hasProject(run);
  }

  private async insertNew(births: Birth[]): Promise<boolean[]> {
    const { epoch } = this.db;
    const isBig = ({ tasks }: Birth): boolean => tasks.length > MOST_JOINED;
    const big = births.filter(isBig);
    if (big.length > 0) {
      await Promise.all(big.map(({ tasks }) => this.db.tasks.insertMany(tasks, { ordered: false, ...FAST })));
      this.db.assertEpoch(epoch);
    }
    // They are sent in the order in which they are asked for.
    return Promise.all(
      births.map((birth) => this.births.ask(isBig(birth) ? { ...birth, tasks: [] } : birth)),
    );
  }

  /** One request for all: what must stand before the runs, the runs, and a look at each project. */
  private async bearAll(births: Birth[]): Promise<boolean[]> {
    const projects = [...new Set(births.map(({ run }) => run.project_id))];
    const inserts: OrderedWrite[] = [
      ...births.flatMap(({ tasks }) => tasks.map((task) => inserting(this.db.tasks, task))),
      ...births.flatMap(({ firstLine }) => (firstLine ? [inserting(this.db.logs, firstLine)] : [])),
      ...births.map(({ run }) => inserting(this.db.runs, run)),
    ];
    const looks = projects.map((_id): OrderedWrite => ({
      name: 'updateOne',
      namespace: this.db.projects.namespace,
      filter: { _id },
      // Changes nothing where it finds the project, and fails where it does not.
      update: { $setOnInsert: MUST_MATCH.onInsert },
      upsert: MUST_MATCH.upsert,
    }));
    const { failed } = await this.db.inOrder([...inserts, ...looks], DURABLE);
    if (!failed) return births.map(() => true);
    if (failed.code !== NO_MATCH) throw failed.error;
    return Promise.all(births.map(({ run }) => this.hasProject(run)));
  }

  private async hasProject({ project_id }: Run): Promise<boolean> {
    return (await this.db.projects.findOne({ _id: project_id }, { projection: { _id: 1 } })) !== null;
  }

  private async undo({ _id }: Run): Promise<void> {
    await this.db.runs.deleteOne({ _id });
    await this.db.tasks.deleteMany({ run_id: _id });
    await this.db.logs.deleteMany({ run_id: _id });
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
    return { ...(await this.ends.ask(ending)), stayed: [] };
  }

  /** Whoever sees the run SUCCESS sees its marks, and a crash leaves both or none. */
  private async endWithMarks(ending: RunEnding): Promise<RunEnded> {
    const { filter, update } = terminal(ending);
    let became: RunEnded = { ended: false, stayed: [], closed: false };
    await this.db.transaction(async (session) => {
      const { matchedCount } = await this.db.runs.updateOne(filter, update, { session });
      const ended = matchedCount === 1;
      const stayed = ended ? await this.marks.move(ending.run, ending.marks, session) : [];
      became = { ended, stayed, closed: false };
    });
    return became;
  }

  private async loadAll(ids: string[]): Promise<({ run: Run; tasks: EndedTask[] } | null)[]> {
    const $in = [...new Set(ids)];
    const tasks = [
      { $match: { run_id: { $in } } },
      {
        $project: {
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
        },
      },
    ];
    // The runs first: their tasks may then be newer than they, never older.
    const found = this.db.runs.aggregate<Run | EndedTask>([
      { $match: { _id: { $in } } },
      { $unionWith: { coll: this.db.tasks.collectionName, pipeline: tasks } },
    ]);
    const byId = new Map<string, { run: Run; tasks: EndedTask[] }>();
    for await (const one of found) {
      if ('run_id' in one) byId.get(one.run_id)?.tasks.push(one);
      else byId.set(one._id, { run: one, tasks: [] });
    }
    return ids.map((id) => byId.get(id) ?? null);
  }

  /** Each end and the last lines of its log in one request. A write that is refused is the last of it, so others are sent again. */
  private async endAll(endings: RunEnding[]): Promise<Pick<RunEnded, 'ended' | 'closed'>[]> {
    const became = new Map(endings.map((ending) => [ending, { ended: false, closed: false }]));
    let left = endings.flatMap((ending) => this.stepsOf(ending));
    while (left.length > 0) {
      const { failed } = await this.db.inOrder(
        left.map(({ write }) => write),
        DURABLE,
      );
      for (const { ending, makes } of left.splice(0, failed?.at ?? left.length)) {
        became.get(ending)![makes] = true;
      }
      const refused = left[0];
      if (!failed || !refused) break;
      if (failed.code !== refused.refusal) throw failed.error;
      left = left.filter(({ ending }) => ending !== refused.ending);
    }
    return endings.map((ending) => became.get(ending)!);
  }

  private stepsOf(ending: RunEnding): EndStep[] {
    const { filter, update } = terminal(ending);
    const end: OrderedWrite = {
      name: 'updateOne',
      namespace: this.db.runs.namespace,
      filter,
      update: { ...update, $setOnInsert: MUST_MATCH.onInsert },
      upsert: MUST_MATCH.upsert,
    };
    const steps: EndStep[] = [{ ending, makes: 'ended', write: end, refusal: NO_MATCH }];
    if (ending.lastLines) {
      const write = inserting(this.db.logs, ending.lastLines);
      steps.push({ ending, makes: 'closed', write, refusal: DUPLICATE_KEY });
    }
    return steps;
  }
}

/** A write of an ending. */
interface EndStep {
  ending: RunEnding;
  makes: 'ended' | 'closed';
  write: OrderedWrite;
  /** The code of the error when it is refused for a reason that is known. */
  refusal: number;
}

/** The guarded write that makes a run terminal. */
const terminal = ({ run: { _id, cancel_requested_at }, set }: RunEnding) => ({
  filter: { _id, state: { $in: runStatesBefore(set.state) }, cancel_requested_at },
  update: {
    $set: set,
    $unset: { 'engine.limit': 1, 'engine.expire_at': 1, 'engine.sla_at': 1 },
  } as mongo.UpdateFilter<Run>,
});

const inserting = <T extends Run | Task | RunLogChunk>(
  { namespace }: mongo.Collection<T>,
  document: T,
): OrderedWrite => ({ name: 'insertOne', namespace, document }) as OrderedWrite;
