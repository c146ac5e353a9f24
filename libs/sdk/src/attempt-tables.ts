import { type Column } from '@tauro/domain';
import { type Row, type RowsToWrite, type TaskTables, type WriteOptions } from './tables.js';

/** A table that a handler may read. */
export interface HandlerTable {
  node_id: string;
  /** Absolute, of a Parquet file. */
  path: string;
  rows: number;
  columns: Column[];
}

/** What reads and writes rows. */
export interface TableEngine {
  read(table: HandlerTable): AsyncIterable<Row[]>;
  write(rows: RowsToWrite, options?: WriteOptions): Promise<{ rows: number }>;
}

/**
 * The `tables` of an attempt. What reads and writes them is loaded with the first use: few handlers work on tables, and it
 * weighs more than all the rest of a handler's process. Handlers get it, and have no use for the class.
 */
export class AttemptTables<Engine extends TableEngine = TableEngine> implements TaskTables {
  private loading?: Promise<Engine>;

  constructor(
    private readonly tables: readonly HandlerTable[],
    private readonly load: () => Promise<Engine>,
  ) {}

  get names(): string[] {
    return this.tables.map(({ node_id }) => node_id);
  }

  columns(nodeId: string): Record<string, string> {
    return Object.fromEntries(this.table(nodeId).columns.map(({ name, type }) => [name, type]));
  }

  count(nodeId: string): number {
    return this.table(nodeId).rows;
  }

  async *read<R extends object = Row>(nodeId: string): AsyncGenerator<R[]> {
    const table = this.table(nodeId);
    yield* (await this.engine()).read(table) as AsyncIterable<R[]>;
  }

  async write(rows: RowsToWrite, options?: WriteOptions): Promise<{ rows: number }> {
    return (await this.engine()).write(rows, options);
  }

  /** What was loaded; undefined when nothing was asked of it. */
  get used(): Promise<Engine> | undefined {
    return this.loading;
  }

  private engine(): Promise<Engine> {
    this.loading ??= this.load();
    return this.loading;
  }

  private table(nodeId: string): HandlerTable {
    const found = this.tables.find((table) => table.node_id === nodeId);
    if (found) return found;
    const message = `no node directly before made a table '${nodeId}' (there are: ${this.names.join(', ') || 'none'})`;
    throw Object.assign(new Error(message), { name: 'NoTable', retryable: false });
  }
}
