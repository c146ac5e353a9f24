import { type Column } from '@tauro/domain';
import {
  type HandlerTable,
  type Row,
  type RowsToWrite,
  type TableEngine,
  type WriteOptions,
} from '@tauro/sdk';
import { NodeError } from '../node-kind.js';
import { checkNames } from '../tables/csv-stream.js';
import { DuckDbSession } from '../tables/duckdb.js';
import { SQL_TYPE } from '../tables/schema-parts.js';
import { nodeErrorOf } from '../tables/table-errors.js';
import { parquetRows } from '../tables/table-output.js';
import { READER_LIMITS } from '../tables/table-page.js';
import { ToldColumns } from '../tables/told-columns.js';
import { writeTold } from '../tables/told-rows.js';
import { type Told } from '../tables/told-value.js';
import { rowReader } from './row-reader.js';
import { tellJs } from './told-js.js';

/** Where a handler's rows go. */
export interface RowsFile {
  path: string;
  /** MB that they may take. */
  mostMb: number;
}

const TYPE = new RegExp(SQL_TYPE.pattern);
const refuse = (type: string, message: string): never => {
  throw new NodeError(type, message, false);
};

/** Reads and writes the rows of one attempt of a handler, in the process in which that runs. */
export class HandlerTables implements TableEngine {
  private readonly open = new Set<DuckDbSession>();
  private written: 'not' | 'under way' | Column[] = 'not';

  /** @param file absent when the node makes no table */
  constructor(
    private readonly signal: AbortSignal,
    private readonly file?: RowsFile,
  ) {}

  async *read({ node_id, path }: HandlerTable): AsyncGenerator<Row[]> {
    const session = await DuckDbSession.open({ limits: READER_LIMITS, paths: [path], signal: this.signal });
    this.open.add(session);
    try {
      const reader = rowReader(await session.columns(parquetRows(path)));
      for await (const rows of session.stream(`SELECT ${reader.sql} FROM (${parquetRows(path)})`)) {
        yield rows.map((text) => reader.parse(text));
      }
    } catch (error) {
      throw nodeErrorOf(error, `tables.read('${node_id}')`);
    } finally {
      await this.close(session);
    }
  }

  async write(rows: RowsToWrite, { columns }: WriteOptions = {}): Promise<{ rows: number }> {
    const { file, signal } = this;
    if (!file) return refuse('InvalidOutput', "tables.write: say 'table: true' in the config of the node");
    if (this.written !== 'not') return refuse('InvalidOutput', 'tables.write: the table is written once');
    assertTypes(columns);
    this.written = 'under way';
    try {
      const counted = { rows: 0 };
      const seen = new ToldColumns();
      const tells = toldRows(rows, columns, counted, signal);
      await writeTold(file.path, { rows: tells, columns: seen, what: 'the rows' }, file.mostMb, signal);
      this.written = columnsOf(seen, columns);
      return counted;
    } finally {
      // What was written of rows that broke off counts for nothing; it may be tried again.
      if (this.written === 'under way') this.written = 'not';
    }
  }

  /** The columns of what was written; undefined when nothing was. @throws NodeError while nobody waits for the end of it */
  get result(): Column[] | undefined {
    if (this.written === 'under way') refuse('InvalidOutput', 'tables.write has not ended: await it');
    return this.written === 'not' ? undefined : (this.written as Column[]);
  }

  /** Lets go of what the attempt has left open. */
  async end(): Promise<void> {
    for (const session of this.open) await this.close(session);
  }

  private async close(session: DuckDbSession): Promise<void> {
    if (this.open.delete(session)) await session.close();
  }
}

function columnsOf(seen: ToldColumns, declared?: Record<string, string>): Column[] {
  const columns = declared ? Object.entries(declared).map(([name, type]) => ({ name, type })) : seen.types;
  if (columns.length === 0) {
    const example = "{columns: {id: 'BIGINT'}}";
    refuse('InvalidOutput', `tables.write: without a row nothing tells what the columns are; say ${example}`);
  }
  checkNames(
    columns.map(({ name }) => name),
    {},
  );
  return columns;
}

function assertTypes(columns: Record<string, string> = {}): void {
  for (const [name, type] of Object.entries(columns)) {
    if (typeof type === 'string' && TYPE.test(type) && type.length <= SQL_TYPE.maxLength) continue;
    refuse(
      'BadValue',
      `tables.write: '${String(type)}' of column '${name}' is no type, such as BIGINT or VARCHAR`,
    );
  }
}

async function* toldRows(
  rows: RowsToWrite,
  declared: Record<string, string> | undefined,
  counted: { rows: number },
  signal: AbortSignal,
): AsyncGenerator<[string, Told][]> {
  for await (const some of rows) {
    signal.throwIfAborted();
    for (const row of Array.isArray(some) ? (some as object[]) : [some]) {
      const place = `tables.write: row ${++counted.rows}`;
      if (typeof row !== 'object' || row === null || Array.isArray(row)) {
        refuse('BadValue', `${place} is no object`);
      }
      const entries = declared
        ? Object.keys(declared).map((name) => [name, (row as Row)[name]] as const)
        : Object.entries(row);
      yield entries.map(([name, value]) => [name, tellJs(value, `${place}: ${name}`, declared?.[name])]);
    }
  }
}
