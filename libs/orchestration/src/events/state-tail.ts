import { LRUCache } from 'lru-cache';
import { mongo } from 'mongoose';
import { type Collections } from '../collections.js';
import { comparePositions, type Position } from './position.js';

/** A change of the state of a run, or of one of its tasks. */
export interface StateEvent {
  at: Position;
  timestamp: Date;
  type: 'run' | 'task';
  run_id: string;
  project_id: string | null;
  pipeline_id: string | null;
  schedule_id: string | null;
  /** Null on a task that is not known any more, and on the run. */
  task_id: string | null;
  node_id: string | null;
  /** Place among the items of a mapped node. */
  index: number | null;
  /** What it is now; null when the run was deleted. */
  state: string | null;
}

/** How far back a tail begins, for clients that come back after a moment. */
const LOOK_BACK_SECONDS = 300;
const MOST_KEPT = 20_000;
const MOST_REMEMBERED = 20_000;
const HISTORY_LOST = 286;

const HAS_STATE = {
  $or: [{ operationType: 'insert' }, { 'updateDescription.updatedFields.state': { $exists: true } }],
};
const REMOVED = { operationType: 'delete', 'ns.coll': 'pipeline_runs' };
/** The ids of what a run or a task belongs to never change. */
const BELONGS = ['project_id', 'pipeline_id', 'schedule_id', 'run_id', 'node_id', 'index'];

interface Change {
  ns: { coll: string };
  operationType: string;
  clusterTime: mongo.Timestamp;
  wallTime: Date;
  documentKey: { _id: string };
  state?: string;
  fullDocument?: Partial<Owner>;
}
type Owner = Pick<StateEvent, 'project_id' | 'pipeline_id' | 'schedule_id' | 'run_id' | 'node_id' | 'index'>;

/** The newest changes of state in the whole deployment, read from the database once, however many follow them. */
export class StateTail {
  private readonly events: StateEvent[] = [];
  private readonly owners = new LRUCache<string, Partial<Owner>>({ max: MOST_REMEMBERED });
  private readonly waiting = new Set<() => void>();
  private stream?: mongo.ChangeStream<mongo.Document, Change & mongo.ChangeStreamDocument>;
  private followers = 0;
  private opened = Promise.resolve();
  private failure?: Error;
  /** How many events were dropped from the front. */
  private dropped = 0;
  /** What happened since then is known here. */
  beginning: Position = { t: 0, i: 0, n: 0 };

  /** @param withTasks whether changes of tasks are read too, of which there are many. */
  constructor(
    private readonly db: Collections,
    private readonly withTasks: boolean,
    private readonly onIdle: () => void,
  ) {}

  async join(): Promise<void> {
    if (this.followers++ === 0) this.opened = this.open();
    await this.opened;
  }

  leave(): void {
    if (--this.followers > 0) return;
    this.onIdle();
    void this.stream?.close();
  }

  /** The number of the first event that is still kept, and of the next to come. */
  get first(): number {
    return this.dropped;
  }
  get next(): number {
    return this.dropped + this.events.length;
  }

  /** @throws what reading threw. */
  get(number: number): StateEvent | undefined {
    if (this.failure) throw this.failure;
    return this.events[number - this.dropped];
  }

  /** Resolves when there may be more, when the reader leaves, or after a while. */
  async changed(signal: AbortSignal, ms: number): Promise<void> {
    if (signal.aborted || this.failure) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        this.waiting.delete(done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal.addEventListener('abort', done, { once: true });
      this.waiting.add(done);
    });
  }

  private async open(): Promise<void> {
    try {
      const now = await this.db.operationTime();
      const t = now.getHighBitsUnsigned();
      try {
        await this.watch(new mongo.Timestamp({ t: t - LOOK_BACK_SECONDS, i: 0 }));
      } catch (error) {
        if ((error as mongo.MongoServerError).code !== HISTORY_LOST) throw error;
        await this.watch(now);
      }
    } catch (error) {
      this.fail(error);
      throw error;
    }
    void this.read();
  }

  /** @throws when the database does not know any more what happened then. */
  private async watch(startAtOperationTime: mongo.Timestamp): Promise<void> {
    const collections = ['pipeline_runs', ...(this.withTasks ? ['tasks'] : [])];
    const shown = Object.fromEntries(BELONGS.map((field) => [`fullDocument.${field}`, 1]));
    const stream = this.db.watch<Change & mongo.ChangeStreamDocument>(
      [
        { $match: { 'ns.coll': { $in: collections }, $or: [HAS_STATE, REMOVED] } },
        {
          $project: {
            ...{ ns: 1, operationType: 1, clusterTime: 1, wallTime: 1, documentKey: 1, ...shown },
            state: { $ifNull: ['$updateDescription.updatedFields.state', '$fullDocument.state'] },
          },
        },
      ],
      { startAtOperationTime },
    );
    this.stream = stream;
    const { high: t, low: i } = startAtOperationTime;
    this.beginning = { t: t >>> 0, i: i >>> 0, n: 0 };
    // The first look tells whether the time is still known.
    const change = await stream.tryNext();
    if (change) await this.take(change);
  }

  private async read(): Promise<void> {
    try {
      for (;;) await this.take(await this.stream!.next());
    } catch (error) {
      if (this.followers > 0) this.fail(error);
    }
  }

  private async take(change: Change): Promise<void> {
    const { ns, clusterTime, documentKey, fullDocument, wallTime: timestamp, state = null } = change;
    const id = documentKey._id;
    if (fullDocument) this.owners.set(id, fullDocument);
    const isTask = ns.coll === 'tasks';
    const own = this.owners.get(id) ?? (await this.ownerOf(id, isTask));
    const run_id = isTask ? own.run_id : id;
    // A task that is gone with its run.
    if (!run_id) return;
    const run = isTask ? (this.owners.get(run_id) ?? (await this.ownerOf(run_id, false))) : own;
    this.add({
      at: this.following(clusterTime),
      timestamp,
      type: isTask ? 'task' : 'run',
      run_id,
      project_id: run.project_id ?? null,
      pipeline_id: run.pipeline_id ?? null,
      schedule_id: run.schedule_id ?? null,
      task_id: isTask ? id : null,
      node_id: own.node_id ?? null,
      index: own.index ?? null,
      state,
    });
  }

  private async ownerOf(id: string, isTask: boolean): Promise<Partial<Owner>> {
    const projection = Object.fromEntries(BELONGS.map((field) => [field, 1]));
    const collection = (isTask ? this.db.tasks : this.db.runs) as unknown as mongo.Collection<
      Partial<Owner> & { _id: string }
    >;
    const found = (await collection.findOne({ _id: id }, { projection })) ?? {};
    this.owners.set(id, found);
    return found;
  }

  private following(time: mongo.Timestamp): Position {
    const [t, i] = [time.getHighBitsUnsigned(), time.getLowBitsUnsigned()];
    const last = this.events.at(-1)?.at;
    return { t, i, n: last?.t === t && last.i === i ? last.n + 1 : 0 };
  }

  private add(event: StateEvent): void {
    this.events.push(event);
    // In large steps, because the front of a list is slow to remove.
    if (this.events.length > MOST_KEPT * 1.2) {
      const gone = this.events.splice(0, this.events.length - MOST_KEPT);
      this.dropped += gone.length;
      this.beginning = gone.at(-1)!.at;
    }
    this.tell();
  }

  private fail(error: unknown): void {
    this.failure = error as Error;
    this.onIdle();
    void this.stream?.close();
    this.tell();
  }

  private tell(): void {
    for (const done of [...this.waiting]) done();
  }
}

/** Whether an event is one that a reader who has seen everything up to `after` has not. */
export const isAfter = (event: StateEvent, after: Position): boolean => comparePositions(event.at, after) > 0;
