import { execFileSync } from 'node:child_process';
import { chain, ONCE, task } from '../support/nodes.js';
import { Tauro } from '../support/tauro.js';
import { User } from '../support/user.js';
import { waitFor } from '../support/wait-for.js';

const rows = { id: 'rows', type: 'source', config: { source_type: 'inline', rows: [{ n: 1 }] } };
const query = (id: string, sql: string): object => ({ id, type: 'processor', config: { sql }, ...ONCE });

const big = query('big', 'select i from range(1000000) r(i), rows');
/** Hours of work that says how far it is, as DuckDB does of scanned tables. */
const SLOW = `select count(*) as c from big a, big b where md5((a.i + b.i)::varchar) = 'x'`;
/** 2.5 GB of one letter, of which DuckDB's own limit sees nothing. */
const grown = (depth: number): string =>
  depth === 0 ? `repeat('a', 400)` : `replace(${grown(depth - 1)}, 'a', '${'a'.repeat(50)}')`;
const BOMB = `select length(${grown(4)}) as n from rows`;

/** Every process below this one, with what it runs. */
function descendants(pid: number): { pid: number; command: string }[] {
  const lines = execFileSync('ps', ['-eo', 'pid=,ppid=,args='], { encoding: 'utf8' }).trim().split('\n');
  const all = lines.map((line) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line)!);
  const below = (parent: number): { pid: number; command: string }[] =>
    all
      .filter(([, , ppid]) => Number(ppid) === parent)
      .flatMap(([, id, , command]) => [{ pid: Number(id), command: command! }, ...below(Number(id))]);
  return below(pid);
}
const tableProcesses = (worker: number): number[] =>
  descendants(worker)
    .filter(({ command }) => command.includes('table-main'))
    .map(({ pid }) => pid);

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** After which a node that does not listen is given up. */
const GRACE_MS = 5000;

describe('SQL that goes out of hand', () => {
  let tauro: Tauro;
  let user: User;

  beforeAll(async () => {
    tauro = await Tauro.start({ env: { DUCKDB_MEMORY_MB: '100' } });
    user = new User(tauro.api);
  });
  afterAll(() => tauro?.stop());

  const worker = () => tauro.workers.at(-1)!;
  const registered = () => tauro.database.collection('workers').findOne({ pid: worker().pid });
  /** Resolves once DuckDB works on the node. */
  const working = (runId: string, nodeId: string) =>
    waitFor(
      async () => (await user.tasks(runId))[nodeId].progress > 0 && tableProcesses(worker().pid).length > 0,
      { what: `${nodeId} to run` },
    );

  it('in memory fails its own task; the worker lives on, and so does what runs beside', async () => {
    const before = await registered();
    const runId = await user.startNew([rows, query('bomb', BOMB), task('beside', 'sleep', { seconds: 3 })], {
      edges: chain('rows', 'bomb'),
    });
    expect((await user.ended(runId)).state).toBe('FAILED');
    const { bomb, beside } = await user.tasks(runId);
    expect(bomb).toMatchObject({ state: 'FAILED', attempt: 1, error: { type: 'OutOfMemory' } });
    expect(bomb.error.message).toContain('DUCKDB_MEMORY_MB');
    expect(beside.state).toBe('SUCCESS');
    expect(worker().running).toBe(true);
    expect((await registered())!._id).toEqual(before!._id);
    expect(beside.attempts[0].worker_id).toEqual(before!._id);
  });

  it('in time is stopped by a cancel', async () => {
    const runId = await user.startNew([rows, big, query('slow', SLOW)], {
      edges: chain('rows', 'big', 'slow'),
    });
    await working(runId, 'slow');
    const asked = Date.now();
    expect((await tauro.api.post(`/api/v1/runs/${runId}/cancel`)).status).toBe(202);
    const run = await user.ended(runId);
    expect(run.state).toBe('CANCELLED');
    expect(Date.parse(run.finished_at) - asked).toBeLessThan(GRACE_MS + 1000);
  });

  it('ends with its worker, also when that is killed', async () => {
    const runId = await user.startNew([rows, big, query('slow', SLOW)], {
      edges: chain('rows', 'big', 'slow'),
    });
    await working(runId, 'slow');
    const children = descendants(worker().pid).map(({ pid }) => pid);
    expect(children.length).toBeGreaterThan(0);
    await worker().kill();
    await waitFor(() => Promise.resolve(!children.some(isAlive)), { what: 'no child to be left' });
    await tauro.api.post(`/api/v1/runs/${runId}/cancel`);
  });
});
