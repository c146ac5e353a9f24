import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type JsonObject } from '@tauro/domain';
import type * as domain from '@tauro/domain';
import { type NodeContext, type NodeInput, type NodeResult, type NodeSettings } from '@tauro/nodes';
import type * as nodes from '@tauro/nodes';
import type * as childProcesses from '@tauro/processes';
import type * as tablePool from '../../apps/worker/src/executors/table-pool.js';
import type * as tableProtocol from '../../apps/worker/src/executors/table-protocol.js';
import { ROOT } from '../support/server-process.js';

// The pool as it was built: real processes with a real DuckDB in them.

/* eslint-disable @typescript-eslint/no-require-imports -- what the build made */
const built = (path: string): unknown => require(join(ROOT, 'dist', path));
const { TablePool, tableMemoryMb, tableProgram } = built(
  'apps/worker/src/executors/table-pool.js',
) as typeof tablePool;
const { callOf } = built('apps/worker/src/executors/table-protocol.js') as typeof tableProtocol;
const { programCommand } = built('libs/processes/src/index.js') as typeof childProcesses;
const { ArtifactStore, NODE_KINDS, NodeError } = built('libs/nodes/src/index.js') as typeof nodes;
const { renderConfig } = built('libs/domain/src/index.js') as typeof domain;
type TablePool = tablePool.TablePool;
type NodeError = nodes.NodeError;

let root: string;
let options: tablePool.TablePoolOptions;
/** For calls that leave their process as it was. */
let shared: TablePool;
const pools: TablePool[] = [];

beforeAll(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), 'tables-')));
  await mkdir(join(root, 'spill'));
  const settings: NodeSettings = {
    dataRoots: [root],
    workingDirectory: root,
    duckdb: { memoryLimitMb: 100, threads: 2, maxTempDiskMb: 1000, tempDirectory: join(root, 'spill') },
    egressAllowPrivate: false,
    templateEnv: [],
    taskMemoryMb: 64,
    commands: { enabled: false, allowed: [], memoryMb: 64, processes: 4, fileMb: 4, openFiles: 64 },
    containers: { enabled: false, images: [], networks: [], memoryMb: 64, cpus: 1 },
    kubernetes: { enabled: false, namespaces: [] },
  };
  options = { settings, artifacts: join(root, 'artifacts'), size: 2, killGraceMs: 2000 };
  shared = new TablePool(options);
  await made('rows', { source_type: 'inline', rows: [{ n: 1 }, { n: 2 }, { n: 3 }] }, 'source');
  await made('big', { sql: 'select i from range(1000000) r(i), rows where n = 1' }, 'processor');
});
afterEach(() => Promise.all(pools.splice(0).map((pool) => pool.close())));
afterAll(async () => {
  await shared?.close();
  await rm(root, { recursive: true });
});

const pool = (more: Partial<tablePool.TablePoolOptions> = {}): TablePool => {
  const one = new TablePool({ ...options, ...more });
  pools.push(one);
  return one;
};

const left = new Map<string, NodeResult>();
let claims = 0;

/** The context of an attempt after the source `rows`, its config rendered as the worker does. */
function contextFor(
  id: string,
  config: JsonObject,
  type: string,
  more: Partial<NodeContext> = {},
): NodeContext {
  const kind = NODE_KINDS.get(type)!;
  const inputs = [...left].map(([node_id, result]) => ({ node_id, ...result }) as NodeInput);
  const scope = { params: { least: 2, name: "O'Brien" } };
  return {
    run: {
      id: 'run_1',
      project_id: 'proj_1',
      pipeline_id: 'pipe_1',
      pipeline_name: 'p',
      created_at: '',
      state: 'RUNNING',
      error: null,
    },
    params: {},
    tags: {},
    task: { id: `task_${id}`, node_id: id, attempt: 1, claim_id: `claim${claims++}` },
    config: renderConfig(config, scope as never, { isBound: kind.bound?.bind(kind), at: id }),
    inputs: type === 'source' ? [] : inputs,
    log: () => undefined,
    progress: () => undefined,
    signal: new AbortController().signal,
    artifacts: new ArtifactStore(options.artifacts),
    settings: options.settings,
    handlers: { names: () => [], run: () => Promise.reject(new Error('none')) },
    commands: { run: () => Promise.reject(new Error('none')) },
    adoptTable: () => Promise.reject(new Error('none')),
    ...more,
  };
}

async function made(id: string, config: JsonObject, type: string): Promise<void> {
  left.set(id, await shared.execute(NODE_KINDS.get(type)!, contextFor(id, config, type)));
}

const query = (on: TablePool, sql: string, more: Partial<NodeContext> = {}): Promise<NodeResult> =>
  on.execute(NODE_KINDS.get('processor')!, contextFor('out', { sql }, 'processor', more));

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
async function eventually(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 60_000; !(await condition());) {
    if (Date.now() > deadline) throw new Error('it did not come true within a minute');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
/** The processes that have a scratch folder, that is those that are loaded and not yet cleared away. */
const processes = async (): Promise<number[]> => (await readdir(join(root, 'spill'))).map(Number);

/** Hours of work that says how far it is, as DuckDB does of scanned tables. */
const SLOW = `select count(*) as c from big a, big b where md5((a.i + b.i)::varchar) = 'x'`;
const ENDLESS = 'select sum(a.range * b.range) as s from range(1000000000) a, range(1000000) b';
/** 2.5 GB of one letter, of which DuckDB's limit sees nothing. */
const FIFTY = 'a'.repeat(50);
const nested = (depth: number): string =>
  depth === 0 ? `repeat('a', 400)` : `replace(${nested(depth - 1)}, 'a', '${FIFTY}')`;
const BOMB = `select length(${nested(4)}) as n from rows`;

describe('a table node', () => {
  it('yields in a process of its own what it would yield here, log lines and bound values included', async () => {
    const lines: string[] = [];
    const log = (level: string, message: string): void => void lines.push(`${level} ${message}`);
    const sql = 'select n, {{ params.name }} as name from rows where n >= {{ params.least }}';
    const result = await query(shared, sql, { log });
    expect(result).toMatchObject({
      output: { rows: 2, columns: [{ name: 'n' }, { name: 'name', type: 'VARCHAR' }] },
      table: { rows: 2 },
      rows: 2,
    });
    expect(lines).toEqual(['INFO sql: 1,000,003 rows in, 2 rows out']);
  });

  it('fails as it would here: type, message and whether to try again', async () => {
    const error = await failure(query(shared, 'select colour from rows'));
    expect(error).toMatchObject({ type: 'ColumnNotFound', retryable: false });
    expect(error.message).toBe("sql: column 'colour' does not exist (columns: n, i)");
  });

  it('tells its progress while it runs', async () => {
    const stop = new AbortController();
    const told = new Promise<number>((resolve) => {
      const progress = (fraction: number): void => resolve(fraction);
      query(shared, SLOW, { progress, signal: stop.signal }).catch(() => undefined);
    });
    expect(await told).toBeGreaterThan(0);
    stop.abort('enough');
  });

  it('that outgrows its memory takes down only its own process, and says what to raise', async () => {
    const on = pool();
    const neighbour = query(on, 'select sum(i) as s from range(200000000) r(i)');
    const error = await failure(query(on, BOMB));
    expect(error).toMatchObject({ type: 'OutOfMemory', retryable: false });
    expect(error.message).toContain(`more than ${tableMemoryMb(100)} MB`);
    expect(error.message).toContain('raise DUCKDB_MEMORY_MB');
    expect(await neighbour).toMatchObject({ output: { rows: 1 } });
    expect(await query(on, 'select * from rows')).toMatchObject({ output: { rows: 3 } });
  });

  it('that crashes natively may be tried again, and the next call finds a fresh process', async () => {
    const on = pool({ size: 1 });
    const before = await processes();
    const running = failure(query(on, ENDLESS));
    let [victim]: number[] = [];
    await eventually(async () => {
      [victim] = (await processes()).filter((pid) => !before.includes(pid));
      return victim !== undefined;
    });
    process.kill(victim!, 'SIGSEGV');
    expect(await running).toMatchObject({
      type: 'TableProcess',
      message: 'the process of this attempt was killed by SIGSEGV',
      retryable: true,
    });
    expect(await query(on, 'select * from rows')).toMatchObject({ output: { rows: 3 } });
    // What a killed process has spilled is cleared away by the worker.
    await eventually(async () => !(await processes()).includes(victim!));
  });

  it('stops when it is aborted, and its process is used again', async () => {
    const on = pool({ size: 1, killGraceMs: 60_000 });
    const stop = new AbortController();
    await query(on, 'select * from rows');
    const running = query(on, ENDLESS, { signal: stop.signal });
    setTimeout(() => stop.abort('cancelled'), 300);
    await expect(running).rejects.toBe('cancelled');
    expect(await query(on, 'select * from rows')).toMatchObject({ output: { rows: 3 } });
  });

  it('says so when it has to wait for a process', async () => {
    const on = pool({ size: 1 });
    const stop = new AbortController();
    const first = query(on, ENDLESS, { signal: stop.signal });
    const line = new Promise<string>((resolve) => {
      void query(on, 'select * from rows', { log: (_, message) => resolve(message) }).catch(() => undefined);
    });
    expect(await line).toBe('waits for a table process; its worker has 1 at most');
    stop.abort('cancelled');
    await expect(first).rejects.toBe('cancelled');
  });
});

it('processes that idle are ended, the last one too', async () => {
  const before = await processes();
  const on = pool({ size: 1, idleMs: 1 });
  await query(on, 'select * from rows');
  await eventually(async () => (await processes()).every((pid) => before.includes(pid)));
  expect(await query(on, 'select * from rows')).toMatchObject({ output: { rows: 3 } });
});

it('the process knows nothing of the environment of its worker', () => {
  process.env['TABLE_POOL_SECRET'] = 'hidden';
  expect(JSON.stringify(tableProgram(options).env)).not.toContain('hidden');
  delete process.env['TABLE_POOL_SECRET'];
});

it('a query dies with its worker', async () => {
  const program = tableProgram(options);
  const work = callOf('processor', 'result', contextFor('out', { sql: SLOW }, 'processor'));
  // A stand-in for the worker, so that it can be killed.
  const load = {
    type: 'load',
    settings: program.settings,
    maxRssBytes: program.maxRssBytes,
    maxLogBytes: 1000,
  };
  const script = `
    const { spawn } = require('node:child_process');
    const args = ${JSON.stringify(programCommand(program))};
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
    child.send({ ...${JSON.stringify(load)}, parent: process.pid });
    child.on('message', ({ type }) => {
      if (type === 'ready') child.send(${JSON.stringify({ type: 'run', call: 1, work })});
      if (type === 'progress') console.log(child.pid);
    });`;
  const worker = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [pid] = (await once(worker.stdout, 'data')) as [Buffer];
  expect(isAlive(Number(pid))).toBe(true);
  worker.kill('SIGKILL');
  await eventually(() => !isAlive(Number(pid)));
});
