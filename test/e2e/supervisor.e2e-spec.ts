import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import mongoose from 'mongoose';

import { ROOT } from '../support/server-process.js';
import { waitFor } from '../support/wait-for.js';

describe('npm start', () => {
  const database = `tauro_test_${randomBytes(5).toString('hex')}`;
  const started: ChildProcess[] = [];
  let folder: string;
  let output = '';
  /** The API and the worker of the last start. */
  let children: number[] = [];

  beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'tauro-start-'))));
  afterEach(async () => {
    for (const child of started.splice(0)) child.kill('SIGTERM');
    await waitFor(() => !children.some(alive), { what: 'all processes to end' });
  });
  afterAll(async () => {
    const connection = await mongoose
      .createConnection(process.env.TEST_MONGODB_URL!, { dbName: database })
      .asPromise();
    await connection.dropDatabase();
    await connection.close();
    rmSync(folder, { recursive: true, force: true });
  });

  function start(env: Record<string, string> = {}): ChildProcess {
    output = '';
    const child = spawn(process.execPath, [join(ROOT, 'dist/apps/cli/src/main.js'), 'start'], {
      cwd: folder,
      env: {
        PATH: process.env.PATH,
        HOME: process.env.HOME,
        PORT: '0',
        PROMETHEUS_PORT: '0',
        MONGODB_URL: process.env.TEST_MONGODB_URL,
        REDIS_URL: process.env.TEST_REDIS_URL,
        MONGODB_DATABASE: database,
        QUEUE_PREFIX: database,
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => (output += text));
    }
    started.push(child);
    return child;
  }

  /** The URL of the API once everything is up. */
  async function ready(child: ChildProcess): Promise<string> {
    const url = await waitFor(
      () => {
        if (child.exitCode !== null) throw new Error(output);
        return /^ +API +(http:\S+)\/api\/v1$/m.exec(output)?.[1];
      },
      { timeout: 60_000, what: 'the server to be ready' },
    );
    children = childrenOf(child.pid!);
    return url;
  }

  it('brings up an API and a worker, replaces one that dies, and leaves nothing behind', async () => {
    const supervisor = start();
    const url = await ready(supervisor);
    expect(children).toHaveLength(2);
    expect(await (await fetch(`${url}/health`)).json()).toMatchObject({ status: 'healthy' });

    const [api] = children;
    process.kill(api!, 'SIGKILL');
    await waitFor(() => output.includes('api ended (SIGKILL); starting it again in 1 s'), {
      what: 'the notice',
    });
    await waitFor(async () => (await fetch(`${url}/health/ready`)).ok, { what: 'another API' });
    children = [...children, ...childrenOf(supervisor.pid!)];

    const exited = once(supervisor, 'exit');
    supervisor.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
    expect(children.filter(alive)).toEqual([]);
  });

  it('takes its processes with it when it is killed', async () => {
    const supervisor = start();
    await ready(supervisor);
    supervisor.kill('SIGKILL');
    await waitFor(() => !children.some(alive), { what: 'the API and the worker to end' });
  });

  it('names the variable when the port is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const [code] = await once(start({ PORT: String(port) }), 'exit');
    other.close();
    expect(code).toBe(1);
    expect(output).toContain(`PORT: port ${port} is taken by another program`);
  });

  it('tells everything that is wrong with the configuration before it starts anything', async () => {
    const [code] = await once(start({ PORT: 'eighty', LOG_LEVEL: 'loud' }), 'exit');
    expect(code).toBe(1);
    expect(output).toMatch(/PORT: "eighty" is not a whole number[^]*LOG_LEVEL: "loud" is none of/);
  });
});

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
}

/** Whether a process is there and not merely waiting to be collected. */
function alive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
