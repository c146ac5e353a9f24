import { rm } from 'node:fs/promises';
import { type Json } from '@tauro/domain';
import {
  type Done,
  type NodeContext,
  NodeError,
  type NodeKind,
  type NodeResult,
  type NodeSettings,
  type TableFile,
} from '@tauro/nodes';
import { type Ending, ProcessEnded, ProcessPool, ProcessUnusable, type Program } from '@tauro/processes';
import { asNodeError } from './call-errors.js';
import { MAX_LOG_BYTES, programFile } from './programs.js';
import { callOf, scratchOf, type TableCall, type TableSettings } from './table-protocol.js';

export interface TablePoolOptions {
  settings: NodeSettings;
  /** Folder of the artifact store. */
  artifacts: string;
  /** Most processes at once. */
  size: number;
  /** How long an aborted node may take to stop by itself; 2 s when absent. */
  killGraceMs?: number;
  /** How long a process may idle; 30 s when absent. */
  idleMs?: number;
  onStray?: (message: string) => void;
}

/** Bound of the JavaScript heap beside DuckDB: rows that stand in a config, and previews. */
const HEAP_MB = 256;

/**
 * Resident memory of a table process, in MB: what DuckDB may use, a quarter of it for what it does not count, and
 * 256 MB for Node, the program and the libraries.
 */
export const tableMemoryMb = (duckdbMb: number): number => Math.round(duckdbMb * 1.25) + 256;

/** The program that executes table nodes. */
export function tableProgram({ settings, artifacts }: TablePoolOptions): Program {
  return {
    module: programFile('table-main'),
    settings: { settings, artifacts } satisfies TableSettings,
    env: bareEnvironment(),
    heapMb: HEAP_MB,
    maxRssBytes: tableMemoryMb(settings.duckdb.memoryLimitMb) * 1024 * 1024,
    maxLogBytes: MAX_LOG_BYTES,
  };
}

/** Nothing that a user's SQL could ever find there: no store, no secret. What is left, the loader and libc need. */
function bareEnvironment(): NodeJS.ProcessEnv {
  const names = ['LD_LIBRARY_PATH', 'TMPDIR', 'TZ', 'SystemRoot', 'TEMP'];
  return Object.fromEntries(names.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])));
}

/**
 * Executes nodes that work on tables in processes beside the worker. DuckDB keeps to its memory limit and can be
 * interrupted, but not in everything: values that functions make are not counted, and a native library can crash.
 * Such an attempt ends with its process, and the worker is not even slowed down.
 */
export class TablePool {
  private readonly processes: ProcessPool;

  constructor(private readonly options: TablePoolOptions) {
    const { size, killGraceMs, idleMs, onStray } = options;
    const program = tableProgram(options);
    const onGone = (pid: number): void =>
      void rm(scratchOf(options, pid), { recursive: true, force: true }).catch(() => undefined);
    this.processes = new ProcessPool({ program, size, keepOne: false, killGraceMs, idleMs, onStray, onGone });
  }

  /** What `kind.execute(context)` yields or throws, but from another process. */
  execute(kind: NodeKind, context: NodeContext): Promise<NodeResult> {
    return this.call<NodeResult>(callOf(kind.type, 'result', context), context);
  }

  /** The same for `kind.pins`. */
  pins(kind: NodeKind, context: NodeContext): Promise<Json> {
    return this.call<Json>(callOf(kind.type, 'pins', context), context);
  }

  /** The table of a file that a node of this kind has written. */
  adopt(kind: NodeKind, file: TableFile, context: NodeContext): Promise<Done & { rows: number }> {
    return this.call(callOf(kind.type, file, context), context);
  }

  private async call<T>(call: TableCall, context: NodeContext): Promise<T> {
    try {
      const result = await this.processes.run(call, {
        signal: context.signal,
        log: (level, message) => context.log(level, message),
        progress: (fraction) => context.progress(fraction),
        onWait: () =>
          context.log('INFO', `waits for a table process; its worker has ${this.options.size} at most`),
      });
      return JSON.parse(result) as T;
    } catch (error) {
      if (error instanceof ProcessUnusable) {
        throw new NodeError('TableProcess', `no process for tables could be started: ${error.message}`);
      }
      throw error instanceof ProcessEnded ? this.inWords(error.ending) : asNodeError(error);
    }
  }

  /** Ends every process; calls that still run fail. */
  close(): Promise<void> {
    return this.processes.close();
  }

  private inWords(ending: Ending): NodeError {
    switch (ending.kind) {
      case 'stopped':
        return new NodeError('TableProcess', 'the process of this attempt was stopped');
      case 'outgrown':
        return new NodeError('OutOfMemory', this.outgrown(), false);
      case 'exited': {
        const hint = ending.signal === 'SIGKILL' ? ', perhaps because the machine is short of memory' : '';
        return new NodeError('TableProcess', `the process of this attempt ${ending.how}${hint}`);
      }
    }
  }

  /** Not worth another attempt: what DuckDB counts it spills to disk, so this is a value that gets as large again. */
  private outgrown(): string {
    const { memoryLimitMb } = this.options.settings.duckdb;
    return (
      `used more than ${tableMemoryMb(memoryLimitMb)} MB of memory, the bound of an attempt when ` +
      `DUCKDB_MEMORY_MB is ${memoryLimitMb}; raise DUCKDB_MEMORY_MB, or look for an expression that makes huge ` +
      'values (replace, ||, string_agg, list)'
    );
  }
}
