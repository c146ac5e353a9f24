import { availableParallelism } from 'node:os';
import { type CallHooks, PooledProcess } from './pooled-process.js';
import { type Program } from './protocol.js';

export interface PoolOptions {
  program: Program;
  /** Most processes at once. */
  size: number;
  /** Whether the last process stays, however long it idles. */
  keepOne: boolean;
  /** How long an aborted call may take to stop by itself; 2 s when absent. */
  killGraceMs?: number;
  /** How long a process may idle; 30 s when absent. */
  idleMs?: number;
  /** Told of what finished calls left behind and then failed. */
  onStray?: (message: string) => void;
  /** Told of each process that has ended, so that what it left can be cleared away. */
  onGone?: (pid: number) => void;
}

/** A call as seen from outside of its process. */
export interface PoolCall extends CallHooks {
  signal: AbortSignal;
  /** Told when the call has to wait, because all processes are busy or the first is slow to start. */
  onWait?: () => void;
}

/** A process could not be started, or its program not loaded. */
export class ProcessUnusable extends Error {}

/** A call that takes a moment is not worth another process: the queue must stand this long first. */
const GROW_AFTER_MS = 20;
/** A shorter wait is nothing to tell of. */
const TELL_AFTER_MS = 1000;

/**
 * Runs calls of one program in processes: started when needed, used again, killed when they do not stop. A call
 * that loops, exits, crashes or outgrows its memory takes down its own process only, and nothing that the parent has
 * to do in time ever waits for one. Threads would be lighter, but one allocation beyond the heap limit of a thread
 * aborts the whole parent, and memory outside of the heap has no limit at all.
 */
export class ProcessPool {
  private readonly processes = new Set<PooledProcess>();
  private readonly idle: PooledProcess[] = [];
  private readonly idleTimers = new Map<PooledProcess, NodeJS.Timeout>();
  private readonly waiting: ((process: PooledProcess | Error) => void)[] = [];
  private starting = 0;
  private closed = false;
  private drained = false;
  /** Whether there may be more processes than there are; the last one is replaced in any case. */
  growing = true;

  constructor(private readonly options: PoolOptions) {}

  /** Starts the first process. @returns what the program tells of itself. @throws Error when it cannot be loaded */
  async open(): Promise<unknown> {
    const process = this.spawn();
    const about = await process.ready;
    this.release(process);
    return about;
  }

  /**
   * Runs a call in a process that is free, and waits for its end, or after an abort for its grace: a process that
   * does not answer is killed.
   * @returns JSON text
   * @throws `CallFailed`, `ProcessEnded`, `ProcessUnusable`, or the signal's reason
   */
  async run(work: object, call: PoolCall): Promise<string> {
    call.signal.throwIfAborted();
    const process = await this.acquire(call);
    try {
      return await this.runOn(process, work, call);
    } finally {
      this.release(process);
    }
  }

  /** Takes no new calls: those in hand, and those that wait, are carried out, and each process ends when it has no more to do. */
  drain(): void {
    this.drained = true;
    for (const process of [...this.idle]) if (this.forget(process)) void process.stop();
  }

  /** Ends every process; calls that still run fail. */
  async close(): Promise<void> {
    this.closed = true;
    for (const timer of this.idleTimers.values()) clearTimeout(timer);
    for (const take of this.waiting.splice(0)) take(new Error('this process is stopping'));
    await Promise.all([...this.processes].map((process) => process.stop()));
  }

  private async runOn(process: PooledProcess, work: object, { signal, ...hooks }: PoolCall): Promise<string> {
    const { id, result } = process.run(work, hooks);
    let kill: NodeJS.Timeout | undefined;
    const onAbort = (): void => {
      process.abort(id, reasonOf(signal));
      kill = setTimeout(() => void process.stop(), this.options.killGraceMs ?? 2000);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    try {
      const text = await result;
      signal.throwIfAborted();
      return text;
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    } finally {
      clearTimeout(kill);
      signal.removeEventListener('abort', onAbort);
    }
  }

  private async acquire(call: PoolCall): Promise<PooledProcess> {
    const idle = this.idle.pop();
    if (idle) {
      clearTimeout(this.idleTimers.get(idle));
      return idle;
    }
    if (this.processes.size === 0) this.grow();
    const given = await this.turn(call);
    if (given instanceof Error) {
      call.signal.throwIfAborted();
      throw given;
    }
    return given;
  }

  /** A place in the queue for a free process, left when the call is aborted. The pool grows while it stands. */
  private turn({ signal, onWait }: PoolCall): Promise<PooledProcess | Error> {
    return new Promise((resolve) => {
      const take = (process: PooledProcess | Error): void => {
        clearTimeout(growing);
        clearTimeout(telling);
        signal.removeEventListener('abort', leave);
        resolve(process);
      };
      const leave = (): void => {
        this.waiting.splice(this.waiting.indexOf(take), 1);
        take(signal.reason instanceof Error ? signal.reason : new Error(reasonOf(signal)));
      };
      const growing = setTimeout(() => this.grow(), GROW_AFTER_MS);
      const telling = onWait && setTimeout(onWait, TELL_AFTER_MS);
      this.waiting.push(take);
      signal.addEventListener('abort', leave, { once: true });
    });
  }

  private release(process: PooledProcess): void {
    if (this.closed) return;
    if (process.spent || (this.drained && this.waiting.length === 0)) {
      this.processes.delete(process);
      void process.stop();
      if (this.waiting.length > 0 || (this.keepsOne && this.processes.size === 0)) this.grow();
      return;
    }
    const next = this.waiting.shift();
    if (next) return next(process);
    this.idle.push(process);
    const retire = setTimeout(() => this.retire(process), this.options.idleMs ?? 30_000).unref();
    this.idleTimers.set(process, retire);
  }

  private get keepsOne(): boolean {
    return this.options.keepOne && !this.drained;
  }

  /** Ends a process that nobody needed for a while, unless it is the one to keep. */
  private retire(process: PooledProcess): void {
    if (this.keepsOne && this.processes.size === 1) return;
    if (this.forget(process)) void process.stop();
  }

  /** Takes an idle process out of the pool. */
  private forget(process: PooledProcess): boolean {
    const at = this.idle.indexOf(process);
    if (at < 0) return false;
    this.idle.splice(at, 1);
    clearTimeout(this.idleTimers.get(process));
    this.idleTimers.delete(process);
    this.processes.delete(process);
    return true;
  }

  /** Starts another process when there may be one more; no more at once than there are cores to start them. */
  private grow(): void {
    const size = this.growing ? this.options.size : 1;
    const full = this.processes.size >= size || this.starting >= availableParallelism();
    if (this.closed || full) return;
    this.starting++;
    void this.spawnReady()
      .then(
        (process) => this.release(process),
        (error: Error) => this.waiting.shift()?.(error),
      )
      .finally(() => {
        this.starting--;
        if (this.waiting.length > 0) this.grow();
      });
  }

  private async spawnReady(): Promise<PooledProcess> {
    const process = this.spawn();
    try {
      await process.ready;
      return process;
    } catch (error) {
      this.processes.delete(process);
      void process.stop();
      throw new ProcessUnusable((error as Error).message);
    }
  }

  private spawn(): PooledProcess {
    const { program, onStray, onGone } = this.options;
    const process = new PooledProcess(program, (message) => onStray?.(message));
    this.processes.add(process);
    void process.gone.then(() => {
      if (process.pid !== undefined) onGone?.(process.pid);
      // What a call left behind can end a process between two calls as well.
      if (this.forget(process) && this.keepsOne && this.processes.size === 0) this.grow();
    });
    return process;
  }
}

/** Why a call was aborted, in words. */
export const reasonOf = (signal: AbortSignal): string =>
  signal.reason instanceof Error ? signal.reason.message : String(signal.reason);
