import { Injectable } from '@nestjs/common';
import { type WorkerRecord } from '@tauro/database';
import { Env } from '@tauro/platform';
import { Collections, FAST } from './collections.js';

/** Who works here, as the workers say themselves. */
@Injectable()
export class WorkerRegistry {
  private cached?: { at: number; workers: Promise<WorkerRecord[]> };

  constructor(
    private readonly db: Collections,
    private readonly env: Env,
  ) {}

  /** A worker says that it is alive. */
  async heartbeat(worker: Omit<WorkerRecord, 'heartbeat_at'>): Promise<void> {
    const { _id, ...rest } = worker;
    await this.db.workers.updateOne(
      { _id },
      { $set: rest, $currentDate: { heartbeat_at: true } },
      { upsert: true, ...FAST },
    );
  }

  /** A worker has left in good order. */
  async leave(id: string): Promise<void> {
    await this.db.workers.updateOne({ _id: id }, { $set: { state: 'GONE', running: 0 } }, FAST);
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
export const asHeard = (worker: WorkerRecord, silentSince: Date): WorkerRecord =>
  worker.heartbeat_at < silentSince ? { ...worker, state: 'GONE' } : worker;
