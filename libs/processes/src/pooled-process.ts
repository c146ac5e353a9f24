import { type ChildProcess, spawn } from 'node:child_process';
import { type LogLevel } from '@tauro/domain';
import { getPriority, setPriority } from 'node:os';
import { type CallFailure, type FromProcess, MEMORY_MARK, type Program, type ToProcess } from './protocol.js';

/**
 * Whatever handlers and tables do to the processors, heartbeats, cancels and settlements come first: these processes yield
 * to the engine and to the stores beside it. On a machine that is not full it makes no difference.
 */
const NICENESS = 5;

/** What a call may do while it runs. */
export interface CallHooks {
  log(level: LogLevel, message: string): void;
  progress(fraction: number): void;
  /** Takes a piece of an answer that is too long to be held whole; the next one is made once it resolves. */
  write?(piece: string): Promise<void>;
}

/** Rejects a call that has failed by itself, as its process tells it. */
export class CallFailed extends Error {
  /** Whether another attempt may do better. */
  readonly retryable: boolean;

  constructor({ name, message, retryable }: CallFailure) {
    super(message);
    this.name = name;
    this.retryable = retryable;
  }
}

/** How a process ended under its call: it grew beyond its memory, it was stopped from here, or by itself. */
export type Ending =
  { kind: 'outgrown' } | { kind: 'stopped' } | { kind: 'exited'; how: string; signal: NodeJS.Signals | null };

/** Rejects a call whose process is gone. */
export class ProcessEnded extends Error {
  constructor(readonly ending: Ending) {
    super(ending.kind === 'exited' ? ending.how : ending.kind);
  }
}

interface ActiveCall {
  id: number;
  hooks: CallHooks;
  resolve(result: string): void;
  reject(error: Error): void;
}

/** How to start a program; from its TypeScript source, as the specs do, it is transpiled on the way in. */
export function programCommand({ module, sourceAliases, heapMb }: Program): string[] {
  const flags = [`--max-old-space-size=${heapMb}`];
  if (module.endsWith('.js')) return [...flags, module];
  const [jiti, here, options, program] = [
    require.resolve('jiti'),
    __filename,
    { alias: sourceAliases },
    module,
  ].map((value) => JSON.stringify(value));
  return [...flags, '-e', `require(${jiti}).createJiti(${here}, ${options}).import(${program})`];
}

/** One process of a pool, seen from the worker. Runs one call at a time; ends once, and then for good. */
export class PooledProcess {
  /** Settles when the program is loaded, with what it tells of itself. */
  readonly ready: Promise<unknown>;
  /** Resolves when the process is gone. */
  readonly gone: Promise<void>;
  /** Whether the next call should be given to another process. */
  spent = false;
  private readonly child: ChildProcess;
  private active?: ActiveCall;
  private calls = 0;
  private stopping = false;
  private readonly leaves: boolean;
  /** The end of what it wrote to stderr itself: why V8 gave up, when it did. */
  private lastWords = '';

  /** @param onStray told of errors that a finished call left behind. */
  constructor(
    program: Program,
    private readonly onStray: (message: string) => void,
  ) {
    this.leaves = program.leaves === true;
    this.child = spawn(process.execPath, programCommand(program), {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      env: program.env ?? process.env,
    });
    yieldToOthers(this.child.pid);
    this.child.stderr!.on('data', (chunk: Buffer) => {
      this.lastWords = (this.lastWords + chunk.toString()).slice(-4096);
    });
    this.gone = new Promise((resolve) => {
      this.child.once('close', () => resolve());
      // A process that the call started may hold stderr open for longer than it matters.
      this.child.once('exit', () => setTimeout(resolve, 500).unref());
      this.child.once('error', () => resolve());
    });
    this.ready = new Promise((resolve, reject) => {
      this.child.on('message', (message: FromProcess) => {
        if (message.type === 'ready') resolve(message.about);
        else if (message.type === 'unusable') reject(new Error(message.message));
        else this.receive(message);
      });
      this.child.on('error', reject);
      void this.gone.then(() => {
        reject(new Error(`the process ${this.howItEnded()} while it loaded`));
        this.onGone();
      });
    });
    this.ready.catch(() => (this.spent = true));
    const { settings, maxRssBytes, maxLogBytes } = program;
    this.send({ type: 'load', settings, parent: process.pid, maxRssBytes, maxLogBytes });
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  /**
   * Starts a call on an idle process. `result` is JSON text; it rejects with `CallFailed` or `ProcessEnded`.
   */
  run(work: object, hooks: CallHooks): { id: number; result: Promise<string> } {
    const id = ++this.calls;
    const result = new Promise<string>((resolve, reject) => {
      this.active = { id, hooks, resolve, reject };
    });
    this.send({ type: 'run', call: id, work });
    return { id, result };
  }

  /** Aborts the signal that this call was given. */
  abort(call: number, reason: string): void {
    this.send({ type: 'abort', call, reason });
  }

  /** Ends the process, even in the middle of a busy loop. */
  async stop(): Promise<void> {
    this.spent = true;
    this.stopping = true;
    if (this.leaves && this.child.connected) this.child.disconnect();
    else this.child.kill('SIGKILL');
    await this.gone;
  }

  private send(message: ToProcess): void {
    // A process that is just ending is no error here: its end is told by 'exit'.
    if (this.child.connected) this.child.send(message, () => undefined);
  }

  private receive(message: FromProcess): void {
    if (message.type === 'stray') return this.onStray(message.message);
    const { active } = this;
    if (!active || !('call' in message) || message.call !== active.id) return;
    if (message.type === 'log') active.hooks.log(message.level, message.message);
    else if (message.type === 'progress') active.hooks.progress(message.fraction);
    else if (message.type === 'piece') this.hand(active, message.piece);
    else {
      this.active = undefined;
      if (message.type === 'done') return active.resolve(message.result);
      this.spent ||= message.spent;
      active.reject(new CallFailed(message.error));
    }
  }

  /** Asks for the next piece when this one was taken; a call whose pieces nobody takes any more is aborted. */
  private hand({ id, hooks }: ActiveCall, piece: string): void {
    const taken = hooks.write?.(piece) ?? Promise.resolve();
    taken.then(
      () => this.send({ type: 'next', call: id }),
      (error: Error) => this.abort(id, error.message),
    );
  }

  private onGone(): void {
    this.spent = true;
    const { active } = this;
    this.active = undefined;
    active?.reject(new ProcessEnded(this.ending()));
  }

  private ending(): Ending {
    if (this.stopping) return { kind: 'stopped' };
    const outgrown =
      this.lastWords.includes(MEMORY_MARK) || /heap out of memory|Allocation failed/.test(this.lastWords);
    if (outgrown) return { kind: 'outgrown' };
    return { kind: 'exited', how: this.howItEnded(), signal: this.child.signalCode };
  }

  private howItEnded(): string {
    const { exitCode, signalCode } = this.child;
    return signalCode ? `was killed by ${signalCode}` : `ended its process with code ${exitCode}`;
  }
}

/** Before the program has begun, so that all of its threads inherit it. */
function yieldToOthers(pid: number | undefined): void {
  try {
    if (pid !== undefined) setPriority(pid, Math.min(19, getPriority() + NICENESS));
  } catch {
    // Somewhere this may be forbidden, or the process has ended already, which is told elsewhere.
  }
}
