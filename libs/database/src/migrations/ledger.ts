import { type mongo } from 'mongoose';
import { label, type Migration } from './migration.js';

export type MigrationState = 'PENDING' | 'APPLYING' | 'APPLIED' | 'REVERTING' | 'FAILED' | 'UNKNOWN';

/** What is stored of a migration, from its beginning until it is undone. Only one that is APPLIED counts. */
export interface MigrationRecord {
  /** The migration's number. */
  _id: number;
  name: string;
  state: Exclude<MigrationState, 'PENDING' | 'UNKNOWN'>;
  /** The fencing token of whoever is at it; only that one may write down how it ended. */
  claim: string;
  started_at: Date;
  finished_at: Date | null;
  error: string | null;
}

/** One row of `npm run migrate -- status`; UNKNOWN is one of a newer version. */
export interface MigrationStatus {
  migration: string;
  state: MigrationState;
  finished_at: Date | null;
  error: string | null;
}

/** The database and this version of Tauro do not belong together; the message says what to do. */
export class SchemaError extends Error {
  override readonly name = 'SchemaError';
}

/** What the database says about migrations. */
export const records = (db: mongo.Db): mongo.Collection<MigrationRecord> => db.collection('migrations');

export const readLedger = (db: mongo.Db): Promise<MigrationRecord[]> =>
  records(db).find().sort({ _id: 1 }).toArray();

/** Every migration that is known here or stored there, in order. */
export function statusOf(migrations: readonly Migration[], stored: MigrationRecord[]): MigrationStatus[] {
  const byNumber = new Map(stored.map((record) => [record._id, record]));
  const known = migrations.map((migration) => {
    const { state = 'PENDING', finished_at = null, error = null } = byNumber.get(migration.number) ?? {};
    return { migration: label(migration), state, finished_at, error } satisfies MigrationStatus;
  });
  const unknown = strangers(migrations, stored).map(
    (record) =>
      ({
        migration: labelOf(record),
        state: 'UNKNOWN',
        finished_at: record.finished_at,
        error: record.error,
      }) as const,
  );
  return [...known, ...unknown];
}

/** @throws SchemaError when the database was brought further than this version knows. */
export function assertKnown(migrations: readonly Migration[], stored: MigrationRecord[]): void {
  const found = strangers(migrations, stored);
  if (found.length === 0) return;
  const [one, ...more] = found.map(labelOf);
  const which = more.length === 0 ? `migration ${one}` : `migrations ${[one, ...more].join(', ')}`;
  const last = String(found[0]!._id - 1).padStart(3, '0');
  throw new SchemaError(
    `The database has had ${which}, which this version of Tauro does not know. Start the version that made it, ` +
      `or go back with that version: npm run migrate -- down --to ${last}`,
  );
}

/** What is not applied yet, in order. */
export function pending(migrations: readonly Migration[], stored: MigrationRecord[]): Migration[] {
  const applied = new Set(stored.filter(({ state }) => state === 'APPLIED').map(({ _id }) => _id));
  return migrations.filter(({ number }) => !applied.has(number));
}

/** A number whose name is another one counts as well: two branches may have taken it. */
const strangers = (migrations: readonly Migration[], stored: MigrationRecord[]): MigrationRecord[] =>
  stored.filter(({ _id, name }) => migrations.find(({ number }) => number === _id)?.name !== name);

const labelOf = ({ _id, name }: MigrationRecord): string => label({ number: _id, name });
