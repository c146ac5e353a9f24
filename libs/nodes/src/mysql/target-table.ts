import { NodeError } from '../node-kind.js';
import { type Drift, fitColumns } from '../sink/write-modes.js';
import { literal } from '../tables/sql-text.js';
import { type TableInput } from '../tables/table-output.js';
import { type Client } from './client.js';
import { type ServerFault } from './errors.js';
import { ident, idents, type TableName } from './table-name.js';
import { serverTypeOf } from './types.js';

type Columns = TableInput['columns'];

const DUPLICATE_COLUMN = 1060;
/** The first words of the comment of a table that a sink has made; the task follows. */
const MADE_FOR = 'made by Tauro for ';

/** A column that is there. */
export interface ServerColumn {
  name: string;
  /** As SQL. */
  type: string;
}

/** The table that a sink writes to. */
export class TargetTable {
  readonly sql: string;
  readonly shown: string;

  constructor(
    readonly client: Client,
    private readonly naming: TableName,
    private readonly taskId: string,
  ) {
    this.sql = naming.sql;
    this.shown = naming.shown;
  }

  /**
   * Whether it is there, and was made by this task. @throws NodeError when it could not be written to as one transaction
   */
  async find(): Promise<{ ours: boolean } | undefined> {
    const [found] = await this.client.query<{ type: string; engine: string | null; note: string | null }>(
      `SELECT table_type AS type, engine AS engine, table_comment AS note FROM information_schema.tables
       WHERE table_schema = ? AND table_name = ?`,
      this.place,
    );
    if (!found) return undefined;
    const [safe] = await this.client.query(
      `SELECT 1 FROM information_schema.engines WHERE engine = ? AND transactions = 'YES'`,
      [found.engine ?? ''],
    );
    if (safe) return { ours: found.note === MADE_FOR + this.taskId };
    const what =
      found.engine === null ? 'is a view, or broken' : `is of ${found.engine}, which has no transactions`;
    throw new NodeError(
      'InvalidConfig',
      `table ${this.shown} ${what}: rows are written to InnoDB tables`,
      false,
    );
  }

  /** @param key makes the primary key when there is any. */
  async make(columns: Columns, key: readonly string[]): Promise<void> {
    const [known] = await this.client.query(
      'SELECT 1 FROM information_schema.schemata WHERE schema_name = ?',
      this.place.slice(0, 1),
    );
    if (!known) {
      const message = `there is no database '${this.naming.database}' that this user sees; create it first`;
      throw new NodeError('TableNotFound', message, false);
    }
    const made = columns.map(({ name, type }) => {
      const keyed = key.includes(name);
      // Without a word on it, some servers set the first time stamp to now with every change.
      const time = type === 'TIMESTAMP WITH TIME ZONE' ? 'CURRENT_TIMESTAMP(6)' : undefined;
      const rest = keyed ? `NOT NULL${time ? ` DEFAULT ${time}` : ''}` : 'NULL DEFAULT NULL';
      return `${ident(name)} ${serverTypeOf(type, keyed)} ${rest}`;
    });
    const primary = key.length > 0 ? [`PRIMARY KEY (${idents(key)})`] : [];
    await this.client.query(
      `CREATE TABLE ${this.sql} (${[...made, ...primary].join(', ')}) ENGINE=InnoDB
       DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin COMMENT=${literal(MADE_FOR + this.taskId)}`,
    );
  }

  /** The columns that both have; new ones are added when they may be. */
  async fit(columns: Columns, drift: Drift): Promise<Columns> {
    const there = (await this.columns()).map(({ name }) => name);
    const { shown } = this;
    const fitting = fitColumns(columns, there, { drift, shown, same: (name) => name.toLowerCase() });
    if (fitting.added.length > 0) {
      const added = fitting.added.map(
        ({ name, type }) => `ADD COLUMN ${ident(name)} ${serverTypeOf(type, false)} NULL DEFAULT NULL`,
      );
      await this.client.query(`ALTER TABLE ${this.sql} ${added.join(', ')}`).catch((error: ServerFault) => {
        if (error.errno !== DUPLICATE_COLUMN) throw error;
        throw new NodeError('QueryFailed', `somebody else has added columns to table ${this.shown} just now`);
      });
    }
    return fitting.columns;
  }

  columns(): Promise<ServerColumn[]> {
    return this.client.query<ServerColumn>(
      `SELECT column_name AS name, concat(column_type, coalesce(concat(' COLLATE ', collation_name), '')) AS type
       FROM information_schema.columns WHERE table_schema = ? AND table_name = ? ORDER BY ordinal_position`,
      this.place,
    );
  }

  /** Whether an index says that no two rows have the same key. */
  async isUnique(key: readonly string[]): Promise<boolean> {
    const rows = await this.client.query<{ parts: string }>(
      `SELECT group_concat(lower(column_name) ORDER BY column_name SEPARATOR '\\n') AS parts
       FROM information_schema.statistics WHERE table_schema = ? AND table_name = ? AND non_unique = 0
       GROUP BY index_name HAVING count(sub_part) = 0`,
      this.place,
    );
    const wanted = key.map((name) => name.toLowerCase()).sort();
    return rows.some(({ parts }) => parts.split('\n').sort().join('\n') === wanted.join('\n'));
  }

  /** Takes back what `make` did, unless somebody has put rows in since. Failing at that leaves an empty table. */
  async removeEmpty(): Promise<void> {
    try {
      await this.client.query('ROLLBACK');
      await this.client.query(`LOCK TABLES ${this.sql} WRITE`);
      const rows = await this.client.query(`SELECT 1 FROM ${this.sql} LIMIT 1`);
      if (rows.length === 0) await this.client.query(`DROP TABLE ${this.sql}`);
    } catch {
      // The failure that led here is the one to tell.
    }
  }

  private get place(): string[] {
    return [this.naming.database, this.naming.name];
  }
}
