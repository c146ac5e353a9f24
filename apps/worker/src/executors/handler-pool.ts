import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type Json } from '@tauro/domain';
import { findHandlerFiles, type HandlerSettings, type LoadedHandler, SDK_FILE } from '@tauro/handlers';
import {
  type HandlerEnd,
  HandlerSchemas,
  type NodeContext,
  NodeError,
  type TaskHandlers,
} from '@tauro/nodes';
import { ProcessEnded, ProcessPool, ProcessUnusable, type Program } from '@tauro/processes';
import { asNodeError } from './call-errors.js';
import { type HandlerCall } from './handler-protocol.js';
import { MAX_LOG_BYTES, programFile, sourceFile } from './programs.js';

export interface HandlerPoolOptions {
  /** Files and directories of handler modules. */
  paths: readonly string[];
  /** Most processes at once: the worker's slots. */
  size: number;
  /** Bound of each process's JavaScript heap, in MB. */
  memoryMb: number;
  /** Where transpiled TypeScript is kept between boots; `.tauro/cache/handlers` when absent. Keep it private. */
  cacheDirectory?: string;
  /** Bytes of log that one attempt may write; 10 MB when absent. */
  maxLogBytes?: number;
  /** How long an aborted handler may take to stop by itself; 2 s when absent. */
  killGraceMs?: number;
  /** How long a process beyond the first may idle; 30 s when absent. */
  idleMs?: number;
  /** Told of what finished handlers left behind and then failed. */
  onStray?: (message: string) => void;
}

/** Memory outside of the heap that reading tables may take: DuckDB, and what it holds. */
const TABLES_MB = 384;

/** A handler with what checks its values. */
interface CheckedHandler {
  handler: LoadedHandler;
  schemas: HandlerSchemas;
}

/** The program that runs handlers. */
export function handlerProgram(
  files: string[],
  options: Omit<HandlerPoolOptions, 'paths' | 'size'>,
): Program {
  return {
    module: programFile('handler-main'),
    sourceAliases: {
      '@tauro/sdk': SDK_FILE,
      '@tauro/handlers': sourceFile('handlers'),
      '@tauro/processes': sourceFile('processes'),
    },
    settings: {
      files,
      cacheDirectory: resolve(options.cacheDirectory ?? join('.tauro', 'cache', 'handlers')),
    } satisfies HandlerSettings,
    heapMb: options.memoryMb,
    // Node itself, room for garbage that is not collected yet, and what reads tables.
    maxRssBytes: (options.memoryMb * 1.5 + 128 + TABLES_MB) * 1024 * 1024,
    maxLogBytes: options.maxLogBytes ?? MAX_LOG_BYTES,
  };
}

/** Handlers as they were loaded, and the processes that have them. */
interface Loaded {
  processes: ProcessPool;
  handlers: ReadonlyMap<string, CheckedHandler>;
  /** Digests of the handlers' modules, by file. */
  versions: ReadonlyMap<string, string>;
}

/** Runs `task` handlers in processes beside the worker. The first stays: it has told which handlers there are. */
export class HandlerPool implements TaskHandlers {
  /** Also those of handlers that were replaced, of which some may still run. */
  private readonly pools = new Set<ProcessPool>();
  private closed = false;
  private loaded!: Loaded;

  private constructor(private readonly options: HandlerPoolOptions) {}

  /** A pool with its first process, in which the handlers are loaded. @throws Error naming the file at fault. */
  static async start(options: HandlerPoolOptions): Promise<HandlerPool> {
    const pool = new HandlerPool(options);
    pool.loaded = await pool.load();
    return pool;
  }

  /**
   * Loads the handlers anew, for all calls from then on; those that run end as they began.
   * @throws Error naming the file at fault: then everything stays as it was
   */
  async reload(): Promise<void> {
    const last = this.loaded;
    try {
      this.loaded = await this.load();
    } catch (error) {
      // Another process would load what is broken now.
      last.processes.growing = false;
      throw error;
    }
    last.processes.drain();
  }

  names(): string[] {
    return [...this.loaded.handlers.keys()];
  }

  version(name: string): string | undefined {
    const { handlers, versions } = this.loaded;
    return versions.get(handlers.get(name)?.handler.file ?? '');
  }

  /** The handlers with where they come from, for people. */
  list(): LoadedHandler[] {
    return [...this.loaded.handlers.values()].map(({ handler }) => handler);
  }

  async run(name: string, input: Json, context: NodeContext, rows?: string): Promise<HandlerEnd> {
    const { handlers, processes } = this.loaded;
    const known = handlers.get(name);
    if (!known) {
      const all = this.names().join(', ') || 'none';
      throw new NodeError('UnknownHandler', `this worker has no handler '${name}' (it has: ${all})`, false);
    }
    known.schemas.assertInput(input);
    const end = await this.call(processes, name, callOf(name, input, context, rows), context);
    known.schemas.assertOutput(end.output);
    return end;
  }

  private async call(
    processes: ProcessPool,
    name: string,
    call: HandlerCall,
    context: NodeContext,
  ): Promise<HandlerEnd> {
    try {
      const end = await processes.run(call, {
        signal: context.signal,
        log: (level, message) => context.log(level, message),
        progress: (fraction) => context.progress(fraction),
      });
      return JSON.parse(end) as HandlerEnd;
    } catch (error) {
      throw this.inWords(error, name);
    }
  }

  /** Ends every process; calls that still run fail. */
  async close(): Promise<void> {
    this.closed = true;
    await Promise.all([...this.pools].map((pool) => pool.close()));
  }

  private async load(): Promise<Loaded> {
    const { paths, size, killGraceMs, idleMs, onStray } = this.options;
    const files = await findHandlerFiles(paths);
    const program = handlerProgram(files, this.options);
    const processes = new ProcessPool({ program, size, keepOne: true, killGraceMs, idleMs, onStray });
    this.pools.add(processes);
    try {
      const found = files.length > 0 ? ((await processes.open()) as LoadedHandler[]) : [];
      const loaded = { processes, handlers: byName(found), versions: await versionsOf(found) };
      if (this.closed) throw new Error('this worker is stopping');
      return loaded;
    } catch (error) {
      this.pools.delete(processes);
      await processes.close();
      throw error;
    }
  }

  private inWords(error: unknown, name: string): unknown {
    if (error instanceof ProcessUnusable) {
      return new NodeError('HandlerLoad', `the handlers cannot be loaded: ${error.message}`);
    }
    if (!(error instanceof ProcessEnded)) return asNodeError(error);
    const { ending } = error;
    switch (ending.kind) {
      case 'stopped':
        return new NodeError('HandlerStopped', `the handler '${name}' was stopped`);
      case 'outgrown':
        return new NodeError(
          'OutOfMemory',
          `the handler '${name}' needs more than ${this.options.memoryMb} MB of memory`,
        );
      case 'exited':
        return new NodeError('HandlerExited', `the handler '${name}' ${ending.how}`);
    }
  }
}

/** @throws Error naming the file with a schema that is none */
function byName(found: LoadedHandler[]): Map<string, CheckedHandler> {
  return new Map(
    found.map((handler) => {
      try {
        return [handler.name, { handler, schemas: new HandlerSchemas(handler) }];
      } catch (error) {
        throw new Error(`${handler.file}: ${(error as Error).message}`, { cause: error });
      }
    }),
  );
}

async function versionsOf(found: LoadedHandler[]): Promise<Map<string, string>> {
  const versions = new Map<string, string>();
  for (const file of new Set(found.map((handler) => handler.file))) {
    const text = await readFile(file);
    versions.set(file, createHash('sha256').update(text).digest('hex'));
  }
  return versions;
}

function callOf(
  handler: string,
  input: Json,
  { params, inputs, run, task, traceparent, artifacts, settings }: NodeContext,
  path?: string,
): HandlerCall {
  const outputs = Object.fromEntries(inputs.map(({ node_id, output }) => [node_id, output]));
  const tables = inputs.flatMap(({ node_id, table }) =>
    table
      ? [{ node_id, path: artifacts.path(table.artifact), rows: table.rows, columns: table.columns }]
      : [],
  );
  const rows = path === undefined ? {} : { rows: { path, mostMb: settings.duckdb.maxTempDiskMb } };
  return {
    handler,
    params,
    input,
    inputs: outputs,
    run,
    attempt: task.attempt,
    traceparent,
    tables,
    ...rows,
  };
}
