import { type Client } from './client.js';
import { type ServerFault } from './errors.js';
import { ident, type TableName } from './table-name.js';

/** Kept beside the tables that are written to, since only one transaction with the rows can tell whether they are there. */
const NAME = 'tauro_writes';
/** Entries are of use as long as an attempt may be repeated. */
const KEPT_DAYS = 30;
const DUPLICATE_KEY = 1062;

/** What tells of tasks whether their rows have been committed. */
export class Writes {
  private readonly sql: string;

  constructor(
    private readonly client: Client,
    private readonly taskId: string,
    private readonly target: TableName,
  ) {
    this.sql = `${ident(target.database)}.${ident(NAME)}`;
  }

  /** Whether an attempt of this task has committed. */
  async has(): Promise<boolean> {
    if (!(await this.exists())) return false;
    const found = await this.client.query(`SELECT 1 FROM ${this.sql} WHERE task_id = ?`, [this.taskId]);
    return found.length > 0;
  }

  /** Makes the table when it is not there, and forgets what is old. Outside of a transaction. */
  async prepare(): Promise<void> {
    if (!(await this.exists())) {
      await this.client.query(
        `CREATE TABLE IF NOT EXISTS ${this.sql} (
           task_id varchar(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
           written_at datetime(6) NOT NULL, KEY (written_at)) ENGINE=InnoDB`,
      );
    }
    await this.client.query(
      `DELETE FROM ${this.sql} WHERE written_at < UTC_TIMESTAMP() - INTERVAL ${KEPT_DAYS} DAY
       ORDER BY written_at LIMIT 1000`,
    );
  }

  /**
   * Notes, in the transaction of the rows, that they are there. Another attempt that has noted it, but not committed, is
   * waited for here. @returns false when one has committed
   */
  async note(): Promise<boolean> {
    try {
      await this.client.query(`INSERT INTO ${this.sql} VALUES (?, UTC_TIMESTAMP(6))`, [this.taskId]);
      return true;
    } catch (error) {
      if ((error as ServerFault).errno === DUPLICATE_KEY) return false;
      throw error;
    }
  }

  /** Waits until no other transaction has this name, and has it until the end of this one. */
  async lock(name: string): Promise<void> {
    const entry = `lock/${Buffer.from(name).toString('hex').slice(0, 250)}`;
    await this.client.query(
      `INSERT INTO ${this.sql} VALUES (?, UTC_TIMESTAMP(6)) ON DUPLICATE KEY UPDATE written_at = VALUES(written_at)`,
      [entry],
    );
  }

  private async exists(): Promise<boolean> {
    const found = await this.client.query(
      'SELECT 1 FROM information_schema.tables WHERE table_schema = ? AND table_name = ?',
      [this.target.database, NAME],
    );
    return found.length > 0;
  }
}
