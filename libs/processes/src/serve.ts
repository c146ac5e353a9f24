import { AsyncLocalStorage } from 'node:async_hooks';
import { type LogLevel } from '@tauro/domain';
import { AttemptLog } from './attempt-log.js';
import { watchProcess } from './process-watch.js';
import { type CallFailure, type FromProcess, type LoadMessage, type ToProcess } from './protocol.js';

// The inside of a pool's process: gets ready once, then runs one call at a time. It imports neither Nest nor a
// store, since every process pays for what it loads.

const MAX_MESSAGE = 4096;
const PROGRESS_INTERVAL_MS = 100;
const LEAVING_MS = 5000;

/** What a call may do while it runs. */
export interface CallContext {
  log(level: LogLevel, message: string): void;
  /** 0..1 */
  progress(fraction: number): void;
  /** Takes what somebody else prints, who is not this process; its lines go to the log. */
  stream(level: 'INFO' | 'WARNING', chunk: string): void;
  /** Hands over a piece of a long answer; resolves once it was taken. @throws the signal's reason after an abort */
  write(piece: string): Promise<void>;
  signal: AbortSignal;
}

/** What a program does inside its processes. */
export interface Service<Settings, Work> {
  /** Gets ready; the pool is told what it returns. An error makes the process unusable. */
  load(settings: Settings): Promise<unknown>;
  /** Runs one call; returns JSON text. The `name`, `message` and `retryable` of an error reach the pool. */
  run(work: Work, context: CallContext): Promise<string>;
  /**
   * Takes along what must not outlive this process, which ends right afterwards: its pool is gone, or has no more use
   * for it. Such a program never blocks and holds little, and nobody watches it.
   */
  leave?(): void | Promise<void>;
}

interface Attempt {
  call: number;
  log: AttemptLog;
  abort: AbortController;
  /** Resumes the call, which waits until its last piece was taken. */
  next?: () => void;
}

let maxLogBytes = 0;
let current: Attempt | undefined;
/** Whose work is running, also in timers and promises that outlive their attempt. */
const owner = new AsyncLocalStorage<Attempt>();
// With a callback, a parent that is just leaving is no error here: 'disconnect' follows.
const send = (message: FromProcess): void =>
  void process.send!(message, undefined, undefined, () => undefined);

/** Serves the calls of the pool that started this process, for as long as the pool wants. */
export function serve<Settings, Work>(service: Service<Settings, Work>): void {
  process.on('message', (message: ToProcess) => {
    if (message.type === 'load') void load(service, message);
    else if (message.type === 'run') void run(service, message.call, message.work as Work);
    else if (current?.call !== message.call) return;
    else if (message.type === 'next') current.next?.();
    else current.abort.abort(new Error(message.reason));
  });
  // Not `exit`, which would wait for a native call that never ends, the watching thread already gone.
  process.on('disconnect', () => {
    const end = (): void => void process.kill(process.pid, 'SIGKILL');
    const leaving = service.leave?.();
    if (!leaving) return end();
    setTimeout(end, LEAVING_MS);
    leaving.then(end, end);
  });
  process.on('uncaughtException', onUncaught);
  process.on('unhandledRejection', onUncaught);
  // Ctrl-C reaches every process of a terminal; when calls stop is the worker's to decide.
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => undefined);
}

async function load<Settings, Work>(service: Service<Settings, Work>, message: LoadMessage): Promise<void> {
  if (!service.leave) watchProcess(message.parent, message.maxRssBytes);
  captureOutput('stdout', 'INFO');
  captureOutput('stderr', 'WARNING');
  maxLogBytes = message.maxLogBytes;
  try {
    send({ type: 'ready', about: await service.load(message.settings as Settings) });
  } catch (error) {
    send({ type: 'unusable', message: failureOf(error).message });
  }
}

async function run<Settings, Work>(
  service: Service<Settings, Work>,
  call: number,
  work: Work,
): Promise<void> {
  const log = new AttemptLog(maxLogBytes, (level, message) => send({ type: 'log', call, level, message }));
  const attempt: Attempt = { call, log, abort: new AbortController() };
  current = attempt;
  try {
    const result = await owner.run(attempt, () => service.run(work, contextOf(attempt)));
    finish(attempt, { type: 'done', call, result });
  } catch (error) {
    finish(attempt, { type: 'failed', call, error: failureOf(error), spent: false });
  }
}

function finish(attempt: Attempt, message: FromProcess): void {
  if (current !== attempt) return;
  attempt.log.end();
  current = undefined;
  send(message);
}

function contextOf(attempt: Attempt): CallContext {
  let lastProgress = -Infinity;
  return {
    log: (level, message) => {
      if (current === attempt) attempt.log.write(level, String(message));
    },
    progress: (fraction) => {
      const now = performance.now();
      const value = Math.min(1, Math.max(0, Number(fraction)));
      if (current !== attempt || Number.isNaN(value)) return;
      if (value < 1 && now - lastProgress < PROGRESS_INTERVAL_MS) return;
      lastProgress = now;
      send({ type: 'progress', call: attempt.call, fraction: value });
    },
    stream: (level, chunk) => {
      if (current === attempt) attempt.log.stream(level, chunk);
    },
    write: (piece) => write(attempt, piece),
    signal: attempt.abort.signal,
  };
}

/** One piece at a time is under way, so a reader who is slow fills nobody's memory. */
async function write(attempt: Attempt, piece: string): Promise<void> {
  const { signal } = attempt.abort;
  signal.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const stop = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', stop, { once: true });
    attempt.next = () => {
      signal.removeEventListener('abort', stop);
      resolve();
    };
    send({ type: 'piece', call: attempt.call, piece });
  });
}

function failureOf(error: unknown): CallFailure {
  if (!(error instanceof Error)) {
    return { name: 'Error', message: String(error).slice(0, MAX_MESSAGE), retryable: true };
  }
  return {
    name: String(error.name || 'Error').slice(0, 200),
    message: String(error.message).slice(0, MAX_MESSAGE),
    retryable: (error as { retryable?: unknown }).retryable !== false,
  };
}

/** An error nobody caught fails the attempt it belongs to, and no other. */
function onUncaught(error: unknown): void {
  const attempt = owner.getStore();
  const failure = failureOf(error);
  if (attempt && attempt === current) {
    finish(attempt, { type: 'failed', call: attempt.call, error: failure, spent: true });
  } else send({ type: 'stray', message: `${failure.name}: ${failure.message}` });
}

/** Lines on stdout and stderr belong to the attempt that writes them; between attempts nobody reads them. */
function captureOutput(name: 'stdout' | 'stderr', level: 'INFO' | 'WARNING'): void {
  process[name].write = (chunk: string | Uint8Array, ...rest: unknown[]): boolean => {
    const attempt = owner.getStore();
    if (attempt && attempt === current) {
      attempt.log.stream(level, typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString());
    }
    const done = rest.find((one) => typeof one === 'function');
    if (done) process.nextTick(done);
    return true;
  };
}
