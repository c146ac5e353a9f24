import { mongo } from 'mongoose';
import { setTimeout as sleep } from 'node:timers/promises';
import type * as database from '../../libs/database/src/index.js';
import { waitFor } from '../support/wait-for.js';
import { type HistoryEvent } from './history/history.js';
import { applyUpdate, type UpdateDescription } from './history/shadow.js';

const COLLECTIONS = { pipeline_runs: 'run', tasks: 'task', run_logs: 'log' } as const;
/** Written by the recorder itself: once the stream shows it, it has shown everything before it. */
const MARKS = 'fault_marks';

type Kind = (typeof COLLECTIONS)[keyof typeof COLLECTIONS];
interface Change {
  _id: unknown;
  operationType: string;
  ns: { coll: string };
  documentKey: { _id: unknown };
  fullDocument?: object;
  updateDescription?: UpdateDescription;
  wallTime: Date;
}

/**
 * Writes down every change of runs, tasks and logs, in the order in which the database made them durable. It
 * knows nothing of the engine and sees only what survives: a change stream shows what a majority has journalled.
 */
export class Recorder {
  readonly events: HistoryEvent[] = [];
  private readonly copies = new Map<string, object>();
  private readonly marks = new Set<unknown>();
  private readonly client: mongo.MongoClient;
  private token: unknown;
  private stream?: mongo.ChangeStream;
  private stopped = false;
  private reading: Promise<void> = Promise.resolve();
  /** What could not be understood, which no test may pass over. */
  private fault?: Error;

  private constructor(
    url: string,
    private readonly name: string,
  ) {
    this.client = new mongo.MongoClient(url, { serverSelectionTimeoutMS: 2000 });
  }

  static async start(url: string, name: string): Promise<Recorder> {
    const recorder = new Recorder(url, name);
    const { operationTime } = await recorder.client.db(name).command({ ping: 1 });
    recorder.reading = recorder.read(operationTime as mongo.Timestamp);
    await recorder.caughtUp();
    return recorder;
  }

  /** Resolves when every change that was durable before the call is in `events`. */
  async caughtUp(): Promise<void> {
    const mark = new mongo.ObjectId();
    await waitFor(
      () =>
        this.client
          .db(this.name)
          .collection(MARKS)
          .insertOne({ _id: mark }, { writeConcern: { w: 'majority', journal: true } })
          .then(
            () => true,
            (error: mongo.MongoServerError) => error.code === 11000 || Promise.reject(error),
          ),
      { what: 'the mark of the recorder to be stored' },
    );
    await waitFor(() => this.fault !== undefined || this.marks.has(mark.toHexString()), {
      what: 'the recorder',
    });
    if (this.fault) throw this.fault;
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.stream?.close().catch(() => undefined);
    await this.reading;
    await this.client.close();
  }

  private async read(startAtOperationTime: mongo.Timestamp): Promise<void> {
    const coll = { $in: [...Object.keys(COLLECTIONS), MARKS] };
    while (!this.stopped) {
      const from = this.token ? { resumeAfter: this.token as mongo.ResumeToken } : { startAtOperationTime };
      try {
        this.stream = this.client.db(this.name).watch([{ $match: { 'ns.coll': coll } }], from);
        for await (const change of this.stream as unknown as AsyncIterable<Change>) {
          try {
            this.note(change);
          } catch (error) {
            this.fault ??= error as Error;
          }
          this.token = change._id;
        }
      } catch {
        // The database is away; it goes on where it stopped.
      }
      await this.stream?.close().catch(() => undefined);
      if (!this.stopped) await sleep(100);
    }
  }

  private note(change: Change): void {
    const id = String(change.documentKey?._id);
    if (change.ns.coll === MARKS) return void this.marks.add(id);
    const kind = COLLECTIONS[change.ns.coll as keyof typeof COLLECTIONS];
    const at = change.wallTime.getTime();
    const key = `${kind} ${id}`;
    if (change.operationType === 'delete') {
      this.copies.delete(key);
      this.events.push({ kind: 'gone', at, what: kind, id });
      return;
    }
    let copy = this.copies.get(key);
    if (change.fullDocument) copy = change.fullDocument;
    else if (copy) applyUpdate(copy, change.updateDescription!);
    else throw new Error(`an update of ${key}, which was never inserted`);
    if (kind !== 'log') this.copies.set(key, copy);
    this.events.push(EVENTS[kind](copy as never, at));
  }
}

const EVENTS: { [K in Kind]: (document: never, at: number) => HistoryEvent } = {
  run: ({ _id, state, engine }: database.Run, at) => ({
    kind: 'run',
    at,
    id: _id,
    state,
    version_id: engine.version_id,
    max_parallelism: engine.max_parallelism,
    slots: (engine.limit?.holders ?? []).map((holder) => holder.id),
  }),
  task: ({ _id, run_id, node_id, state, attempt, engine, output }: database.Task, at) => ({
    kind: 'task',
    at,
    id: _id,
    run_id,
    node_id,
    state,
    attempt,
    claim: engine.claim?.id ?? null,
    worker: engine.claim?.worker_id ?? null,
    execution: (output as { execution?: string } | null)?.execution ?? null,
  }),
  log: ({ run_id, first_seq, lines, final }: database.RunLogChunk, at) => ({
    kind: 'log',
    at,
    run_id,
    first_seq,
    messages: lines.map(({ message }) => message),
    final: final === true,
  }),
};
