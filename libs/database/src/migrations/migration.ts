import { type mongo } from 'mongoose';

/**
 * One step of the schema, and the way back. Either may be begun again after a crash, so it must find what is done
 * already. While it happens, processes of the version before may be serving: add first, remove with a later version.
 */
export interface Migration {
  /** Its place: 1 for the first, without gaps. */
  number: number;
  /** Words of a-z and 0-9 with `_` between. */
  name: string;
  /** @param signal aborted when another process has taken over; what is long should look at it. */
  up(db: mongo.Db, signal: AbortSignal): Promise<void>;
  down(db: mongo.Db, signal: AbortSignal): Promise<void>;
}

/** A number as people write it: `001`. */
export const written = (number: number): string => String(number).padStart(3, '0');

/** What a migration is called: `001_collections`, which is also the name of its file. */
export const label = ({ number, name }: Pick<Migration, 'number' | 'name'>): string =>
  `${written(number)}_${name}`;
