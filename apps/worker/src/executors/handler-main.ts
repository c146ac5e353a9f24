// jiti emits design-time metadata beside every decorator and breaks the decorators where nothing takes it.
import 'reflect-metadata';
import { AsyncLocalStorage } from 'node:async_hooks';
import { type RegisteredTask, type TaskContext } from '@tauro/sdk';
import { AttemptLog } from './attempt-log.js';
import { loadHandlerModules } from './handler-modules.js';
import {
  type AttemptLogLevel,
  type FromHandler,
  type HandlerCall,
  type HandlerFailure,
  type HandlerSettings,
  type ToHandler,
} from './handler-protocol.js';
import { watchProcess } from './handler-watch.js';

// The program of a handler process: loads the handler modules, then runs one handler at a time. It imports
// neither Nest nor a store, since every process pays for what it loads.

const MAX_OUTPUT_BYTES = 64 * 1024;
const MAX_MESSAGE = 4096;
const PROGRESS_INTERVAL_MS = 100;

interface Attempt {
  call: number;
  log: AttemptLog;
  abort: AbortController;
}

let tasks = new Map<string, RegisteredTask>();
let maxLogBytes = 0;
let current: Attempt | undefined;
/** Whose work is running, also in timers and promises that outlive their attempt. */
const owner = new AsyncLocalStorage<Attempt>();
// With a callback, a worker that is just leaving is no error here: 'disconnect' follows.
const send = (message: FromHandler): void =>
  void process.send!(message, undefined, undefined, () => undefined);

process.on('message', (message: ToHandler) => {
  if (message.type === 'load') void load(message.settings);
  else if (message.type === 'run') void run(message.call, message.handler, message.context);
  else if (current?.call === message.call) current.abort.abort(new Error(message.reason));
});
process.on('disconnect', () => process.exit());
process.on('uncaughtException', onUncaught);
process.on('unhandledRejection', onUncaught);
// Ctrl-C reaches every process of a terminal; when handlers stop is the worker's to decide.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => undefined);

async function load(settings: HandlerSettings): Promise<void> {
  watchProcess(settings.maxRssBytes);
  captureOutput('stdout', 'INFO');
  captureOutput('stderr', 'WARNING');
  maxLogBytes = settings.maxLogBytes;
  try {
    const modules = await loadHandlerModules(settings);
    tasks = modules.tasks;
    send({ type: 'ready', handlers: modules.loaded });
  } catch (error) {
    send({ type: 'unusable', message: failureOf(error).message });
  }
}

async function run(call: number, handler: string, context: HandlerCall): Promise<void> {
  const log = new AttemptLog(maxLogBytes, (level, message) => send({ type: 'log', call, level, message }));
  const attempt: Attempt = { call, log, abort: new AbortController() };
  current = attempt;
  try {
    const result = await owner.run(attempt, async () => tasks.get(handler)!.run(contextOf(attempt, context)));
    finish(attempt, { type: 'done', call, output: serialize(result) });
  } catch (error) {
    if (error instanceof Error && error.stack && current === attempt) log.write('DEBUG', error.stack);
    finish(attempt, { type: 'failed', call, error: failureOf(error), spent: false });
  }
}

function finish(attempt: Attempt, message: FromHandler): void {
  if (current !== attempt) return;
  attempt.log.end();
  current = undefined;
  send(message);
}

function contextOf(attempt: Attempt, context: HandlerCall): TaskContext<never> {
  const write = (level: AttemptLogLevel) => (message: string) => {
    if (current === attempt) attempt.log.write(level, String(message));
  };
  let lastProgress = -Infinity;
  return {
    ...(context as HandlerCall & { input: never }),
    log: { debug: write('DEBUG'), info: write('INFO'), warning: write('WARNING'), error: write('ERROR') },
    progress: (fraction) => {
      const now = performance.now();
      const value = Math.min(1, Math.max(0, Number(fraction)));
      if (current !== attempt || Number.isNaN(value)) return;
      if (value < 1 && now - lastProgress < PROGRESS_INTERVAL_MS) return;
      lastProgress = now;
      send({ type: 'progress', call: attempt.call, fraction: value });
    },
    signal: attempt.abort.signal,
  };
}

class OutputError extends Error {
  readonly retryable = false;
  constructor(
    override readonly name: string,
    message: string,
  ) {
    super(message);
  }
}

function serialize(result: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(result ?? null);
  } catch (error) {
    throw new OutputError(
      'InvalidOutput',
      `the handler returned what is no JSON: ${failureOf(error).message}`,
    );
  }
  if (text === undefined) {
    throw new OutputError('InvalidOutput', `the handler returned a ${typeof result}, not JSON`);
  }
  const bytes = Buffer.byteLength(text);
  if (bytes <= MAX_OUTPUT_BYTES) return text;
  const kept = `at most ${MAX_OUTPUT_BYTES} are kept; write more to a file`;
  throw new OutputError('OutputTooLarge', `the handler returned ${bytes} bytes of JSON, ${kept}`);
}

function failureOf(error: unknown): HandlerFailure {
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
