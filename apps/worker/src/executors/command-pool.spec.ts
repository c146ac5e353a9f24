import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type JsonObject } from '@tauro/domain';
import { adoptTable, ArtifactStore, NODE_KINDS, type NodeContext, type NodeSettings } from '@tauro/nodes';
import { endAbandoned, MARK, markOf } from '../commands/process-tree.js';
import { CommandPool, type CommandPoolOptions } from './command-pool.js';

// Real programs beside real processes, through the path that a user's commands take.

jest.setTimeout(60_000);

const onLinux = process.platform === 'linux' ? it : it.skip;
const command = NODE_KINDS.get('command')!;

let root: string;
let settings: NodeSettings;
let shared: CommandPool;
const pools: CommandPool[] = [];

beforeAll(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), 'commands-')));
  for (const folder of ['data', 'spill']) await mkdir(join(root, folder));
  settings = {
    dataRoots: [join(root, 'data')],
    workingDirectory: join(root, 'data'),
    duckdb: { memoryLimitMb: 100, threads: 1, maxTempDiskMb: 100, tempDirectory: join(root, 'spill') },
    egressAllowPrivate: false,
    templateEnv: [],
    taskMemoryMb: 64,
    commands: { enabled: true, allowed: ['*'], memoryMb: 200, processes: 20, fileMb: 1, openFiles: 64 },
    containers: { enabled: false, images: [], networks: [], memoryMb: 64, cpus: 1 },
    kubernetes: { enabled: false, namespaces: [] },
  };
  shared = pool();
});
afterAll(async () => {
  await Promise.all(pools.map((one) => one.close()));
  await rm(root, { recursive: true });
});

function pool(more: Partial<CommandPoolOptions> = {}): CommandPool {
  const one = new CommandPool({ limits: settings.commands, deployment: 'spec', size: 3, ...more });
  pools.push(one);
  return one;
}

interface Attempt {
  output: Promise<any>; // eslint-disable-line @typescript-eslint/no-explicit-any -- JSON of any shape
  /** `type: message` of its failure. */
  failure: Promise<string>;
  lines: string[];
  progress: number[];
  claim: string;
  context: NodeContext;
  abort: AbortController;
  /** Resolves with the first line that has this beginning. */
  said(beginning: string): Promise<string>;
}

let claims = 0;

function start(config: JsonObject, more: Partial<NodeContext> = {}, on = shared): Attempt {
  const lines: string[] = [];
  const progress: number[] = [];
  const abort = new AbortController();
  const claim = `claim${++claims}`;
  const context = {
    run: { id: 'run_1' },
    params: { day: 5 },
    task: { id: 'task_1', node_id: 'c', attempt: 1, claim_id: claim },
    config,
    inputs: [],
    log: (level: string, message: string) => lines.push(`${level} ${message}`),
    progress: (fraction: number) => progress.push(fraction),
    signal: abort.signal,
    artifacts: new ArtifactStore(join(root, 'artifacts')),
    settings,
    commands: on,
    adoptTable: (file: Parameters<typeof adoptTable>[0]) => adoptTable(file, context),
    ...more,
  } as unknown as NodeContext;
  const result = command.execute(context);
  const output = result.then((made) => made.output);
  const failure = result.then(
    (made) => `no failure: ${JSON.stringify(made.output)}`,
    (error: unknown) =>
      error instanceof Error ? `${error.name}: ${error.message}` : `aborted: ${String(error)}`,
  );
  output.catch(() => undefined);
  const said = async (beginning: string): Promise<string> => {
    for (;;) {
      const found = lines.find((line) => line.startsWith(beginning));
      if (found) return found;
      await sleep(10);
    }
  };
  return { output, failure, lines, progress, claim, context, abort, said };
}
const sh = (script: string, more: JsonObject = {}): JsonObject => ({
  command: ['sh', '-c', script],
  ...more,
});
const run = (script: string, more: JsonObject = {}): Promise<any> => start(sh(script, more)).output; // eslint-disable-line @typescript-eslint/no-explicit-any
const fails = (script: string, more: JsonObject = {}): Promise<string> => start(sh(script, more)).failure;

/** Ids of the processes whose command line has this. */
function running(text: string): number[] {
  const lines = execFileSync('ps', ['-eo', 'pid=,stat=,args='], { encoding: 'utf8' }).trim().split('\n');
  return lines.flatMap((line) => {
    const [, pid, stat, args] = /^\s*(\d+)\s+(\S+)\s+(.*)$/.exec(line)!;
    return args!.includes(text) && !stat!.startsWith('Z') ? [Number(pid)] : [];
  });
}
async function allGone(text: string): Promise<void> {
  while (running(text).length > 0) await sleep(10);
}
/** A number of seconds that no other process sleeps for, so that it is found again. */
let naps = 0;
const nap = (): string => `${7000 + (process.pid % 1000)}.${++naps}`;

describe('a command', () => {
  it('gets its arguments as they are, and no shell makes more of them', async () => {
    const words = ['$HOME', '* ; echo no', '"\'`', '', 'größer 😀', '-n'];
    const { output } = start({ command: ['printf', '%s|', ...words, 5, true] });
    expect(await output).toEqual({ exit_code: 0, stdout: [...words, 5, true, ''].join('|') });
  });

  it('prints to the log of its task', async () => {
    const one = start(sh(`echo out; echo trouble >&2; printf 'a\\000\\377\\033[1mb'; printf 'no end' >&2`));
    expect(await one.output).toMatchObject({ stdout: 'out\na\ufffd\ufffdb' });
    expect([...one.lines].sort()).toEqual([
      'INFO a\ufffd\ufffdb',
      'INFO out',
      'WARNING no end',
      'WARNING trouble',
    ]);
  });

  it('has an environment that is not that of its worker', async () => {
    process.env['A_SECRET_OF_THE_WORKER'] = 'hidden';
    const { stdout } = await run('env', { env: { MINE: 'x y', N: 5 } });
    delete process.env['A_SECRET_OF_THE_WORKER'];
    const names = stdout.split('\n').map((line: string) => line.split('=')[0]);
    expect(stdout.split('\n')).toEqual(expect.arrayContaining(['MINE=x y', 'N=5']));
    expect(
      names.filter((name: string) => !['LANG', 'TZ', 'OLDPWD', 'SHLVL', '_'].includes(name)).sort(),
    ).toEqual([...['HOME', 'MINE', 'N', 'PATH', 'PWD', MARK, 'TAURO_INPUT', 'TAURO_OUTPUT', 'TMPDIR']]);
    const config = { command: ['env'], env: { LD_PRELOAD: '/x.so' } };
    expect(await start(config).failure).toMatch(/^InvalidConfig: config.env.LD_PRELOAD cannot be set/);
    expect(await start({ command: ['a\0b'] }).failure).toMatch(/^InvalidConfig: config.command.0 has a NUL/);
  });

  it('works in a folder of its own, which goes with it, or in one under DATA_ROOTS', async () => {
    const { stdout } = await run('pwd; ls -A; touch file; echo "$HOME $TMPDIR"');
    const [folder, ...rest] = stdout.split('\n');
    expect(folder).toMatch(join(root, 'spill'));
    expect(rest).toEqual(['.tauro-input.json', '.tauro-output.jsonl', `${folder} ${folder}`]);
    expect(existsSync(folder)).toBe(false);

    await mkdir(join(root, 'data/there'));
    expect((await run('pwd; echo 1 > made', { cwd: 'there' })).stdout).toBe(join(root, 'data/there'));
    expect(readFileSync(join(root, 'data/there/made'), 'utf8')).toBe('1\n');
    expect(await fails('pwd', { cwd: '../spill' })).toMatch(/^PathNotAllowed: '..\/spill' is outside/);
    expect(await fails('pwd', { cwd: 'nowhere' })).toBe("FileNotFound: cwd: 'nowhere' was not found");
    expect(await fails('pwd', { cwd: 'there/made' })).toBe("BadPath: cwd: 'there/made' is no folder");
  });

  it('fails by its exit code, and says why', async () => {
    const one = start(sh('echo first >&2; echo "no such table" >&2; exit 3'));
    expect(await one.failure).toBe('CommandFailed: the command exited with code 3: no such table');
    await expect(one.output).rejects.toMatchObject({ retryable: true });
    expect(await fails('kill -SEGV $$')).toBe('CommandFailed: the command was killed by SIGSEGV');
    expect(await run('exit 3', { success_codes: [0, 3] })).toMatchObject({ exit_code: 3 });
    const codes = { retry_codes: [75] };
    await expect(run('exit 75', codes)).rejects.toMatchObject({ retryable: true });
    await expect(run('exit 1', codes)).rejects.toMatchObject({ retryable: false });
    expect(await start({ command: ['no_such_program'] }).failure).toMatch(/^CommandNotFound: /);
    const long = { command: ['true', 'x'.repeat(3_000_000)] };
    expect(await start(long).failure).toMatch(/^CommandFailed: .*too long; give it the data in `input`/);
    // A program of no format that the system knows.
    await writeFile(join(root, 'data/nonsense'), '\x7fELF nonsense', { mode: 0o755 });
    expect(await start({ command: ['./nonsense'], cwd: '.' }).failure).toMatch(/^CommandFailed: .*code 12\d/);
  });

  it('reads what it is given and says what it has made', async () => {
    const table = {
      artifact: 'runs/r/src/x.parquet',
      rows: 2,
      bytes: 9,
      columns: [{ name: 'a', type: 'INTEGER' }],
    };
    const inputs = [
      { node_id: 'src', output: { rows: 2 }, table },
      { node_id: 'task', output: 'text' },
    ];
    const one = start(
      sh(
        `cat "$TAURO_INPUT"
         echo '{"type":"progress","fraction":0.25}' >> "$TAURO_OUTPUT"
         echo '{"type":"log","level":"ERROR","message":"half"}' >> "$TAURO_OUTPUT"
         echo '{"type":"output","value":{"made":[1,2]}}' >> "$TAURO_OUTPUT"`,
        { input: { least: 5 } },
      ),
      { inputs } as unknown as Partial<NodeContext>,
    );
    const { stdout, value } = await one.output;
    expect(JSON.parse(stdout)).toEqual({
      run: { id: 'run_1' },
      params: { day: 5 },
      node_id: 'c',
      attempt: 1,
      input: { least: 5 },
      inputs: { src: { rows: 2 }, task: 'text' },
      tables: {
        src: { path: join(root, 'artifacts', table.artifact), rows: 2, bytes: 9, columns: table.columns },
      },
    });
    expect(value).toEqual({ made: [1, 2] });
    expect(one.lines).toContain('ERROR half');
    expect(one.progress).toEqual([0.25]);
    expect(await fails(`echo nonsense >> "$TAURO_OUTPUT"`)).toBe(
      'InvalidOutput: TAURO_OUTPUT line 1: is no JSON: nonsense',
    );
  });

  it('hands on a table', async () => {
    const csv = `printf 'city,n\\nOslo,1\\nBergen,2\\n'`;
    expect(await run(`${csv} > out.csv; echo done`, { table: 'out.csv' })).toEqual({
      exit_code: 0,
      stdout: 'done',
      ...{ rows: 2, bytes: expect.any(Number) },
      columns: [
        { name: 'city', type: 'VARCHAR' },
        { name: 'n', type: 'BIGINT' },
      ],
    });
    const say = (path: string, more = ''): string =>
      `echo '{"type":"table","path":"${path}"${more}}' >> "$TAURO_OUTPUT"`;
    const data = `${csv} > data; ${say('data', ',"format":"csv"')}`;
    expect(await run(data, { table: true })).toMatchObject({ rows: 2 });
    expect(await fails(data)).toMatch(/^InvalidOutput: .*say 'table: true' in its config/);
    expect(await fails('true', { table: true })).toMatch(/^InvalidOutput: .*handed on none by TAURO_OUTPUT/);
    expect(await fails('true', { table: 'out.csv' })).toMatch(/^FileNotFound: .*has not left .*'out.csv'/);
    expect(await fails('mkdir out.csv', { table: 'out.csv' })).toMatch(/^BadPath: .*'out.csv' is no file/);
    expect(await fails('touch out', { table: 'out' })).toMatch(/^UnknownFormat: /);
    expect(await fails('ln -s /etc/passwd out.csv', { table: 'out.csv' })).toMatch(/^PathNotAllowed: /);
    expect(await fails(say('/etc/passwd', ',"format":"csv"'), { table: true })).toMatch(/^PathNotAllowed: /);
    expect(await fails(`echo no > out.parquet`, { table: 'out.parquet' })).toBe(
      'BadFile: out.parquet is not a Parquet file',
    );
  });

  it('that prints 100 MB costs no more than the log of one attempt', async () => {
    const little = pool({ maxLogBytes: 10_000 });
    const one = start(sh(`yes "a line of it" | head -c 100000000; head -c 200000 /dev/zero`), {}, little);
    expect(await one.output).toEqual({ exit_code: 0 });
    expect(one.lines.length).toBeLessThan(200);
    expect(one.lines.at(-1)).toMatch(/WARNING \d{6,} log line\(s\) were dropped/);
  });

  it('keeps to its limits', async () => {
    expect(await fails('head -c 3000000 /dev/zero > big; exit $?')).toMatch(/^CommandFailed/);
    expect((await run('ulimit -n')).stdout).toBe('64');
  });

  onLinux('that takes too much memory, with all it started, is ended', async () => {
    const hog = `head -c 300000000 /dev/zero | tail -n 1`;
    expect(await fails(`sh -c '${hog}' | cat`)).toMatch(
      /^OutOfMemory: .*more than 200 MB .*raise COMMAND_MEMORY_MB/,
    );
  });

  onLinux('that forks without end is ended', async () => {
    const seconds = nap();
    const one = start(sh(`while :; do sleep ${seconds} & done`));
    expect(await one.failure).toMatch(/^CommandFailed: .*more than 20 processes.*COMMAND_PROCESSES/);
    await allGone(seconds);
  });
});

describe('an end of a command', () => {
  it('comes by a word, which it may hear', async () => {
    const one = start(sh(`trap 'echo stopping; exit 0' TERM; echo ready; while :; do sleep 0.05; done`));
    await one.said('INFO ready');
    one.abort.abort('cancelled');
    expect(await one.failure).toBe('aborted: cancelled');
    expect(one.lines).toContain('INFO stopping');
  });

  // The last one is detached from its group, its session and its parent, as a daemon is.
  const family = (seconds: string): string =>
    `trap '' TERM; (trap '' TERM; sleep ${seconds}; sleep ${seconds}) &
     (setsid sh -c "trap '' TERM; sleep ${seconds}; sleep ${seconds}" >/dev/null 2>&1 &)
     echo ready; sleep ${seconds}; sleep ${seconds}`;

  onLinux('takes along whatever it has started, also what does not listen', async () => {
    const seconds = nap();
    const one = start(sh(family(seconds)));
    await one.said('INFO ready');
    while (running(seconds).length < 5) await sleep(10);
    const before = performance.now();
    one.abort.abort('timeout');
    expect(await one.failure).toBe('aborted: timeout');
    expect(performance.now() - before).toBeLessThan(5000);
    expect(running(seconds)).toEqual([]);
  });

  onLinux('leaves nothing running, with a word of it', async () => {
    const seconds = nap();
    const one = start(sh(`sleep ${seconds} & setsid sleep ${seconds} & echo done`));
    expect(await one.output).toMatchObject({ stdout: 'done' });
    expect(one.lines.at(-1)).toBe('WARNING 2 process(es) that the command had left running were ended');
    expect(running(seconds)).toEqual([]);
  });

  onLinux('comes with that of the process beside it', async () => {
    const seconds = nap();
    const one = start(sh(family(seconds)), {}, pool());
    await one.said('INFO ready');
    while (running(seconds).length < 5) await sleep(10);
    const [pid] = running(seconds).flatMap((each) => supervisorOf(each));
    process.kill(pid!, 'SIGKILL');
    expect(await one.failure).toMatch(
      /^CommandProcess: the process beside the command was killed by SIGKILL/,
    );
    await allGone(seconds);
  });

  onLinux('comes with that of the pool', async () => {
    const seconds = nap();
    const little = pool();
    const one = start(sh(family(seconds)), {}, little);
    await one.said('INFO ready');
    while (running(seconds).length < 5) await sleep(10);
    await little.close();
    expect(await one.failure).toMatch(/^CommandProcess: /);
    await allGone(seconds);
  });

  onLinux('is made up for by the next worker when nobody was left to see to it', async () => {
    const seconds = nap();
    const one = start(sh(family(seconds)));
    await one.said('INFO ready');
    while (running(seconds).length < 5) await sleep(10);
    expect(endAbandoned()).toBe(0);
    one.abort.abort('cancelled');
    await one.failure;
    await allGone(seconds);

    // As they are when worker and supervisor were killed together: marked by somebody who is not there any more.
    const gone = markOf('claim').replace(/\d+\.claim$/, '1.claim');
    const elsewhere = gone.replace(/^\d+/, '7');
    for (const mark of [gone, elsewhere]) {
      execFileSync('sh', ['-c', `setsid sleep ${seconds} >/dev/null 2>&1 &`], {
        env: { PATH: process.env['PATH'], [MARK]: mark },
      });
    }
    while (running(seconds).length < 2) await sleep(10);
    expect(endAbandoned()).toBe(1);
    // The other belongs to a container, whose process ids mean nothing here.
    while (running(seconds).length > 1) await sleep(10);
    for (const pid of running(seconds)) process.kill(pid, 'SIGKILL');
    await allGone(seconds);
  });
});

const supervisorOf = (pid: number): number[] => {
  const mark = new RegExp(`${MARK}=\\d+\\.(\\d+)\\.`).exec(readFileSync(`/proc/${pid}/environ`, 'latin1'));
  return mark ? [Number(mark[1])] : [];
};
