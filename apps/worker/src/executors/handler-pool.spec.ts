import { spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { getPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Json } from '@tauro/domain';
import { NodeError, type NodeContext } from '@tauro/nodes';
import { HandlerPool, type HandlerPoolOptions, handlerProgram } from './handler-pool.js';
import { HandlerReload } from './handler-reload.js';
import { programCommand } from '@tauro/processes';

// Real processes that run real TypeScript files, through the path that a user's handlers take.

// Every process takes a while to start from source, and longer while other suites run.
jest.setTimeout(60_000);

const HANDLERS = `
import { Task, type TaskContext } from '@tauro/sdk';
import { getPriority } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

let calls = 0;
export class Handlers {
  private readonly greeting = 'hello';

  @Task('echo') static echo({ params, input, inputs, run, attempt }: TaskContext) {
    return { params, input, inputs, run: run.id, attempt };
  }
  @Task('greet', { input: { type: 'object', required: ['name'], properties: { name: { type: 'string' } } } })
  async greet({ input }: TaskContext<{ name: string }>) { return this.greeting + ' ' + input.name; }

  @Task('measure', { output: { type: 'object', required: ['cm'], properties: { cm: { type: 'number' } } } })
  static measure({ input }: TaskContext<{ cm: unknown }>) { return { cm: input.cm }; }

  @Task('count') static count() { return ++calls; }
  @Task('nothing') static nothing() {}
  @Task('throws') static throws() { throw new TypeError('no such column'); }
  @Task('throws_text') static async throwsText() { throw 'just text'; }
  @Task('final') static final() { throw Object.assign(new Error('never again'), { name: 'BadData', retryable: false }); }
  @Task('spin') static spin({ log }: TaskContext) { log.info('spinning'); for (;;); }
  @Task('exit') static exit() { process.exit(3); }
  @Task('hog') static hog() { const all: number[][] = []; for (;;) all.push(new Array(100_000).fill(all.length)); }
  @Task('big_array') static bigArray() { return new Array(200_000_000).fill(1).length; }
  @Task('buffers') static buffers() { const all: Buffer[] = []; for (;;) all.push(Buffer.alloc(10_000_000, 1)); }
  @Task('crash') static crash() { process.kill(process.pid, 'SIGSEGV'); for (;;); }
  @Task('pid') static pid() { return process.pid; }
  @Task('niceness') static niceness() { return getPriority(); }
  @Task('polite') static async polite({ signal, log }: TaskContext) {
    log.info('started');
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    log.warning('stopping: ' + signal.reason.message);
    return calls++;
  }
  @Task('speak') static async speak({ log, progress }: TaskContext) {
    log.debug('d'); log.info('i'); log.warning('w'); log.error('e');
    console.log('from %s', 'console'); console.error('trouble');
    process.stdout.write('two\\nlines, '); await sleep(1); process.stdout.write('joined');
    progress(0.5); progress(NaN); progress(7);
  }
  @Task('flood') static flood() { const line = 'x'.repeat(1000); for (let i = 0; i < 100_000; i++) console.log(line); return 'done'; }
  @Task('one_line') static oneLine() { for (let i = 0; i < 100; i++) process.stdout.write('y'.repeat(100_000)); }
  @Task('large') static large() { return 'x'.repeat(70_000); }
  @Task('cycle') static cycle() { const a: any = {}; a.a = a; return a; }
  @Task('function') static function() { return (() => 1) as any; }
  @Task('leave_rejection') static leave() { setTimeout(() => Promise.reject(new Error('left behind')), 5); }
  @Task('leave_throw') static leaveThrow() { setTimeout(() => { throw new Error('left behind'); }, 5); }
  @Task('nap') static async nap() { await sleep(60); return 'rested'; }
  @Task('long_nap') static async longNap() { await sleep(100); return process.pid; }
  @Task('background_throw') static async backgroundThrow() {
    setTimeout(() => { throw new RangeError('in the background'); }, 5);
    await new Promise(() => {});
  }
}
`;

interface Line {
  level: string;
  message: string;
}
interface Recorded {
  context: NodeContext;
  lines: Line[];
  progress: number[];
  abort: AbortController;
  /** Resolves with the first line that has this text. */
  said(text: string): Promise<void>;
}

function recorded(more: Partial<NodeContext> = {}): Recorded {
  const lines: Line[] = [];
  const progress: number[] = [];
  const abort = new AbortController();
  const heard = new Map<string, () => void>();
  const context = {
    run: { id: 'run_1' },
    params: {},
    inputs: [],
    task: { attempt: 1 },
    signal: abort.signal,
    log: (level: string, message: string) => {
      lines.push({ level, message });
      heard.get(message)?.();
    },
    progress: (fraction: number) => progress.push(fraction),
    ...more,
  } as unknown as NodeContext;
  return {
    context,
    lines,
    progress,
    abort,
    said: (text) => new Promise((resolve) => heard.set(text, resolve)),
  };
}

let directory: string;
/** For calls that leave their process as it was. */
let shared: HandlerPool;
let strays: string[];
const pools: HandlerPool[] = [];

async function start(more: Partial<HandlerPoolOptions> = {}): Promise<HandlerPool> {
  const options = {
    paths: [join(directory, 'handlers')],
    cacheDirectory: join(directory, 'cache'),
    size: 2,
    memoryMb: 64,
    killGraceMs: 100,
  };
  const pool = await HandlerPool.start({ ...options, onStray: (message) => strays.push(message), ...more });
  pools.push(pool);
  return pool;
}
const call = (
  pool: HandlerPool,
  handler: string,
  input: Json = {},
  context = recorded().context,
): Promise<Json> => pool.run(handler, input, context).then(({ output }) => output);
async function failure(pending: Promise<unknown>): Promise<NodeError> {
  const error: unknown = await pending.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(NodeError);
  return error as NodeError;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
async function eventually(condition: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 30_000; !condition();) {
    if (Date.now() > deadline) throw new Error('it did not come true within 30 s');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'handlers-'));
  await mkdir(join(directory, 'handlers'));
  await writeFile(join(directory, 'handlers', 'all.ts'), HANDLERS);
  shared = await start();
  pools.length = 0;
});
beforeEach(() => (strays = []));
afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.close()));
});
afterAll(async () => {
  await shared.close();
  await rm(directory, { recursive: true });
});

/** Keeps some calls going at once until two processes have taken part: how long one takes to start is nobody's word. */
async function untilTwoProcesses(pool: HandlerPool, calls: number): Promise<Set<number>> {
  const pids = new Set<number>();
  while (pids.size < 2) {
    const naps = Array.from({ length: calls }, () => call(pool, 'long_nap'));
    for (const pid of await Promise.all(naps)) pids.add(pid as number);
  }
  return pids;
}

describe('a call', () => {
  it('yields to the engine', async () => {
    expect(await call(shared, 'niceness')).toBe(Math.min(19, getPriority() + 5));
  });

  it('hands over params, input and upstream outputs, and returns JSON', async () => {
    const pool = shared;
    const inputs = [{ node_id: 'load', output: { rows: 2 } }];
    const { context } = recorded({
      params: { mode: 'full' },
      inputs,
      task: { attempt: 3 } as NodeContext['task'],
    });
    const expected = {
      params: { mode: 'full' },
      input: [1],
      inputs: { load: { rows: 2 } },
      run: 'run_1',
      attempt: 3,
    };
    expect(await call(pool, 'echo', [1], context)).toEqual(expected);
    expect(await call(pool, 'nothing')).toBeNull();
  });

  it('of an instance method has its own object', async () => {
    expect(await call(shared, 'greet', { name: 'Ada' })).toBe('hello Ada');
  });

  it('checks what it returns against the schema', async () => {
    expect(await call(shared, 'measure', { cm: 3 })).toEqual({ cm: 3 });
    const error = await failure(call(shared, 'measure', { cm: 'three' }));
    expect(error).toMatchObject({ type: 'InvalidOutput', retryable: false });
    expect(error.message).toBe(
      "the handler 'measure' returned what its output schema does not allow: output.cm must be a number, got the string 'three'",
    );
  });

  it('checks the input against the schema first', async () => {
    const error = await failure(call(shared, 'greet', { nam: 'Ada' }));
    expect(error).toMatchObject({ type: 'InvalidInput', retryable: false });
    expect(error.message).toContain('input.name is required');
  });

  it('of an unknown handler names the known ones', async () => {
    const error = await failure(call(shared, 'nope'));
    expect(error).toMatchObject({ type: 'UnknownHandler', retryable: false });
    expect(error.message).toContain("no handler 'nope' (it has: echo, greet, measure, count");
  });

  it('uses a process again, and at most as many as there are slots', async () => {
    const pool = await start({ size: 2 });
    const first = await call(pool, 'pid');
    expect(await call(pool, 'pid')).toBe(first);
    const pids = await untilTwoProcesses(pool, 5);
    expect(pids.size).toBe(2);
    expect(pids).toContain(first);
  });

  it('does not start a process for a queue that is gone in a moment', async () => {
    const pool = await start({ size: 4 });
    const pids = await Promise.all(Array.from({ length: 8 }, () => call(pool, 'pid')));
    expect(new Set(pids).size).toBe(1);
  });

  it('gives back what it does not need, but for one process', async () => {
    const pool = await start({ size: 2, idleMs: 1 });
    const pids = [...(await untilTwoProcesses(pool, 2))];
    await eventually(() => pids.filter(isAlive).length === 1);
    expect(await call(pool, 'pid')).toBe(pids.find(isAlive));
  });
});

describe('failures of a handler', () => {
  it.each([
    ['throws', 'TypeError', 'no such column', true],
    ['throws_text', 'Error', 'just text', true],
    ['final', 'BadData', 'never again', false],
    ['cycle', 'InvalidOutput', 'circular', false],
    ['function', 'InvalidOutput', 'a function, not JSON', false],
    ['large', 'OutputTooLarge', '70002 bytes of JSON, at most 65536', false],
    ['background_throw', 'RangeError', 'in the background', true],
  ])('%s: %s', async (handler, type, message, retryable) => {
    const pool = shared;
    const error = await failure(call(pool, handler));
    expect(error).toMatchObject({ type, retryable });
    expect(error.message).toContain(message);
    expect(await call(pool, 'echo', 'still here')).toMatchObject({ input: 'still here' });
  });

  it('process.exit() ends its own task only', async () => {
    const pool = shared;
    const neighbour = call(pool, 'nap');
    const error = await failure(call(pool, 'exit'));
    expect(error).toMatchObject({ type: 'HandlerExited', retryable: true });
    expect(error.message).toContain("'exit' ended its process with code 3");
    expect(await neighbour).toBe('rested');
    expect(await call(pool, 'echo')).toMatchObject({ attempt: 1 });
  });

  it('a crash ends its own task only', async () => {
    const pool = shared;
    const error = await failure(call(pool, 'crash'));
    expect(error).toMatchObject({ type: 'HandlerExited', retryable: true });
    expect(error.message).toBe("the handler 'crash' was killed by SIGSEGV");
    expect(await call(pool, 'echo')).toMatchObject({ attempt: 1 });
  });

  it.each(['hog', 'big_array', 'buffers'])(
    'too much memory ends its own task only: %s',
    async (handler) => {
      const pool = shared;
      const neighbour = call(pool, 'nap');
      const error = await failure(call(pool, handler));
      expect(error.type).toBe('OutOfMemory');
      expect(error.message).toBe(`the handler '${handler}' needs more than 64 MB of memory`);
      expect(await neighbour).toBe('rested');
      expect(await call(pool, 'echo')).toMatchObject({ attempt: 1 });
    },
    20_000,
  );

  it.each(['leave_rejection', 'leave_throw'])(
    '%s: what it leaves behind fails nobody else',
    async (handler) => {
      const pool = await start({ size: 1 });
      expect(await call(pool, handler)).toBeNull();
      expect(await call(pool, 'nap')).toBe('rested');
      expect(strays).toEqual(['Error: left behind']);
    },
  );
});

describe('an abort', () => {
  it('is a signal inside the handler, whose process lives on when it stops', async () => {
    const pool = await start({ size: 1, killGraceMs: 10_000 });
    await call(pool, 'count');
    const { context, abort, lines, said } = recorded();
    const started = said('started');
    const polite = pool.run('polite', {}, context);
    await started;
    const reason = new Error('the run was cancelled');
    abort.abort(reason);
    await expect(polite).rejects.toBe(reason);
    expect(lines.at(-1)).toEqual({ level: 'WARNING', message: 'stopping: the run was cancelled' });
    expect(await call(pool, 'count')).toBe(3);
  });

  it('kills a busy loop, and the next call finds a fresh process', async () => {
    const pool = await start({ size: 1 });
    const { context, abort, said } = recorded();
    const spinning = said('spinning');
    const spin = pool.run('spin', {}, context);
    await spinning;
    abort.abort('cancelled');
    await expect(spin).rejects.toBe('cancelled');
    expect(await call(pool, 'count')).toBe(1);
  });

  it('before the start, or while the call waits for its turn, starts nothing', async () => {
    const pool = await start({ size: 1 });
    const gone = recorded();
    gone.abort.abort('cancelled');
    await expect(pool.run('count', {}, gone.context)).rejects.toBe('cancelled');
    const nap = call(pool, 'nap');
    const waiting = recorded();
    const turn = pool.run('count', {}, waiting.context);
    waiting.abort.abort(new Error('too late'));
    await expect(turn).rejects.toThrow('too late');
    expect(await nap).toBe('rested');
    expect(await call(pool, 'count')).toBe(1);
  });
});

describe('what a handler says', () => {
  it('becomes log lines in order, and progress between 0 and 1', async () => {
    const { context, lines, progress } = recorded();
    await call(shared, 'speak', {}, context);
    expect(lines.map(({ level, message }) => `${level} ${message}`)).toEqual([
      'DEBUG d',
      'INFO i',
      'WARNING w',
      'ERROR e',
      'INFO from console',
      'WARNING trouble',
      'INFO two',
      'INFO lines, joined',
    ]);
    expect(progress).toEqual([0.5, 1]);
  });

  it('is bounded: 100 MB of lines cost the limit and one line that counts the rest', async () => {
    const { context, lines } = recorded();
    const pool = await start({ maxLogBytes: 1_000_000 });
    expect(await call(pool, 'flood', {}, context)).toBe('done');
    const bytes = lines.reduce((sum, { message }) => sum + message.length, 0);
    expect(bytes).toBeLessThan(1_100_000);
    expect(lines.at(-2)!.message).toContain('has reached 1000000 bytes');
    expect(lines.at(-1)).toEqual({
      level: 'WARNING',
      message: `${100_000 - (lines.length - 2)} log line(s) were dropped`,
    });
  });

  it('without a line end is cut into lines', async () => {
    const { context, lines } = recorded();
    await call(shared, 'one_line', {}, context);
    expect(lines.length).toBeGreaterThanOrEqual(100);
    expect(Math.max(...lines.map(({ message }) => message.length))).toBeLessThan(17_000);
  });
});

describe('the start', () => {
  const startWith = async (files: Record<string, string>): Promise<HandlerPool> => {
    const path = await mkdtemp(join(directory, 'case-'));
    for (const [name, text] of Object.entries(files)) await writeFile(join(path, name), text);
    return start({ paths: [path] });
  };
  const task = (name: string, options = '{}'): string =>
    `import { Task } from '@tauro/sdk'; export class T { @Task(${name}, ${options}) static run() { return 1; } }`;

  // JavaScript has no decorators yet, but they are functions.
  const javascript = (name: string): string =>
    `import { Task } from '@tauro/sdk'; class T { static run() { return 1; } }
     Task('${name}')(T, 'run', Object.getOwnPropertyDescriptor(T, 'run'));`;

  it('finds TypeScript and JavaScript modules, and leaves declarations and specs alone', async () => {
    const pool = await startWith({
      'a.ts': task("'a'"),
      'b.mjs': javascript('b'),
      'c.js': javascript('c'),
      'a.spec.ts': 'throw new Error("a spec");',
      'types.d.ts': 'nonsense',
      'helper.ts': 'export const x = 1;',
    });
    expect(pool.names()).toEqual(['a', 'b', 'c']);
    expect(pool.version('a')).toMatch(/^[0-9a-f]{64}$/);
    expect(pool.version('b')).not.toBe(pool.version('a'));
    expect(pool.version('helper')).toBeUndefined();
    expect(await call(pool, 'b')).toBe(1);
  });

  it('works without any handler', async () => {
    expect((await startWith({})).names()).toEqual([]);
  });

  it.each<[string, Record<string, string>, RegExp]>([
    ['a syntax error', { 'bad.ts': 'export class {' }, /bad\.ts: /],
    ['a module that throws', { 'bad.ts': 'throw new Error("no database")' }, /bad\.ts: no database/],
    [
      'a doubled name',
      { 'a.ts': task("'x'"), 'b.ts': task("'x'") },
      /handler 'x' is declared in .*a\.ts and in .*b\.ts/,
    ],
    ['an empty name', { 'a.ts': task("''") }, /a\.ts: @Task needs a name/],
    [
      'a bad schema',
      { 'a.ts': task("'x'", "{ input: { type: 'strng' } }") },
      /a\.ts: the input schema of 'x' is not valid/,
    ],
    ['an exit', { 'a.ts': 'process.exit(4)' }, /ended its process with code 4 while it loaded/],
    [
      'a decorator on a property',
      { 'a.ts': "import { Task } from '@tauro/sdk'; class T { @Task('x') y = 1; }" },
      /a\.ts: @Task\('x'\) on 'y'/,
    ],
  ])('fails with %s and names the file', async (_, files, message) => {
    await expect(startWith(files)).rejects.toThrow(message);
  });

  it('fails when a path does not exist', async () => {
    await expect(start({ paths: [join(directory, 'nowhere')] })).rejects.toThrow('nowhere does not exist');
  });
});

it('close() ends calls that are running', async () => {
  const pool = await start();
  const { context, said } = recorded();
  const spinning = said('spinning');
  const spin = failure(pool.run('spin', {}, context));
  await spinning;
  await pool.close();
  expect((await spin).type).toBe('HandlerStopped');
});

it('a busy handler dies with its worker', async () => {
  // A stand-in for the worker, so that it can be killed: it starts a handler process and keeps it busy.
  const program = handlerProgram([join(directory, 'handlers', 'all.ts')], {
    memoryMb: 64,
    cacheDirectory: join(directory, 'cache'),
  });
  const work = { handler: 'spin', params: {}, input: {}, inputs: {}, run: { id: 'run_1' }, attempt: 1 };
  const script = `
    const { spawn } = require('node:child_process');
    const args = ${JSON.stringify(programCommand(program))};
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
    child.send({ ...${JSON.stringify({ type: 'load', settings: program.settings, maxLogBytes: 1000, maxRssBytes: 1e9 })}, parent: process.pid });
    child.on('message', ({ type }) => {
      if (type === 'ready') child.send(${JSON.stringify({ type: 'run', call: 1, work })});
      if (type === 'log') console.log(child.pid);
    });`;
  const worker = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [pid] = (await once(worker.stdout, 'data')) as [Buffer];
  expect(isAlive(Number(pid))).toBe(true);
  worker.kill('SIGKILL');
  await eventually(() => !isAlive(Number(pid)));
});

it('the handlers of the examples do what they say', async () => {
  const pool = await start({ paths: [join(__dirname, '../../../../examples/handlers')] });
  expect(await call(pool, 'noop', { a: 1 })).toEqual({ a: 1 });
  expect(await call(pool, 'fibonacci', { n: 20 })).toEqual({ n: 20, value: 6765 });
  expect((await failure(call(pool, 'fibonacci', { n: 46 }))).message).toContain(
    'input.n must be <= 45, got 46',
  );
});

describe('a file that changes', () => {
  const versioned = (version: string): string => `
    import { Task, type TaskContext } from '@tauro/sdk';
    export class T {
      @Task('a') static a() { return '${version}'; }
      @Task('waits') static async waits({ signal, log }: TaskContext) {
        log.info('${version} waits');
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
      }
    }`;

  it('is loaded anew for the calls that follow; those that run end as they began, and what is broken changes nothing', async () => {
    const path = await mkdtemp(join(directory, 'case-'));
    const write = (name: string, text: string) => writeFile(join(path, name), text);
    await write('a.ts', versioned('old'));
    const pool = await start({ paths: [path] });
    const told = new EventEmitter();
    const log = (message: string): void => void told.emit('line', message);
    const reload = new HandlerReload(pool, [path], { log, error: log }, 50);
    await reload.start();
    const line = async () => ((await once(told, 'line')) as [string])[0];
    try {
      const { context, said, abort } = recorded();
      const waits = said('old waits');
      const running = pool.run('waits', {}, context);
      await waits;
      const before = pool.version('a');
      let next = line();
      await write('a.ts', versioned('new'));
      expect(await next).toBe('handlers loaded anew: a, waits');
      expect(pool.version('a')).not.toBe(before);
      expect(await call(pool, 'a')).toBe('new');
      abort.abort('enough');
      await expect(running).rejects.toBe('enough');

      next = line();
      await write('b.ts', 'export class {');
      expect(await next).toMatch(/the handlers stay as they were: .*b\.ts: /);
      // More calls than there are processes: none of them meets what is broken.
      expect(await Promise.all([1, 2, 3].map(() => call(pool, 'a')))).toEqual(['new', 'new', 'new']);
      next = line();
      await rm(join(path, 'b.ts'));
      expect(await next).toBe('handlers loaded anew: a, waits');
    } finally {
      reload.stop();
    }
  });
});
