import { type ChildProcess, execFileSync, type ExecFileSyncOptions, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chownSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Connection, createConnection, type RowDataPacket } from 'mysql2/promise';
import { freePort } from './tauro.js';
import { waitFor } from './wait-for.js';

/** The server gives up the rights of root; `nobody` will do. */
const NOBODY = 65_534;
const DATABASE = 'shop';

/** Where a program of the server is; undefined when it is not installed. */
function program(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(':'), '/usr/sbin'];
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

/** Makes `cert.pem` and `key.pem`. */
function certificate(cwd: string, options: ExecFileSyncOptions): string | undefined {
  if (program('openssl') === undefined) return undefined;
  const args =
    'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout key.pem -out cert.pem';
  execFileSync('openssl', args.split(' '), { ...options, cwd });
  return readFileSync(join(cwd, 'cert.pem'), 'utf8');
}

/** Whether this machine can run one. Suites that need it are skipped, and say so, where it cannot. */
export const hasMariadb = (): boolean =>
  program('mariadbd') !== undefined && program('mariadb-install-db') !== undefined;

/** A real MariaDB server with a folder of its own, which asks for passwords. */
export class MariadbServer {
  readonly password = `pw/${randomBytes(9).toString('hex')}`;

  private constructor(
    readonly port: number,
    /** The certificate of the server, which is called localhost; undefined where none can be made. */
    readonly ca: string | undefined,
    private readonly directory: string,
    private readonly child: ChildProcess,
  ) {}

  static async start(): Promise<MariadbServer> {
    const directory = mkdtempSync(join(tmpdir(), 'tauro-mariadb-'));
    const account = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
    if ('uid' in account) chownSync(directory, NOBODY, NOBODY);
    const options = { ...account, stdio: 'ignore' as const, cwd: directory };
    const data = join(directory, 'data');
    const fast = [
      '--innodb-buffer-pool-size=32M',
      '--innodb-log-file-size=8M',
      '--innodb-flush-log-at-trx-commit=0',
    ];
    execFileSync(
      program('mariadb-install-db')!,
      ['--no-defaults', `--datadir=${data}`, '--skip-test-db', '--skip-name-resolve', ...fast],
      options,
    );
    const ca = certificate(directory, options);
    const port = await freePort();
    const init = join(directory, 'init.sql');
    const child = spawn(
      program('mariadbd')!,
      [
        '--no-defaults',
        `--datadir=${data}`,
        `--port=${port}`,
        '--bind-address=127.0.0.1',
        `--socket=${join(directory, 'socket')}`,
        `--pid-file=${join(directory, 'pid')}`,
        `--init-file=${init}`,
        '--skip-name-resolve',
        ...(ca
          ? [`--ssl-cert=${join(directory, 'cert.pem')}`, `--ssl-key=${join(directory, 'key.pem')}`]
          : []),
        ...fast,
      ],
      options,
    );
    const server = new MariadbServer(port, ca, directory, child);
    writeFileSync(
      init,
      `CREATE DATABASE ${DATABASE} CHARACTER SET utf8mb4;\nCREATE USER tauro@'%' IDENTIFIED BY '${server.password}';\nGRANT ALL ON *.* TO tauro@'%' WITH GRANT OPTION;\n`,
      { mode: 0o644 },
    );
    process.once('exit', () => child.kill('SIGKILL'));
    await waitFor(() => server.query('SELECT 1').then(() => true), { what: 'MariaDB to answer' });
    return server;
  }

  /** The `config` of a connection to it. */
  get config(): Record<string, unknown> {
    return { host: '127.0.0.1', port: this.port, database: DATABASE, user: 'tauro', tls: 'disable' };
  }

  /** A session of an administrator's. */
  session(): Promise<Connection> {
    return createConnection({
      host: '127.0.0.1',
      port: this.port,
      database: DATABASE,
      user: 'tauro',
      password: this.password,
      dateStrings: true,
      timezone: 'Z',
    });
  }

  /** Rows of one statement. */
  async query<T = Record<string, unknown>>(sql: string): Promise<T[]> {
    const session = await this.session();
    try {
      return (await session.query<RowDataPacket[]>(sql))[0] as T[];
    } finally {
      session.destroy();
    }
  }

  async stop(): Promise<void> {
    const ended = new Promise((done) => this.child.once('exit', done));
    this.child.kill('SIGKILL');
    await ended;
    rmSync(this.directory, { recursive: true, force: true });
  }
}
