import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { type Json } from '@tauro/domain';
import { NodeError } from '@tauro/nodes';
import {
  type AttemptLogLevel,
  type FromHandler,
  type HandlerCall,
  type HandlerSettings,
  type LoadedHandler,
  MEMORY_MARK,
  type ToHandler,
} from './handler-protocol.js';

/** What a call may do while it runs. */
export interface CallHooks {
  log(level: AttemptLogLevel, message: string): void;
  progress(fraction: number): void;
}

interface ActiveCall {
  id: number;
  handler: string;
  hooks: CallHooks;
  resolve(output: Json): void;
  reject(error: Error): void;
}

const EXTENSION = __filename.slice(-3);
const PROGRAM = join(__dirname, `handler-main${EXTENSION}`);
/** What `import '@tauro/sdk'` means in a handler module. */
export const SDK_FILE = join(__dirname, `../../../../libs/sdk/src/index${EXTENSION}`);

/** How to start the program; from its TypeScript source, as the specs do, it is transpiled on the way in. */
export function handlerCommand(memoryMb: number): string[] {
  const flags = [`--max-old-space-size=${memoryMb}`];
  if (EXTENSION === '.js') return [...flags, PROGRAM];
  const [jiti, here, alias] = [require.resolve('jiti'), __filename, { '@tauro/sdk': SDK_FILE }].map((value) =>
    JSON.stringify(value),
  );
  const source = `require(${jiti}).createJiti(${here}, { alias: ${alias} }).import(${JSON.stringify(PROGRAM)})`;
  return [...flags, '-e', source];
}

/** One handler process, seen from the worker. Runs one call at a time; ends once, and then for good. */
export class HandlerProcess {
  /** Settles when the handlers are loaded. Rejects naming the file that could not be. */
  readonly ready: Promise<LoadedHandler[]>;
  /** Resolves when the process is gone. */
  readonly gone: Promise<void>;
  /** Whether the next call should be given to another process. */
  spent = false;
  private readonly child: ChildProcess;
  private active?: ActiveCall;
  private calls = 0;
  private stopping = false;
  /** The end of what it wrote to stderr itself: why V8 gave up, when it did. */
  private lastWords = '';

  /** @param onStray told of errors that a finished call left behind. */
  constructor(
    settings: HandlerSettings,
    private readonly memoryMb: number,
    private readonly onStray: (message: string) => void,
  ) {
    this.child = spawn(process.execPath, handlerCommand(memoryMb), {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.child.stderr!.on('data', (chunk: Buffer) => {
      this.lastWords = (this.lastWords + chunk.toString()).slice(-4096);
    });
    this.gone = new Promise((resolve) => {
      this.child.once('close', () => resolve());
      // A process that the handler started may hold stderr open for longer than it matters.
      this.child.once('exit', () => setTimeout(resolve, 500).unref());
      this.child.once('error', () => resolve());
    });
    this.ready = new Promise((resolve, reject) => {
      this.child.on('message', (message: FromHandler) => {
        if (message.type === 'ready') resolve(message.handlers);
        else if (message.type === 'unusable') reject(new Error(message.message));
        else this.receive(message);
      });
      this.child.on('error', reject);
      void this.gone.then(() => {
        reject(new Error(`the handler process ${this.howItEnded()} while it loaded`));
        this.onGone();
      });
    });
    this.ready.catch(() => (this.spent = true));
    this.send({ type: 'load', settings });
  }

  /** Starts a call on an idle process; `result` rejects with the handler's failure, or with the process's end. */
  run(handler: string, context: HandlerCall, hooks: CallHooks): { id: number; result: Promise<Json> } {
    const id = ++this.calls;
    const result = new Promise<Json>((resolve, reject) => {
      this.active = { id, handler, hooks, resolve, reject };
    });
    this.send({ type: 'run', call: id, handler, context });
    return { id, result };
  }

  /** Aborts the signal that the handler of this call was given. */
  abort(call: number, reason: string): void {
    this.send({ type: 'abort', call, reason });
  }

  /** Ends the process, even in the middle of a busy loop. */
  async stop(): Promise<void> {
    this.spent = true;
    this.stopping = true;
    this.child.kill('SIGKILL');
    await this.gone;
  }

  private send(message: ToHandler): void {
    // A process that is just ending is no error here: its end is told by 'exit'.
    if (this.child.connected) this.child.send(message, () => undefined);
  }

  private receive(message: FromHandler): void {
    if (message.type === 'stray') return this.onStray(message.message);
    const { active } = this;
    if (!active || !('call' in message) || message.call !== active.id) return;
    if (message.type === 'log') active.hooks.log(message.level, message.message);
    else if (message.type === 'progress') active.hooks.progress(message.fraction);
    else {
      this.active = undefined;
      if (message.type === 'done') return active.resolve(JSON.parse(message.output) as Json);
      this.spent ||= message.spent;
      const { name, message: text, retryable } = message.error;
      active.reject(new NodeError(name, text, retryable));
    }
  }

  private onGone(): void {
    this.spent = true;
    const { active } = this;
    this.active = undefined;
    if (!active) return;
    const [type, how] = this.stopping
      ? ['HandlerStopped', 'was stopped']
      : this.outgrown()
        ? ['OutOfMemory', `needs more than ${this.memoryMb} MB of memory`]
        : ['HandlerExited', this.howItEnded()];
    active.reject(new NodeError(type, `the handler '${active.handler}' ${how}`));
  }

  private outgrown(): boolean {
    return (
      this.lastWords.includes(MEMORY_MARK) || /heap out of memory|Allocation failed/.test(this.lastWords)
    );
  }

  private howItEnded(): string {
    const { exitCode, signalCode } = this.child;
    return signalCode ? `was killed by ${signalCode}` : `ended its process with code ${exitCode}`;
  }
}
