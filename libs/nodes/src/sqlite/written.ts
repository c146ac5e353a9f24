import { type Database } from './database.js';

/** Kept in the file that is written to, since only one transaction with the rows can tell whether they are there. */
const NAME = 'tauro_writes';
/** Entries are of use as long as an attempt may be repeated. */
const KEPT = '-30 days';

/** Whether an attempt of this task has committed. */
export function writtenBefore(database: Database, taskId: string): boolean {
  const made = database.prepare('SELECT 1 FROM sqlite_master WHERE name = ?').all(NAME);
  return (
    made.length > 0 && database.prepare(`SELECT 1 FROM ${NAME} WHERE task_id = ?`).all(taskId).length > 0
  );
}

/** Notes, in the transaction of what was done, that it is done. */
export function noteWritten(database: Database, taskId: string): void {
  database.exec(
    `CREATE TABLE IF NOT EXISTS ${NAME} (task_id TEXT PRIMARY KEY, written_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP)`,
  );
  database.prepare(`INSERT INTO ${NAME} (task_id) VALUES (?)`).run(taskId);
  database.exec(`DELETE FROM ${NAME} WHERE written_at < datetime('now', '${KEPT}')`);
}
