import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type Json } from '@tauro/domain';
import {
  compileSchema,
  type HandlerEnd,
  type NodeContext,
  NodeError,
  schemaFaults,
  type TaskHandlers,
} from '@tauro/nodes';
import { ProcessEnded, ProcessPool, ProcessUnusable, type Program } from '@tauro/processes';
import { asNodeError } from './call-errors.js';
import { findHandlerFiles } from './handler-files.js';
import { type HandlerCall, type HandlerSettings, type LoadedHandler } from './handler-protocol.js';
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

type Validator = ReturnType<typeof compileSchema>;

/** A handler with what checks its values. */
interface CheckedHandler {
  handler: LoadedHandler;
  input?: Validator;
  output?: Validator;
}

/** What `import '@tauro/sdk'` means in a handler module. */
const SDK_FILE = sourceFile('sdk');

/** The program that runs handlers. */
export function handlerProgram(
  files: string[],
  options: Omit<HandlerPoolOptions, 'paths' | 'size'>,
): Program {
  return {
    module: programFile('handler-main'),
    sourceAliases: { '@tauro/sdk': SDK_FILE, '@tauro/processes': sourceFile('processes') },
    settings: {
      files,
      sdk: SDK_FILE,
      cacheDirectory: resolve(options.cacheDirectory ?? join('.tauro', 'cache', 'handlers')),
    } satisfies HandlerSettings,
    heapMb: options.memoryMb,
    // Node itself, room for garbage that is not collected yet, and what reads tables.
    maxRssBytes: (options.memoryMb * 1.5 + 128 + TABLES_MB) * 1024 * 1024,
    maxLogBytes: options.maxLogBytes ?? MAX_LOG_BYTES,
  };
}

/** Runs `task` handlers in processes beside the worker. The first stays: it has told which handlers there are. */
export class HandlerPool implements TaskHandlers {
  private readonly handlers = new Map<string, CheckedHandler>();
  /** Digests of the handlers' modules, by file. */
  private readonly versions = new Map<string, string>();

  private constructor(
    private readonly processes: ProcessPool,
    private readonly memoryMb: number,
  ) {}

  /** A pool with its first process, in which the handlers are loaded. @throws Error naming the file at fault. */
  static async start(options: HandlerPoolOptions): Promise<HandlerPool> {
    const files = await findHandlerFiles(options.paths);
    const { size, killGraceMs, idleMs, onStray } = options;
    const program = handlerProgram(files, options);
    const processes = new ProcessPool({ program, size, keepOne: true, killGraceMs, idleMs, onStray });
    const pool = new HandlerPool(processes, options.memoryMb);
    try {
      if (files.length > 0) await pool.learn((await processes.open()) as LoadedHandler[]);
      return pool;
    } catch (error) {
      await pool.close();
      throw error;
    }
  }

  names(): string[] {
    return [...this.handlers.keys()];
  }

  version(name: string): string | undefined {
    return this.versions.get(this.handlers.get(name)?.handler.file ?? '');
  }

  /** The handlers with where they come from, for people. */
  list(): LoadedHandler[] {
    return [...this.handlers.values()].map(({ handler }) => handler);
  }

  async run(name: string, input: Json, context: NodeContext, rows?: string): Promise<HandlerEnd> {
    const known = this.handlers.get(name);
    if (!known) {
      const all = this.names().join(', ') || 'none';
      throw new NodeError('UnknownHandler', `this worker has no handler '${name}' (it has: ${all})`, false);
    }
    const unfit = faultsOf(known.input, { input });
    if (unfit) throw new NodeError('InvalidInput', `the handler '${name}' cannot take this: ${unfit}`, false);
    const end = await this.call(name, input, context, rows);
    const unlike = faultsOf(known.output, { output: end.output });
    if (unlike) {
      const message = `the handler '${name}' returned what its output schema does not allow: ${unlike}`;
      throw new NodeError('InvalidOutput', message, false);
    }
    return end;
  }

  private async call(
    name: string,
    input: Json,
    context: NodeContext,
    rows: string | undefined,
  ): Promise<HandlerEnd> {
    try {
      const end = await this.processes.run(callOf(name, input, context, rows), {
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
  close(): Promise<void> {
    return this.processes.close();
  }

  private async learn(handlers: LoadedHandler[]): Promise<void> {
    for (const file of new Set(handlers.map((handler) => handler.file))) {
      this.versions.set(
        file,
        createHash('sha256')
          .update(await readFile(file))
          .digest('hex'),
      );
    }
    for (const handler of handlers) {
      const [input, output] = [validatorOf(handler, 'input'), validatorOf(handler, 'output')];
      this.handlers.set(handler.name, { handler, input, output });
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
          `the handler '${name}' needs more than ${this.memoryMb} MB of memory`,
        );
      case 'exited':
        return new NodeError('HandlerExited', `the handler '${name}' ${ending.how}`);
    }
  }
}

function validatorOf(handler: LoadedHandler, of: 'input' | 'output'): Validator | undefined {
  const { name, file, [of]: schema } = handler;
  if (!schema) return undefined;
  try {
    return compileSchema({ properties: { [of]: schema } });
  } catch (error) {
    const reason = (error as Error).message;
    throw new Error(`${file}: the ${of} schema of '${name}' is not valid: ${reason}`, { cause: error });
  }
}

/** What is wrong with a value, in words; undefined when nothing is. */
function faultsOf(validate: Validator | undefined, value: object): string | undefined {
  const faults = validate ? schemaFaults(validate, value) : [];
  return faults.length > 0 ? faults.map(({ message }) => message).join('; ') : undefined;
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
