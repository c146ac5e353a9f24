import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { type Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { type CommandCall, type CommandEnd, type CommandSettings } from '@tauro/nodes';
import { type CallContext } from '@tauro/processes';
import { LastLine, PrintedText, ShortText } from './lines.js';
import { OutputLines } from './output-lines.js';
import { MARK, ProcessTree } from './process-tree.js';

/** Longest `stdout` that becomes part of the output. */
export const MAX_STDOUT_CHARS = 4096;
export const MAX_LAST_LINE = 1000;
export const POLL_MS = 200;
const WATCH_MS = 500;
/** How long what was left behind may take to end, and what was killed to be gone. */
const REST_MS = 1000;
const SETTLE_MS = 100;

/**
 * Sets the limits that a process inherits, then becomes the program. A limit that is below already stays. When the
 * machine runs out of memory, Linux should pick the command before the worker.
 */
const LIMITED = [
  'ulimit -c 0',
  'ulimit -f "$1"',
  'ulimit -n "$2"',
  '{ echo 500 > /proc/self/oom_score_adj; }',
]
  .map((line) => `${line} 2>/dev/null || :;`)
  .concat('shift 2; exec "$@"')
  .join(' ');

/** In units of 512 bytes, as POSIX has it. */
const blocks = (mb: number): string => String(mb * 2048);

/** A command that is under way, with what it takes to end it. */
export interface RunningCommand {
  /** Ends all of it at once. */
  kill(): void | Promise<void>;
}

/**
 * Runs a program until nothing of it is left. An abort sends SIGTERM to all of it, and after a grace SIGKILL.
 * @param mark by which what it starts is found
 * @param onStart told of it once it runs
 */
export async function runCommand(
  { argv, cwd, env, output }: CommandCall,
  mark: string,
  limits: CommandSettings,
  context: CallContext,
  onStart: (running: RunningCommand) => void,
): Promise<CommandEnd> {
  const args = [blocks(limits.fileMb), String(limits.openFiles), ...argv];
  const child = launch(['-c', LIMITED, 'sh', ...args], cwd, { ...env, [MARK]: mark });
  const lines = new OutputLines(output, context);
  const tree = new ProcessTree(mark, child.pid);
  onStart({ kill: () => killAll(tree) });

  const stdout = new ShortText(MAX_STDOUT_CHARS);
  const lastError = new LastLine(MAX_LAST_LINE);
  const printed = [
    follow(child.stdout, 'INFO', context, (text) => stdout.add(text)),
    follow(child.stderr, 'WARNING', context, (text) => lastError.add(text)),
  ];
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve, reject) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
    child.once('error', (error: NodeJS.ErrnoException) => reject(cannotStart(error)));
  });
  const polling = setInterval(() => void lines.poll(), POLL_MS);
  let outgrown: CommandEnd['outgrown'];
  const watching = setInterval(() => {
    outgrown ??= excess(tree, limits);
    if (outgrown) tree.signal('SIGKILL');
  }, WATCH_MS);
  const stopping = new AbortController();
  const stop = (): void => void end(tree, graceOf(context.signal), stopping.signal);
  context.signal.addEventListener('abort', stop, { once: true });
  if (context.signal.aborted) stop();
  try {
    const { code, signal } = await ended;
    const left = await clearAway(tree);
    if (left > 0 && !context.signal.aborted && !outgrown) {
      context.log('WARNING', `${left} process(es) that the command had left running were ended`);
    }
    // Somebody who got away with the other end of a pipe keeps nobody waiting.
    await Promise.race([Promise.all(printed), sleep(REST_MS, undefined, { ref: false })]);
    lines.end();
    const { value, table, fault } = lines;
    return {
      exit_code: code,
      signal,
      stdout: stdout.value,
      last_error: lastError.value,
      value,
      table,
      fault,
      outgrown,
    };
  } finally {
    stopping.abort();
    clearInterval(polling);
    clearInterval(watching);
    context.signal.removeEventListener('abort', stop);
    child.stdout.destroy();
    child.stderr.destroy();
    lines.close();
  }
}

function launch(
  args: string[],
  cwd: string,
  env: Record<string, string>,
): ChildProcessByStdio<null, Readable, Readable> {
  try {
    // A session of its own: its process group is told apart from ours, and no terminal reaches it.
    return spawn('/bin/sh', args, { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    throw cannotStart(error as NodeJS.ErrnoException);
  }
}

/** Hands on what is printed; resolves at its end. */
export function follow(
  stream: NodeJS.ReadableStream,
  level: 'INFO' | 'WARNING',
  context: CallContext,
  keep: (text: string) => void,
): Promise<void> {
  const printed = new PrintedText();
  const take = (text: string): void => {
    if (text === '') return;
    context.stream(level, text);
    keep(text);
  };
  stream.on('data', (chunk: Buffer) => take(printed.take(chunk)));
  return new Promise((resolve) => {
    stream.once('close', () => {
      take(printed.end());
      resolve();
    });
    stream.once('error', () => resolve());
  });
}

function excess(tree: ProcessTree, limits: CommandSettings): CommandEnd['outgrown'] {
  const members = tree.members();
  if (members.length > limits.processes) return 'processes';
  const bytes = members.reduce((sum, { rssBytes }) => sum + rssBytes, 0);
  return bytes > limits.memoryMb * 1024 * 1024 ? 'memory' : undefined;
}

/** A worker that has lost its claim must be done before somebody else may start the same. */
export const graceOf = (signal: AbortSignal): number =>
  (signal.reason as Error | undefined)?.message === 'claim lost' ? 500 : 3000;

async function end(tree: ProcessTree, graceMs: number, done: AbortSignal): Promise<void> {
  tree.signal('SIGTERM');
  try {
    await sleep(graceMs, undefined, { signal: done });
    // The first may be gone and others not: as long as the call lasts, all are told.
    for (;;) {
      tree.signal('SIGKILL');
      await sleep(50, undefined, { signal: done });
    }
  } catch {
    // It is over.
  }
}

/** At once and without waiting: whoever forks meanwhile is met by the next round. */
function killAll(tree: ProcessTree): void {
  for (let round = 0; round < 100 && tree.signal('SIGKILL') > 0; round++);
}

/** Ends what the first process has left behind. @returns how many there were */
async function clearAway(tree: ProcessTree): Promise<number> {
  // The others of a pipeline end a moment later, by themselves.
  for (let waited = 0; tree.members().length > 0; waited += 20) {
    if (waited >= SETTLE_MS) return endRest(tree);
    await sleep(20);
  }
  return 0;
}

async function endRest(tree: ProcessTree): Promise<number> {
  const left = tree.signal('SIGTERM');
  for (let waited = 0; tree.members().length > 0 && waited < 3 * REST_MS; waited += 20) {
    if (waited >= REST_MS) tree.signal('SIGKILL');
    await sleep(20);
  }
  return left;
}

function cannotStart(error: NodeJS.ErrnoException): Error {
  const why =
    error.code === 'E2BIG'
      ? 'its arguments and its environment are too long; give it the data in `input`'
      : error.message;
  return Object.assign(new Error(`the command could not be started: ${why}`), {
    name: 'CommandFailed',
    retryable: error.code !== 'E2BIG',
  });
}
