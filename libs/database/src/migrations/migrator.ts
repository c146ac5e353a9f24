import { type Env } from '@tauro/platform';
import mongoose, { type Connection, type mongo } from 'mongoose';
import { connectOptions } from '../connect-options.js';
import { MIGRATIONS } from './all.js';
import { MigrationLease } from './lease.js';
import {
  assertKnown,
  type MigrationRecord,
  type MigrationStatus,
  pending,
  readLedger,
  records,
  SchemaError,
  statusOf,
} from './ledger.js';
import { label, type Migration, written } from './migration.js';

interface MigratorOptions {
  /** Told what is done, and what is waited for. */
  say: (line: string) => void;
  migrations?: readonly Migration[];
  /** How long a holder of the lock that is not heard of keeps it. */
  leaseMs?: number;
}

/**
 * Brings a database to the schema of this version, and back. One process does so at a time, whoever asks; each step is
 * written down when it begins and when it has ended, and one that failed or was interrupted is done again.
 */
export class Migrator {
  private readonly migrations: readonly Migration[];

  constructor(
    private readonly connection: Connection,
    private readonly options: MigratorOptions,
  ) {
    this.migrations = options.migrations ?? MIGRATIONS;
  }

  /** On a connection of its own, because building an index may take longer than any other request may. */
  static async open(env: Env, options: MigratorOptions): Promise<Migrator> {
    const settings = { ...connectOptions(env), socketTimeoutMS: 0 };
    return new Migrator(await mongoose.createConnection(env.MONGODB_URL!, settings).asPromise(), options);
  }

  close(): Promise<void> {
    return this.connection.close();
  }

  async status(): Promise<MigrationStatus[]> {
    return statusOf(this.migrations, await readLedger(this.db));
  }

  /** Applies what is pending. @param to the last one to apply. @returns how many. @throws SchemaError; Error of a migration */
  up(to = Infinity): Promise<number> {
    return this.alone(async (lease) => {
      const stored = await readLedger(this.db);
      assertKnown(this.migrations, stored);
      const steps = pending(this.migrations, stored).filter(({ number }) => number <= to);
      for (const migration of steps) await this.apply(migration, lease);
      return steps.length;
    });
  }

  /** Undoes those after a number; the last one unless it is given. @returns how many. @throws SchemaError; Error of a migration */
  down(to?: number): Promise<number> {
    return this.alone(async (lease) => {
      const stored = await readLedger(this.db);
      assertKnown(this.migrations, stored);
      const last = stored.at(-1)?._id ?? 0;
      const steps = stored.filter(({ _id }) => _id > (to ?? last - 1)).reverse();
      for (const { _id } of steps) await this.revert(this.known(_id), lease);
      return steps.length;
    });
  }

  /** @throws SchemaError for a number that no migration has; 0 is before the first. */
  known(number: number): Migration {
    const migration = this.migrations.find((one) => one.number === number);
    if (migration) return migration;
    const all = this.migrations.map((one) => written(one.number)).join(', ');
    throw new SchemaError(`there is no migration ${written(number)}; there are ${all}`);
  }

  private get db(): mongo.Db {
    return this.connection.db!;
  }

  private async alone(work: (lease: MigrationLease) => Promise<number>): Promise<number> {
    const lease = await MigrationLease.take(this.db, this.options);
    try {
      return await work(lease);
    } finally {
      await lease.release();
    }
  }

  private async apply(migration: Migration, lease: MigrationLease): Promise<void> {
    const claimed = await this.begin(migration, 'APPLYING', lease);
    await this.attempt(migration, claimed, () => migration.up(this.db, lease.signal));
    await this.end(claimed, { $set: { state: 'APPLIED', finished_at: new Date(), error: null } });
    this.options.say(`applied ${label(migration)}`);
  }

  private async revert(migration: Migration, lease: MigrationLease): Promise<void> {
    const claimed = await this.begin(migration, 'REVERTING', lease);
    await this.attempt(migration, claimed, () => migration.down(this.db, lease.signal));
    const { deletedCount } = await records(this.db).deleteOne(claimed);
    if (deletedCount === 0) throw superseded();
    this.options.say(`rolled back ${label(migration)}`);
  }

  private async begin(
    { number, name }: Migration,
    state: MigrationRecord['state'],
    lease: MigrationLease,
  ): Promise<{ _id: number; claim: string }> {
    await lease.assertHeld();
    const claim = lease.owner;
    const began = { name, state, claim, started_at: new Date(), finished_at: null, error: null };
    await records(this.db).updateOne({ _id: number }, { $set: began }, { upsert: true });
    return { _id: number, claim };
  }

  private async attempt(
    migration: Migration,
    claimed: { _id: number; claim: string },
    work: () => Promise<void>,
  ): Promise<void> {
    try {
      await work();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      const failed = { state: 'FAILED' as const, finished_at: new Date(), error: reason };
      await records(this.db).updateOne(claimed, { $set: failed });
      throw new SchemaError(`migration ${label(migration)} failed: ${reason}`, { cause: error });
    }
  }

  private async end(
    claimed: { _id: number; claim: string },
    update: mongo.UpdateFilter<MigrationRecord>,
  ): Promise<void> {
    const { matchedCount } = await records(this.db).updateOne(claimed, update);
    if (matchedCount === 0) throw superseded();
  }
}

/** Another process took this one for dead and has begun anew; what it writes down counts. */
const superseded = (): SchemaError =>
  new SchemaError('another process has taken over the migrations; look at npm run migrate -- status');
