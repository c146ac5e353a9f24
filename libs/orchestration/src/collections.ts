import { Injectable } from '@nestjs/common';
import { InjectConnection } from '@nestjs/mongoose';
import {
  type AuditEntry,
  type Backfill,
  type Config,
  type ConfigPromotion,
  type ConfigVersion,
  type Connection,
  type Dataset,
  type IdempotencyKey,
  type Limit,
  type NodeCacheEntry,
  type Notification,
  type Pipeline,
  type PipelineVersion,
  type Pool,
  type Project,
  type ProjectRemoval,
  type QualityResult,
  type Run,
  type RunCount,
  type RunLogChunk,
  type RunRemoval,
  type Schedule,
  type ScheduleSlot,
  type Secret,
  type SourceMark,
  type Task,
  type Trigger,
  type TriggerEvent,
  type Variable,
  type WorkerRecord,
} from '@tauro/database';
import { type Connection as DatabaseConnection, type mongo } from 'mongoose';
import { Batches } from './batches.js';

/**
 * The driver's collections, typed by the schema classes. The engine's writes are guarded updates whose exact
 * filter and shape are the point; a document layer between would only cast and cost.
 */
@Injectable()
export class Collections {
  private epochs = 0;

  constructor(@InjectConnection() private readonly connection: DatabaseConnection) {
    // Emitted when a connection broke or the server is no longer the primary.
    connection.getClient().on('connectionPoolCleared', () => this.epochs++);
  }

  /**
   * Grows whenever the primary may have been replaced or restarted, and so may have forgotten writes that it had
   * acknowledged without a majority (`FAST`). What was concluded from them must not be written afterwards.
   */
  get epoch(): number {
    return this.epochs;
  }

  /** @throws Error when something was read or learnt in an earlier epoch; the caller begins anew. */
  assertEpoch(epoch: number): void {
    if (epoch !== this.epochs)
      throw new Error('the database was interrupted; what was read may have been undone');
  }

  get projects(): mongo.Collection<Project> {
    return this.of('projects');
  }
  get projectRemovals(): mongo.Collection<ProjectRemoval> {
    return this.of('project_removals');
  }
  get idempotencyKeys(): mongo.Collection<IdempotencyKey> {
    return this.of('idempotency_keys');
  }
  get configs(): mongo.Collection<Config> {
    return this.of('configs');
  }
  get configVersions(): mongo.Collection<ConfigVersion> {
    return this.of('config_versions');
  }
  get configPromotions(): mongo.Collection<ConfigPromotion> {
    return this.of('config_promotions');
  }
  get pipelines(): mongo.Collection<Pipeline> {
    return this.of('pipelines');
  }
  get versions(): mongo.Collection<PipelineVersion> {
    return this.of('pipeline_versions');
  }
  get runs(): mongo.Collection<Run> {
    return this.of('pipeline_runs');
  }
  get runCounts(): mongo.Collection<RunCount> {
    return this.of('run_counts');
  }
  get tasks(): mongo.Collection<Task> {
    return this.of('tasks');
  }
  get limits(): mongo.Collection<Limit> {
    return this.of('limits');
  }
  get pools(): mongo.Collection<Pool> {
    return this.of('pools');
  }
  get schedules(): mongo.Collection<Schedule> {
    return this.of('schedules');
  }
  get backfills(): mongo.Collection<Backfill> {
    return this.of('backfills');
  }
  get scheduleSlots(): mongo.Collection<ScheduleSlot> {
    return this.of('schedule_slots');
  }
  get variables(): mongo.Collection<Variable> {
    return this.of('variables');
  }
  get audit(): mongo.Collection<AuditEntry> {
    return this.of('audit');
  }
  get connections(): mongo.Collection<Connection> {
    return this.of('connections');
  }

  get secrets(): mongo.Collection<Secret> {
    return this.of('secrets');
  }
  get triggers(): mongo.Collection<Trigger> {
    return this.of('triggers');
  }
  get triggerEvents(): mongo.Collection<TriggerEvent> {
    return this.of('trigger_events');
  }
  get logs(): mongo.Collection<RunLogChunk> {
    return this.of('run_logs');
  }
  get quality(): mongo.Collection<QualityResult> {
    return this.of('quality_results');
  }
  get removals(): mongo.Collection<RunRemoval> {
    return this.of('run_removals');
  }
  get datasets(): mongo.Collection<Dataset> {
    return this.of('datasets');
  }
  get marks(): mongo.Collection<SourceMark> {
    return this.of('source_marks');
  }
  get cache(): mongo.Collection<NodeCacheEntry> {
    return this.of('node_cache');
  }
  get notifications(): mongo.Collection<Notification> {
    return this.of('notifications');
  }
  get workers(): mongo.Collection<WorkerRecord> {
    return this.of('workers');
  }

  /**
   * Writes to several collections in one round trip, one after the other; the first that fails is the last, and what came
   * before it stands. A write that must find what it changes is one that fails otherwise: see `MUST_MATCH`.
   * @param how they are acknowledged, and whether it is told how each ended, as far as they came.
   */
  async inOrder(
    writes: OrderedWrite[],
    how: Pick<mongo.ClientBulkWriteOptions, 'writeConcern' | 'verboseResults' | 'session'> = {
      ...FAST,
      verboseResults: true,
    },
  ): Promise<OrderedWrites> {
    try {
      const { updateResults } = await this.connection
        .getClient()
        .bulkWrite(writes as mongo.AnyClientBulkWriteModel<mongo.Document>[], { ordered: true, ...how });
      return { updates: updateResults ?? new Map() };
    } catch (error) {
      const { partialResult, writeErrors, cause } = error as Partial<mongo.MongoClientBulkWriteError>;
      const [failed] = writeErrors ?? [];
      // What the server said of the whole request, with the code and the labels by which others know what to do.
      if (!failed) throw cause ?? error;
      const [at, { code }] = failed;
      return {
        updates: partialResult?.updateResults ?? new Map(),
        failed: { at, code, error: error as Error },
      };
    }
  }

  /** Round trip to the database. @throws when it is away. */
  async ping(): Promise<void> {
    await this.connection.db!.command({ ping: 1 }, { timeoutMS: 1000 });
  }

  /** Several writes that happen together or not at all; repeated when others got in between. */
  transaction(work: (session: mongo.ClientSession) => Promise<void>): Promise<void> {
    return this.connection.getClient().withSession((session) => session.withTransaction(() => work(session)));
  }

  /** Reads that all see the database as it is at one moment, one after the other. */
  async snapshot<T>(read: (session: mongo.ClientSession) => Promise<T>): Promise<T> {
    const session = this.connection.getClient().startSession({ snapshot: true });
    try {
      return await read(session);
    } finally {
      await session.endSession();
    }
  }

  /** The time by the database's clock, which leases are measured with. */
  async now(): Promise<Date> {
    const { localTime } = await this.connection.db!.command({ hello: 1 });
    return localTime as Date;
  }

  /** The database's logical time: everything that was written before has an earlier one, or this. */
  async operationTime(): Promise<mongo.Timestamp> {
    const { operationTime } = await this.connection.db!.command({ ping: 1 });
    return operationTime as mongo.Timestamp;
  }

  /** Changes of all collections, as the oplog has them. */
  watch<C extends mongo.Document>(
    pipeline: mongo.Document[],
    options: mongo.ChangeStreamOptions,
  ): mongo.ChangeStream<mongo.Document, C> {
    return this.connection.db!.watch<mongo.Document, C>(pipeline, options);
  }

  /** A run and its tasks as they were at one moment, and that moment; no run when there is none. */
  async runAtOneTime(id: string): Promise<{ time: mongo.Timestamp; run?: Run; tasks: AsyncIterable<Task> }> {
    const db = this.connection.db!;
    const readConcern = { level: 'snapshot' };
    const { cursor } = await db.command({
      find: 'pipeline_runs',
      filter: { _id: id },
      limit: 1,
      readConcern,
    });
    const { atClusterTime: time, firstBatch } = cursor as {
      atClusterTime: mongo.Timestamp;
      firstBatch: Run[];
    };
    const tasks = db.runCursorCommand({
      find: 'tasks',
      filter: { run_id: id },
      projection: {
        node_id: 1,
        index: 1,
        state: 1,
        created_at: 1,
        queued_at: 1,
        started_at: 1,
        finished_at: 1,
      },
      readConcern: { ...readConcern, atClusterTime: time },
    }) as unknown as AsyncIterable<Task>;
    return { time, run: firstBatch[0], tasks };
  }

  /** For what is asked of several collections alike. */
  named<T extends mongo.Document>(name: string): mongo.Collection<T> {
    return this.of(name);
  }

  private of<T extends mongo.Document>(name: string): mongo.Collection<T> {
    return this.connection.db!.collection<T>(name);
  }
}

/**
 * For writes whose loss costs at most an execution or a few log lines: acknowledged by the primary alone. The end of a
 * task is one of them: should it be undone, its lease ends, it is executed again, and all that followed from it is undone
 * as well, because that stands later in the oplog. What the API promised, and the end of a run, keep the connection's
 * `majority` and journal.
 */
export const FAST = { writeConcern: { w: 1 } } as const;

/** What the API promises, and the end of a run: the connection's `majority` and journal, and no word about each write. */
export const DURABLE = { verboseResults: false } as const;

/** One of `Collections.inOrder`. */
export type OrderedWrite =
  | mongo.AnyClientBulkWriteModel<Project>
  | mongo.AnyClientBulkWriteModel<ScheduleSlot>
  | mongo.AnyClientBulkWriteModel<Task>
  | mongo.AnyClientBulkWriteModel<Run>
  | mongo.AnyClientBulkWriteModel<RunLogChunk>;

/** How writes of `Collections.inOrder` ended, by their places. */
export interface OrderedWrites {
  updates: ReadonlyMap<number, mongo.ClientUpdateResult>;
  /** The one after which none was made. */
  failed?: { at: number; code: number; error: Error };
}

/**
 * Makes an update fail, with the code `NO_MATCH`, where it would find nothing: it then would have to insert a document
 * with another id than the one it looks for, which MongoDB refuses. What is to follow from it in the same request does not.
 */
export const MUST_MATCH = { upsert: true, onInsert: { _id: 'must match' } } as const;
export const NO_MATCH = 66;

/** The code of an error of the database: a unique index has the key already. */
export const DUPLICATE_KEY = 11000;

/** For inserts that may have been made before: what is there already stands. @throws whatever else went wrong. */
export async function tolerateDuplicates(inserting: Promise<unknown>): Promise<void> {
  try {
    await inserting;
  } catch (error) {
    if ((error as mongo.MongoServerError).code !== DUPLICATE_KEY) throw error;
  }
}

/** Reads of single documents by id, those that come up together in one round trip. Each begins after it was asked for. */
export const joinedFind = <T extends { _id: string }>(
  collection: () => mongo.Collection<T>,
  filter: mongo.Filter<T> = {},
): Batches<string, T | null> =>
  new Batches(async (ids) => {
    const $in = [...new Set(ids)];
    const found = (await collection()
      .find({ ...filter, _id: { $in } } as mongo.Filter<T>)
      .toArray()) as T[];
    const byId = new Map(found.map((one) => [one._id, one]));
    return ids.map((id) => byId.get(id) ?? null);
  });
