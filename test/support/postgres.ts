import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { freePort } from './tauro.js';
import { waitFor } from './wait-for.js';

/** Where Debian puts what is not on the PATH. */
const DEBIAN = '/usr/lib/postgresql';
/** PostgreSQL refuses to run as root; `nobody` will do. */
const NOBODY = 65_534;

/** The folder of the server's programs; undefined when none is installed. */
function programs(): string | undefined {
  const installed = existsSync(DEBIAN)
    ? readdirSync(DEBIAN).map((version) => join(DEBIAN, version, 'bin'))
    : [];
  const folders = [...(process.env.PATH ?? '').split(':'), ...installed];
  return folders.find((folder) => ['initdb', 'postgres'].every((name) => existsSync(join(folder, name))));
}

/** Whether this machine can run one. Suites that need it are skipped, and say so, where it cannot. */
export const hasPostgres = (): boolean => programs() !== undefined;

/** A real PostgreSQL server with a folder of its own, which asks for passwords. */
export class PostgresServer {
  readonly password = `pw/${randomBytes(9).toString('hex')}`;

  private constructor(
    readonly port: number,
    private readonly directory: string,
    private child: ChildProcess,
  ) {}

  static async start(): Promise<PostgresServer> {
    const bin = programs()!;
    const directory = mkdtempSync(join(tmpdir(), 'tauro-postgres-'));
    const account = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
    if ('uid' in account) chownSync(directory, NOBODY, NOBODY);
    const port = await freePort();
    const data = join(directory, 'data');
    const start = (): ChildProcess =>
      spawn(
        join(bin, 'postgres'),
        ['-D', data, '-p', String(port), '-h', '127.0.0.1', '-k', directory, '-c', 'fsync=off'],
        { ...account, stdio: 'ignore', cwd: directory },
      );
    const server = new PostgresServer(port, directory, undefined as unknown as ChildProcess);
    const secret = join(directory, 'password');
    writeFileSync(secret, server.password, { mode: 0o644 });
    execFileSync(
      join(bin, 'initdb'),
      [
        '-D',
        data,
        '-U',
        'tauro',
        '-A',
        'scram-sha-256',
        `--pwfile=${secret}`,
        '--no-sync',
        '-E',
        'UTF8',
        '--locale=C',
      ],
      { ...account, stdio: 'ignore', cwd: directory },
    );
    server.child = start();
    process.once('exit', () => server.child.kill('SIGKILL'));
    await waitFor(() => server.query('SELECT 1').then(() => true), { what: 'PostgreSQL to answer' });
    return server;
  }

  /** The `config` of a connection to it. */
  get config(): Record<string, unknown> {
    return { host: '127.0.0.1', port: this.port, database: 'postgres', user: 'tauro', tls: 'disable' };
  }

  /** Rows of one statement. */
  async query<T = Record<string, unknown>>(sql: string): Promise<T[]> {
    const client = new Client({
      host: '127.0.0.1',
      port: this.port,
      database: 'postgres',
      user: 'tauro',
      password: this.password,
    });
    await client.connect();
    try {
      return (await client.query(sql)).rows as T[];
    } finally {
      await client.end();
    }
  }

  async stop(): Promise<void> {
    const ended = new Promise((done) => this.child.once('exit', done));
    this.child.kill('SIGQUIT');
    await ended;
    rmSync(this.directory, { recursive: true, force: true });
  }
}
