import { Injectable } from '@nestjs/common';
import { type WorkerRecord } from '@tauro/database';
import { conflict, notFound } from '@tauro/domain';
import { Env } from '@tauro/platform';
import { Signals } from '@tauro/queue';
import { Collections, FAST } from './collections.js';

/** Who works here, as the workers say themselves. */
@Injectable()
export class WorkerRegistry {
  private cached?: { at: number; workers: Promise<WorkerRecord[]> };

  constructor(
    private readonly db: Collections,
    private readonly env: Env,
    private readonly signals: Signals,
  ) {}

  /** A worker says that it is alive. @returns whether it was asked to take nothing new. */
  async heartbeat(worker: Omit<WorkerRecord, 'heartbeat_at' | 'drain_requested_at'>): Promise<boolean> {
    const { _id, ...rest } = worker;
    const after = await this.db.workers.findOneAndUpdate(
      { _id },
      { $set: rest, $setOnInsert: { drain_requested_at: null }, $currentDate: { heartbeat_at: true } },
      { upsert: true, ...FAST, returnDocument: 'after', projection: { drain_requested_at: 1 } },
    );
    return !!after?.drain_requested_at;
  }

  /**
   * Asks a worker to finish what it has and take nothing new, or to take tasks again. It stays alive meanwhile. It is
   * told at once, and finds it with its next heartbeat should that get lost.
   * @throws DomainError NOT_FOUND, or CONFLICT for a worker that is gone.
   */
  async drain(id: string, drain: boolean): Promise<WorkerRecord> {
    const worker = await this.get(id);
    if (worker.state === 'GONE') throw conflict(`worker '${id}' is GONE`);
    if (drain !== (worker.drain_requested_at !== null)) {
      const set = drain
        ? { drain_requested_at: new Date(), state: 'DRAINING' as const }
        : { drain_requested_at: null };
      await this.db.workers.updateOne({ _id: id }, { $set: set });
    }
    this.cached = undefined;
    this.signals.drain(id);
    return this.get(id);
  }

  /** @throws DomainError NOT_FOUND for one that was not seen within a day. */
  async get(id: string): Promise<WorkerRecord> {
    const worker = await this.db.workers.findOne({ _id: id });
    if (!worker) throw notFound('worker', id);
    return asHeard(worker, await this.silentSince());
  }

  /** A worker has left in good order. */
  async leave(id: string): Promise<void> {
    await this.db.workers.updateOne(
      { _id: id },
      { $set: { state: 'GONE', running: 0, running_tasks: [] } },
      FAST,
    );
  }

  /** Every worker seen within a day, the living first. */
  async list(): Promise<WorkerRecord[]> {
    const silent = await this.silentSince();
    const workers = await this.db.workers.find().sort({ heartbeat_at: -1, _id: 1 }).limit(1000).toArray();
    return workers.map((worker) => asHeard(worker, silent));
  }

  /** Whoever was not heard since then is GONE. */
  async silentSince(): Promise<Date> {
    return new Date((await this.db.now()).getTime() - 3 * this.env.HEARTBEAT_SECONDS * 1000);
  }

  /** The workers that are alive, remembered for a second: reasons and health ask often. */
  live(): Promise<WorkerRecord[]> {
    if (!this.cached || Date.now() - this.cached.at > 1000) {
      const workers = this.list().then((all) => all.filter((worker) => worker.state !== 'GONE'));
      this.cached = { at: Date.now(), workers };
      workers.catch(() => (this.cached = undefined));
    }
    return this.cached.workers;
  }
}

/** A worker with the state it really has: GONE once it has been silent, whatever it said last. */
export function asHeard(worker: WorkerRecord, silentSince: Date): WorkerRecord {
  if (worker.heartbeat_at < silentSince) return { ...worker, state: 'GONE' };
  return worker.state === 'ACTIVE' && worker.drain_requested_at ? { ...worker, state: 'DRAINING' } : worker;
}
