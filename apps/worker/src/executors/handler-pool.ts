import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { type Json } from '@tauro/domain';
import { compileSchema, NodeError, schemaFaults, type NodeContext, type TaskHandlers } from '@tauro/nodes';
import { findHandlerFiles } from './handler-files.js';
import { HandlerProcess, SDK_FILE } from './handler-process.js';
import { type HandlerCall, type HandlerSettings, type LoadedHandler } from './handler-protocol.js';

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

type Validator = ReturnType<typeof compileSchema>;

/** A call that takes a moment is not worth another process: the queue must stand this long first. */
const GROW_AFTER_MS = 20;

/**
 * Runs `task` handlers in processes: started when needed, used again, killed when they do not stop. A handler
 * that loops, exits, crashes or outgrows its memory takes down its own process only, and the worker's
 * heartbeats never wait for one. Threads would be lighter, but one allocation beyond the heap limit of a thread
 * aborts the whole worker, and its buffers have no limit at all.
 */
export class HandlerPool implements TaskHandlers {
  private readonly handlers = new Map<string, LoadedHandler & { validate?: Validator }>();
  private readonly hosts = new Set<HandlerProcess>();
  private readonly idle: HandlerProcess[] = [];
  private readonly idleTimers = new Map<HandlerProcess, NodeJS.Timeout>();
  private readonly waiting: ((host: HandlerProcess | Error) => void)[] = [];
  private starting = 0;
  private closed = false;

  private constructor(
    private readonly options: HandlerPoolOptions,
    private readonly settings: HandlerSettings,
  ) {}

  /** A pool with its first process, in which the handlers are loaded. @throws Error naming the file at fault. */
  static async start(options: HandlerPoolOptions): Promise<HandlerPool> {
    const files = await findHandlerFiles(options.paths);
    const pool = new HandlerPool(options, {
      files,
      sdk: SDK_FILE,
      cacheDirectory: resolve(options.cacheDirectory ?? '.tauro/cache/handlers'),
      maxLogBytes: options.maxLogBytes ?? 10 * 1024 * 1024,
      // Node itself, and room for garbage that is not collected yet.
      maxRssBytes: (options.memoryMb * 1.5 + 128) * 1024 * 1024,
    });
    try {
      if (files.length > 0) await pool.load();
      return pool;
    } catch (error) {
      await pool.close();
      throw error;
    }
  }

  names(): string[] {
    return [...this.handlers.keys()];
  }

  /** The handlers with where they come from, for people. */
  list(): LoadedHandler[] {
    return [...this.handlers.values()].map(({ validate: _, ...handler }) => handler);
  }

  async run(name: string, input: Json, context: NodeContext): Promise<Json> {
    const handler = this.handlers.get(name);
    if (!handler) {
      const known = this.names().join(', ') || 'none';
      throw new NodeError('UnknownHandler', `this worker has no handler '${name}' (it has: ${known})`, false);
    }
    const faults = handler.validate ? schemaFaults(handler.validate, { input }) : [];
    if (faults.length > 0) {
      const reasons = faults.map(({ message }) => message).join('; ');
      throw new NodeError('InvalidInput', `the handler '${name}' cannot take this: ${reasons}`, false);
    }
    context.signal.throwIfAborted();
    const host = await this.acquire(context.signal);
    try {
      return await this.runOn(host, name, callOf(input, context), context);
    } finally {
      this.release(host);
    }
  }

  /** Ends every process; calls that still run fail. */
  async close(): Promise<void> {
    this.closed = true;
    for (const timer of this.idleTimers.values()) clearTimeout(timer);
    for (const take of this.waiting.splice(0)) take(new Error('the worker is stopping'));
    await Promise.all([...this.hosts].map((host) => host.stop()));
  }

  private async load(): Promise<void> {
    const host = this.spawn();
    for (const handler of await host.ready) {
      const validate = handler.input && { validate: inputValidator(handler) };
      this.handlers.set(handler.name, { ...handler, ...validate });
    }
    this.release(host);
  }

  /** Waits for the call's end, or after an abort for its grace: a process that does not answer is killed. */
  private async runOn(
    host: HandlerProcess,
    name: string,
    call: HandlerCall,
    context: NodeContext,
  ): Promise<Json> {
    const { signal } = context;
    const { id, result } = host.run(name, call, {
      log: (level, message) => context.log(level, message),
      progress: (fraction) => context.progress(fraction),
    });
    let kill: NodeJS.Timeout | undefined;
    const onAbort = (): void => {
      host.abort(id, reasonOf(signal));
      kill = setTimeout(() => void host.stop(), this.options.killGraceMs ?? 2000);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    try {
      const output = await result;
      signal.throwIfAborted();
      return output;
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    } finally {
      clearTimeout(kill);
      signal.removeEventListener('abort', onAbort);
    }
  }

  private async acquire(signal: AbortSignal): Promise<HandlerProcess> {
    const idle = this.idle.pop();
    if (idle) {
      clearTimeout(this.idleTimers.get(idle));
      return idle;
    }
    if (this.hosts.size === 0) return this.spawnReady();
    const given = await this.turn(signal);
    if (given instanceof Error) throw given;
    return given;
  }

  /** A place in the queue for a free process, left when the call is aborted. The pool grows while it stands. */
  private turn(signal: AbortSignal): Promise<HandlerProcess | Error> {
    return new Promise((resolve) => {
      const take = (host: HandlerProcess | Error): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', leave);
        resolve(host);
      };
      const leave = (): void => {
        this.waiting.splice(this.waiting.indexOf(take), 1);
        take(signal.reason instanceof Error ? signal.reason : new Error(reasonOf(signal)));
      };
      const timer = setTimeout(() => this.grow(), GROW_AFTER_MS);
      this.waiting.push(take);
      signal.addEventListener('abort', leave, { once: true });
    });
  }

  private release(host: HandlerProcess): void {
    if (this.closed) return;
    if (host.spent) {
      this.hosts.delete(host);
      void host.stop();
      if (this.waiting.length > 0 || this.hosts.size === 0) this.grow();
      return;
    }
    const next = this.waiting.shift();
    if (next) return next(host);
    this.idle.push(host);
    this.idleTimers.set(host, setTimeout(() => this.retire(host), this.options.idleMs ?? 30_000).unref());
  }

  /** Ends a process that nobody needed for a while, unless it is the warm one. */
  private retire(host: HandlerProcess): void {
    const at = this.idle.indexOf(host);
    if (at < 0 || this.hosts.size === 1) return;
    this.idle.splice(at, 1);
    this.hosts.delete(host);
    this.idleTimers.delete(host);
    void host.stop();
  }

  /** Starts another process when there may be one more; no more at once than there are cores to start them. */
  private grow(): void {
    const full = this.hosts.size >= this.options.size || this.starting >= availableParallelism();
    if (this.closed || full) return;
    this.starting++;
    void this.spawnReady()
      .then(
        (host) => this.release(host),
        (error: Error) => this.waiting.shift()?.(error),
      )
      .finally(() => {
        this.starting--;
        if (this.waiting.length > 0) this.grow();
      });
  }

  private async spawnReady(): Promise<HandlerProcess> {
    const host = this.spawn();
    try {
      await host.ready;
      return host;
    } catch (error) {
      this.hosts.delete(host);
      void host.stop();
      throw new NodeError('HandlerLoad', `the handlers cannot be loaded: ${(error as Error).message}`);
    }
  }

  private spawn(): HandlerProcess {
    const host = new HandlerProcess(this.settings, this.options.memoryMb, (message) =>
      this.options.onStray?.(message),
    );
    this.hosts.add(host);
    void host.gone.then(() => {
      // What a handler left behind can end a process between two calls as well.
      const at = this.idle.indexOf(host);
      if (at < 0) return;
      this.idle.splice(at, 1);
      clearTimeout(this.idleTimers.get(host));
      this.idleTimers.delete(host);
      this.hosts.delete(host);
      if (this.hosts.size === 0) this.grow();
    });
    return host;
  }
}

function inputValidator({ name, file, input }: LoadedHandler): Validator {
  try {
    return compileSchema({ properties: { input } });
  } catch (error) {
    const reason = (error as Error).message;
    throw new Error(`${file}: the input schema of '${name}' is not valid: ${reason}`, { cause: error });
  }
}

function callOf(input: Json, { params, inputs, run, task }: NodeContext): HandlerCall {
  const outputs = Object.fromEntries(inputs.map(({ node_id, output }) => [node_id, output]));
  return { params, input, inputs: outputs, run, attempt: task.attempt };
}

const reasonOf = (signal: AbortSignal): string =>
  signal.reason instanceof Error ? signal.reason.message : String(signal.reason);
