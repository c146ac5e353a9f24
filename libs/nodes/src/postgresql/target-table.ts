import { type Client } from 'pg';
import { NodeError } from '../node-kind.js';
import { checkKey, type Drift, fitColumns } from '../sink/write-modes.js';
import { ident, idents } from '../tables/sql-text.js';
import { type TableInput } from '../tables/table-output.js';
import { serverTypeOf } from './types.js';

type Columns = TableInput['columns'];

interface Naming {
  name: string;
  schema: string | undefined;
  /** As SQL. */
  sql: string;
  /** As its author wrote it. */
  shown: string;
}

/** The table that a sink writes to. */
export class TargetTable {
  readonly sql: string;
  readonly shown: string;

  constructor(
    private readonly client: Client,
    private readonly naming: Naming,
  ) {
    this.sql = naming.sql;
    this.shown = naming.shown;
  }

  async exists(): Promise<boolean> {
    const { rows } = await this.client.query<{ found: string | null }>('SELECT to_regclass($1) AS found', [
      this.sql,
    ]);
    return rows[0]!.found !== null;
  }

  /** @param key makes the primary key when there is any. */
  async make(columns: Columns, key: readonly string[]): Promise<void> {
    const { schema } = this.naming;
    if (schema !== undefined) {
      const { rows } = await this.client.query('SELECT 1 FROM pg_namespace WHERE nspname = $1', [schema]);
      if (rows.length === 0)
        throw new NodeError('TableNotFound', `there is no schema '${schema}'; create it first`, false);
    }
    const made = columns.map(({ name, type }) => `${ident(name)} ${serverTypeOf(type)}`);
    const keyed = key.length > 0 ? [`PRIMARY KEY (${idents(key)})`] : [];
    await this.client.query(`CREATE TABLE ${this.sql} (${[...made, ...keyed].join(', ')})`);
  }

  /** The columns that both have. @throws NodeError 'ColumnMismatch' for new ones, unless something is to be done with them. */
  async fit(columns: Columns, drift: Drift): Promise<Columns> {
    const { rows } = await this.client.query<{ name: string }>(
      'SELECT attname AS name FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped',
      [this.sql],
    );
    const there = rows.map(({ name }) => name);
    const fitting = fitColumns(columns, there, { drift, shown: this.shown });
    for (const { name, type } of fitting.added) {
      await this.client.query(
        `ALTER TABLE ${this.sql} ADD COLUMN IF NOT EXISTS ${ident(name)} ${serverTypeOf(type)}`,
      );
    }
    return fitting.columns;
  }

  /** Takes rows over from another table: those of a key that is there replace what they find. */
  async merge(from: string, columns: Columns, key: readonly string[]): Promise<void> {
    const names = columns.map(({ name }) => name);
    checkKey(columns, key, this.shown);
    const others = names.filter((name) => !key.includes(name));
    const action =
      others.length === 0
        ? 'NOTHING'
        : `UPDATE SET ${others.map((name) => `${ident(name)} = EXCLUDED.${ident(name)}`).join(', ')}`;
    const last = `SELECT DISTINCT ON (${idents(key)}) ${idents(names)} FROM ${from} ORDER BY ${idents(key)}, tauro_row DESC`;
    try {
      await this.client.query(
        `INSERT INTO ${this.sql} (${idents(names)}) ${last} ON CONFLICT (${idents(key)}) DO ${action}`,
      );
    } catch (error) {
      if ((error as { code?: string }).code !== '42P10') throw error;
      const message = `table ${this.shown} has no unique index on ${key.join(', ')}, which upsert needs: CREATE UNIQUE INDEX ON ${this.sql} (${idents(key)})`;
      throw new NodeError('InvalidConfig', message, false);
    }
  }
}
