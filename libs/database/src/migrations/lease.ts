import { type mongo } from 'mongoose';
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

/** A holder that is not heard of for so long is dead. */
const LEASE_MS = 15_000;
const POLL_MS = 250;
const DUPLICATE_KEY = 11000;

interface Holder {
  _id: 'migrations';
  owner: string;
  /** By the database's clock. */
  lease_until: Date;
  /** Shown to those who wait. */
  who: string;
}

interface LeaseOptions {
  /** Told once when somebody else has it. */
  say: (line: string) => void;
  leaseMs?: number;
}

/**
 * The right to change the schema, which one process has at a time. It is renewed while work goes on, and is taken over
 * from a holder that died; one that was only stopped for so long is told by its signal when it wakes up.
 */
export class MigrationLease {
  readonly owner = randomUUID();
  private readonly lost = new AbortController();
  private readonly leaseMs: number;
  private heartbeat?: NodeJS.Timeout;
  /** By the monotonic clock: until then it is ours, whatever became of the last renewal. */
  private until = 0;

  private constructor(
    private readonly holders: mongo.Collection<Holder>,
    private readonly options: LeaseOptions,
  ) {
    this.leaseMs = options.leaseMs ?? LEASE_MS;
  }

  /** Waits until it is free. */
  static async take(db: mongo.Db, options: LeaseOptions): Promise<MigrationLease> {
    const lease = new MigrationLease(db.collection<Holder>('migration_locks'), options);
    await lease.acquire();
    return lease;
  }

  /** Aborted when it is lost. */
  get signal(): AbortSignal {
    return this.lost.signal;
  }

  /** @throws when another process has it by now. */
  async assertHeld(): Promise<void> {
    await this.renew();
    this.signal.throwIfAborted();
  }

  async release(): Promise<void> {
    clearInterval(this.heartbeat);
    await this.holders.deleteOne({ _id: 'migrations', owner: this.owner });
  }

  private async acquire(): Promise<void> {
    for (let told = false; !(await this.tryTake()); told = true) {
      const holder = told ? null : await this.holders.findOne({ _id: 'migrations' });
      if (holder) this.options.say(`${holder.who} is changing the schema; waiting for it`);
      await sleep(POLL_MS);
    }
    this.heartbeat = setInterval(() => {
      this.renew().catch(() => {
        if (performance.now() > this.until) this.lose();
      });
    }, this.leaseMs / 3);
    this.heartbeat.unref();
  }

  private async tryTake(): Promise<boolean> {
    const asked = performance.now();
    const free = { $lte: [{ $ifNull: ['$lease_until', new Date(0)] }, '$$NOW'] };
    const mine = {
      owner: this.owner,
      who: `process ${process.pid} on ${hostname()}`,
      lease_until: this.later(),
    };
    const taken = Object.entries(mine).map(([field, value]) => [
      field,
      { $cond: [free, value, `$${field}`] },
    ]);
    try {
      const holder = await this.holders.findOneAndUpdate(
        { _id: 'migrations' },
        [{ $set: Object.fromEntries(taken) as object }],
        { upsert: true, returnDocument: 'after' },
      );
      this.until = asked + this.leaseMs;
      return holder?.owner === this.owner;
    } catch (error) {
      // Two that both found nothing: the other one was first.
      if ((error as mongo.MongoServerError).code === DUPLICATE_KEY) return false;
      throw error;
    }
  }

  private async renew(): Promise<void> {
    const asked = performance.now();
    const { matchedCount } = await this.holders.updateOne({ _id: 'migrations', owner: this.owner }, [
      { $set: { lease_until: this.later() } },
    ]);
    if (matchedCount === 0) this.lose();
    else this.until = asked + this.leaseMs;
  }

  private later(): object {
    return { $add: ['$$NOW', this.leaseMs] };
  }

  private lose(): void {
    clearInterval(this.heartbeat);
    this.lost.abort(new Error('another process has taken over the migrations'));
  }
}
