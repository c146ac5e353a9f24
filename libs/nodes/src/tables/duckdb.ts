import { randomUUID } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type DuckDBConnection, type DuckDBInstance, type DuckDBResultReader } from '@duckdb/node-api';
import { type Column } from '@tauro/domain';
import { type NodeSettings } from '../settings.js';
import { asEngineFault } from './table-errors.js';
import { ident, listLiteral, literal } from './sql-text.js';

/** The only files a session reaches: exactly these paths, and everything under these directories. */
export interface FileAccess {
  paths?: readonly string[];
  directories?: readonly string[];
}

export interface SessionOptions extends FileAccess {
  limits: NodeSettings['duckdb'];
  /** Aborts what runs; every later statement rejects too. */
  signal?: AbortSignal;
  /** Told 0..1 now and then while a statement runs. */
  progress?: (fraction: number) => void;
}

/**
 * One private in-memory DuckDB, locked down before anything of a user's reaches it: it opens no file but
 * those of `FileAccess`, loads no extension, and its configuration cannot change any more. This holds even if
 * the check of the users' SQL (`sql-guard.ts`) should miss something.
 */
export class DuckDbSession {
  private last: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly instance: DuckDBInstance,
    private readonly connection: DuckDBConnection,
    private readonly scratch: string,
    private readonly options: SessionOptions,
  ) {
    options.signal?.addEventListener('abort', this.interrupt);
  }

  /** Opens a session; `close` it in a `finally`. Takes some 20 ms. */
  static async open(options: SessionOptions): Promise<DuckDbSession> {
    options.signal?.throwIfAborted();
    // Loaded on first use: an idle worker or API should not pay for the engine.
    const { DuckDBInstance } = await import('@duckdb/node-api');
    const { limits } = options;
    // Spill files of two sessions in one directory have the same names.
    const scratch = join(limits.tempDirectory, `duckdb-${randomUUID()}`);
    await mkdir(limits.tempDirectory, { recursive: true });
    const instance = await DuckDBInstance.create(':memory:', {
      memory_limit: `${limits.memoryLimitMb}MB`,
      threads: String(limits.threads),
      temp_directory: scratch,
      preserve_insertion_order: 'true',
      autoinstall_known_extensions: 'false',
      autoload_known_extensions: 'false',
      allow_community_extensions: 'false',
      allow_persistent_secrets: 'false',
    });
    const connection = await instance.connect();
    const session = new DuckDbSession(instance, connection, scratch, options);
    try {
      await session.lockDown(options);
      return session;
    } catch (error) {
      await session.close();
      throw error;
    }
  }

  private async lockDown({ limits, paths = [], directories = [], progress }: SessionOptions): Promise<void> {
    const settings = [
      "TimeZone = 'UTC'",
      'errors_as_json = true',
      // Among the options of a new instance it would be shown, but not obeyed.
      `max_temp_directory_size = '${Number(limits.maxTempDiskMb)}MB'`,
      ...(progress
        ? ['enable_progress_bar = true', 'enable_progress_bar_print = false', 'progress_bar_time = 0']
        : []),
      `allowed_paths = ${listLiteral(paths)}`,
      `allowed_directories = ${listLiteral(directories)}`,
      'enable_external_access = false',
      'lock_configuration = true',
    ];
    for (const setting of settings) await this.connection.run(`SET ${setting}`);
  }

  /** Runs a statement that returns no rows of interest. */
  async run(sql: string): Promise<void> {
    await this.read(sql);
  }

  /** Runs `COPY` and returns how many rows it wrote. */
  async copy(query: string, path: string, options: string): Promise<number> {
    const reader = await this.read(`COPY (${query}) TO ${literal(path)} (${options})`);
    return Number(reader.getRowsJS()[0]?.[0] ?? 0);
  }

  /** The first column of every row, as text. For questions with small answers only. */
  async texts(sql: string): Promise<string[]> {
    return (await this.read(sql)).getRowsJS().map((row) => String(row[0]));
  }

  /** A few rows as arrays of JavaScript values. For questions with small answers only. */
  async rows(sql: string): Promise<unknown[][]> {
    return (await this.read(sql)).getRowsJS();
  }

  /**
   * The first column of every row as text, some rows at a time, computed as they are asked for. Nothing else may run in
   * the session until it has ended.
   */
  async *stream(sql: string): AsyncGenerator<string[]> {
    const { signal } = this.options;
    signal?.throwIfAborted();
    try {
      const result = await this.connection.stream(sql);
      for (;;) {
        signal?.throwIfAborted();
        const chunk = await result.fetchChunk();
        if (!chunk || chunk.rowCount === 0) return;
        yield chunk.getColumnValues(0).map(String);
      }
    } catch (error) {
      signal?.throwIfAborted();
      throw asEngineFault(error);
    }
  }

  /** Names a query, so that later steps can build on it, and returns its columns. @throws when it cannot work. */
  async view(name: string, query: string): Promise<Column[]> {
    await this.run(`CREATE OR REPLACE TEMP VIEW ${ident(name)} AS ${query}`);
    return this.columns(`SELECT * FROM ${ident(name)}`);
  }

  /** The columns of a query, without running it. */
  async columns(query: string): Promise<Column[]> {
    const rows = await this.rows(`DESCRIBE ${query}`);
    return rows.map((row) => ({ name: String(row[0]), type: String(row[1]) }));
  }

  /** One statement at a time: a connection cannot run two, and the session that checks SQL has many askers. */
  private read(sql: string): Promise<DuckDBResultReader> {
    const reading = this.last.then(() => this.readNow(sql));
    this.last = reading.catch(() => undefined);
    return reading;
  }

  private async readNow(sql: string): Promise<DuckDBResultReader> {
    const { signal, progress } = this.options;
    signal?.throwIfAborted();
    const timer = progress && setInterval(() => this.report(progress), 500);
    try {
      return await this.connection.runAndReadAll(sql);
    } catch (error) {
      signal?.throwIfAborted();
      throw asEngineFault(error);
    } finally {
      clearInterval(timer);
    }
  }

  private report(progress: (fraction: number) => void): void {
    const { percentage } = this.connection.progress;
    if (percentage > 0) progress(Math.min(percentage / 100, 1));
  }

  /** Ends what runs with an error. */
  readonly interrupt = (): void => this.connection.interrupt();

  /** Frees memory and spill files. */
  async close(): Promise<void> {
    this.options.signal?.removeEventListener('abort', this.interrupt);
    this.connection.closeSync();
    this.instance.closeSync();
    await rm(this.scratch, { recursive: true, force: true });
  }
}

/** Opens a session, hands it to `work` and closes it whatever happens. */
export async function withDuckDb<T>(
  options: SessionOptions,
  work: (session: DuckDbSession) => Promise<T>,
): Promise<T> {
  const session = await DuckDbSession.open(options);
  try {
    return await work(session);
  } finally {
    await session.close();
  }
}
