import { type Database } from 'libsql';
import { databaseError } from './errors.js';

export type { Database } from 'libsql';

/** Milliseconds that somebody else may have the file locked. */
const PATIENCE = 10_000;

/**
 * Opens the file, hands it to `work` and closes it whatever happens; an open transaction is rolled back.
 * @param path absolute @param shown what messages call it @throws NodeError
 */
export async function withDatabase<T>(
  path: string,
  shown: string,
  work: (database: Database) => Promise<T>,
): Promise<T> {
  // The engine is loaded by those who need it.
  const { default: SqliteDatabase } = await import('libsql');
  let database: Database | undefined;
  try {
    database = new SqliteDatabase(path, { timeout: PATIENCE });
    return await work(database);
  } catch (error) {
    throw databaseError(error, shown);
  } finally {
    // By itself it would wait for statements that nobody ends.
    if (database?.inTransaction) database.exec('ROLLBACK');
    database?.close();
  }
}
