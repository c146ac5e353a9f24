import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { chain, ONCE } from '../../support/nodes.js';
import { Secured } from '../../support/secured.js';
import { Tauro } from '../../support/tauro.js';
import { expectStatus, User } from '../../support/user.js';
import { waitFor } from '../../support/wait-for.js';

/** Some 60 MB as text, a few MB as Parquet. */
const ROWS = 400_000;
const BIG = [
  { id: 'one', type: 'source', config: { source_type: 'inline', rows: [{ n: 1 }] } },
  {
    id: 'big',
    type: 'processor',
    config: {
      sql: `select i, repeat('flights and more flights ', 6) as words from range(${ROWS}) r(i), one`,
    },
    ...ONCE,
  },
];

describe('downloads of a large table', () => {
  let tauro: Tauro;
  let runId: string;
  beforeAll(async () => {
    tauro = await Tauro.start();
    const user = new User(tauro.api);
    runId = await user.startNew(BIG, { edges: chain('one', 'big') });
    expect((await user.ended(runId)).state).toBe('SUCCESS');
  });
  afterAll(() => tauro?.stop());

  const path = (): string => `/api/v1/runs/${runId}/artifacts/big`;
  const open = (format: string, signal?: AbortSignal): Promise<Response> =>
    fetch(`${tauro.url}${path()}/download?format=${format}`, { signal });
  /** Processes that the API has started to read tables with. */
  const readers = (): number[] =>
    execFileSync('ps', ['-eo', 'pid=,ppid=,args='], { encoding: 'utf8' })
      .split('\n')
      .map((line) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line))
      .filter((found) => Number(found?.[2]) === tauro.apiProcess().pid && found![3]!.includes('reader-main'))
      .map((found) => Number(found![1]));
  const residentMb = (pid: number): number =>
    Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024;

  it('come whole, while the API holds hardly anything of them', async () => {
    const before = residentMb(tauro.apiProcess().pid);
    let most = before;
    let bytes = 0;
    let lines = 0;
    let chunks = 0;
    const { status, body } = await open('csv');
    expect(status).toBe(200);
    for await (const chunk of body as unknown as AsyncIterable<Uint8Array>) {
      if (bytes === 0) await waitFor(async () => readers().length > 0, { what: 'a reader' });
      bytes += chunk.length;
      for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) lines++;
      if (++chunks % 20 === 0) most = Math.max(most, residentMb(tauro.apiProcess().pid));
    }
    expect(lines).toBe(ROWS + 1);
    expect(bytes).toBeGreaterThan(56_000_000);
    expect(most - before).toBeLessThan(50);
    expect((await tauro.api.get(`${path()}?offset=${ROWS - 1}`)).body.data.preview.rows[0].i).toBe(ROWS - 1);
  });

  it('end with their clients: however many have left, the next one is served', async () => {
    for (let i = 0; i < 6; i++) {
      const leave = new AbortController();
      const { body } = await open('ndjson', leave.signal);
      await body!.getReader().read();
      leave.abort();
    }
    const last = await open('csv');
    const reader = last.body!.getReader();
    expect((await reader.read()).value!.length).toBeGreaterThan(0);
    await reader.cancel();
  });

  it('keep nobody waiting who only wants to look', async () => {
    const leave = new AbortController();
    // They take a first piece, and then nothing more; a third one has to wait for them.
    const slow = [await open('csv', leave.signal), await open('csv', leave.signal)];
    void open('csv', leave.signal).catch(() => undefined);
    expect(slow.map(({ status }) => status)).toEqual([200, 200]);
    const look = await tauro.api.get(`${path()}?limit=1`);
    expect([look.status, look.body.data.preview.rows.length]).toEqual([200, 1]);
    leave.abort();
  });

  it('break off when their reader dies, and the API lives on', async () => {
    const { body } = await open('csv');
    const reading = (async () => {
      let killed = false;
      for await (const _ of body as unknown as AsyncIterable<Uint8Array>) {
        if (killed) continue;
        killed = true;
        for (const pid of readers()) process.kill(pid, 'SIGKILL');
      }
    })();
    await expect(reading).rejects.toThrow();
    expect((await tauro.api.get(`${path()}?limit=1`)).status).toBe(200);
    expect(tauro.apiProcess().running).toBe(true);
  });

  it('leave no process behind when nobody asks any more, nor when the API ends', async () => {
    expect((await tauro.api.get(`${path()}?limit=1`)).status).toBe(200);
    const pids = readers();
    expect(pids.length).toBeGreaterThan(0);
    await tauro.apiProcess().stop();
    const isAlive = (pid: number): boolean => {
      try {
        return process.kill(pid, 0);
      } catch {
        return false;
      }
    };
    await waitFor(async () => !pids.some(isAlive), { what: 'the readers to end' });
  });
});

describe('with keys', () => {
  let secured: Secured;
  beforeAll(async () => {
    secured = await Secured.start();
  });
  afterAll(() => secured?.stop());

  it('tables are for who may read runs, and only of the projects they are confined to', async () => {
    const user = new User(secured.admin);
    const project = await user.project();
    const { id: pipeline } = await user.pipeline(project, [BIG[0]!]);
    const runId = await user.start(project, pipeline);
    await user.ended(runId);
    const own = await secured.key({ permissions: ['runs:read'], project_ids: [project] });
    const foreign = await secured.key({ permissions: ['runs:read'], project_ids: [await user.project()] });
    const unable = await secured.key({ permissions: ['projects:read'] });
    for (const path of ['', '/one', '/one/download?format=csv']) {
      const target = `/api/v1/runs/${runId}/artifacts${path}`;
      const statuses = await Promise.all(
        [own, foreign, unable].map(({ client }) => client.get(target).then(({ status }) => status)),
      );
      expect([path, ...statuses]).toEqual([path, 200, 404, 403]);
    }
    expectStatus(await own.client.get(`/api/v1/runs/${runId}/artifacts`), 200);
  });
});
