import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Document, MongoClient } from 'mongodb';
import { freePort } from './tauro.js';
import { waitFor } from './wait-for.js';

/** The program of the suite's own server, with the environment that it was started with; undefined when that runs elsewhere. */
async function program(): Promise<{ path: string; env: NodeJS.ProcessEnv } | undefined> {
  const client = new MongoClient(process.env.TEST_MONGODB_URL!);
  try {
    const { pid } = (await client.db('admin').command({ serverStatus: 1 })) as { pid?: unknown };
    const { argv } = await client.db('admin').command({ getCmdLineOpts: 1 });
    const path = (argv as string[])[0]!;
    const environ = `/proc/${String(pid)}/environ`;
    if (!existsSync(path) || !existsSync(environ)) return undefined;
    const entries = readFileSync(environ, 'utf8').split('\0').filter(Boolean);
    return { path, env: Object.fromEntries(entries.map((entry) => entry.split(/=(.*)/s).slice(0, 2))) };
  } finally {
    await client.close();
  }
}

/** A MongoDB server that is no replica set, and asks for passwords. */
export class LonelyMongod {
  readonly password = `pw/${randomBytes(9).toString('hex')}`;

  private constructor(
    readonly port: number,
    private readonly directory: string,
    private readonly child: ChildProcess,
  ) {}

  /** @returns undefined where this machine has no program of its own for it. */
  static async start(): Promise<LonelyMongod | undefined> {
    const found = await program();
    if (!found) return undefined;
    const directory = mkdtempSync(join(tmpdir(), 'tauro-mongod-'));
    const port = await freePort();
    const child = spawn(
      found.path,
      [
        '--auth',
        '--dbpath',
        directory,
        '--port',
        String(port),
        '--bind_ip',
        '127.0.0.1',
        '--nounixsocket',
        '--wiredTigerCacheSizeGB',
        '0.25',
      ],
      { env: found.env, stdio: 'ignore' },
    );
    process.once('exit', () => child.kill('SIGKILL'));
    const server = new LonelyMongod(port, directory, child);
    const user = { createUser: 'tauro', pwd: server.password, roles: ['root'] };
    // The first user may be made by anybody on the same machine.
    await waitFor(() => server.command('admin', user, false), { what: 'mongod to answer' });
    return server;
  }

  async command(database: string, command: Document, authenticated = true): Promise<Document> {
    const auth = authenticated ? { auth: { username: 'tauro', password: this.password } } : {};
    const client = new MongoClient(`mongodb://127.0.0.1:${this.port}`, {
      ...auth,
      serverSelectionTimeoutMS: 1000,
    });
    try {
      return await client.db(database).command(command);
    } finally {
      await client.close();
    }
  }

  async stop(): Promise<void> {
    const ended = new Promise((done) => this.child.once('exit', done));
    this.child.kill('SIGKILL');
    await ended;
    rmSync(this.directory, { recursive: true, force: true });
  }
}
