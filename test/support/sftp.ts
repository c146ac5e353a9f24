import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AuthContext, type Connection, Server, type ServerChannel, utils } from 'ssh2';

/** Where systems put OpenSSH's own server of files. */
const PROGRAMS = [
  '/usr/lib/openssh/sftp-server',
  '/usr/libexec/openssh/sftp-server',
  '/usr/libexec/sftp-server',
];
const program = PROGRAMS.find((path) => existsSync(path));

/** Whether this machine can run one. Suites that need it are skipped, and say so, where it cannot. */
export const hasSftp = (): boolean => program !== undefined;

const newKey = (): string =>
  generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
    publicKeyEncoding: { type: 'pkcs1', format: 'pem' },
  }).privateKey;

/** OpenSSH's server of files behind a login on loopback, with a folder of its own. */
export class SftpServer {
  readonly directory = mkdtempSync(join(tmpdir(), 'tauro-sftp-'));
  readonly password = 'pw/sftp-71';
  /** With this one may log in too. */
  readonly userKey = newKey();
  /** Requests that it claims not to know. */
  denied: string[] = [];
  /** How often somebody has logged in. */
  logins = 0;
  /** After so many bytes of a session it takes no more of it, as a full disk does. */
  holdsAfter = Infinity;
  /** Sessions that it holds. */
  held = 0;
  private readonly hostKey = newKey();
  private readonly server = new Server({ hostKeys: [this.hostKey] }, (client) => this.serve(client));
  private readonly clients = new Set<Connection>();
  private readonly children = new Set<ChildProcess>();

  static async start(): Promise<SftpServer> {
    const sftp = new SftpServer();
    await new Promise<void>((done) => sftp.server.listen(0, '127.0.0.1', done));
    return sftp;
  }

  /** The `config` of a connection to it. */
  get config(): { host: string; port: number; user: string; host_key: string; folder: string } {
    const { port } = this.server.address() as AddressInfo;
    const key = utils.parseKey(this.hostKey);
    if (key instanceof Error) throw key;
    const digest = createHash('sha256').update(key.getPublicSSH()).digest('base64').replace(/=+$/, '');
    return { host: '127.0.0.1', port, user: 'tauro', host_key: `SHA256:${digest}`, folder: this.directory };
  }

  /** Breaks all connections, as a network does. */
  cut(): void {
    for (const child of this.children) child.kill('SIGKILL');
    for (const client of this.clients) client.end();
  }

  private serve(client: Connection): void {
    this.clients.add(client);
    // It has this, though its types do not say so.
    (client as Connection & { setNoDelay(on: boolean): void }).setNoDelay(true);
    client.on('authentication', (context) => (this.knows(context) ? context.accept() : context.reject()));
    client.on('error', () => undefined);
    client.on('close', () => this.clients.delete(client));
    client.on('ready', () => {
      this.logins++;
      client.on('session', (accept) => {
        const session = accept();
        session.on('subsystem', (acceptChannel) => this.files(acceptChannel()));
      });
    });
  }

  private files(channel: ServerChannel): void {
    const deny = this.denied.length > 0 ? ['-P', this.denied.join(',')] : [];
    const child = spawn(program!, ['-e', ...deny], { stdio: ['pipe', 'pipe', 'ignore'] });
    this.children.add(child);
    child.stdin.on('error', () => undefined);
    channel.on('error', () => undefined);
    channel.on('close', () => child.kill());
    child.on('exit', () => {
      this.children.delete(child);
      channel.end();
    });
    let taken = 0;
    channel.on('data', (chunk: Buffer) => {
      taken += chunk.length;
      if (taken < this.holdsAfter) return;
      this.held++;
      channel.unpipe(child.stdin);
      channel.pause();
    });
    channel.pipe(child.stdin);
    child.stdout.pipe(channel);
  }

  private knows(context: AuthContext): boolean {
    if (context.username !== 'tauro') return false;
    if (context.method === 'password') return context.password === this.password;
    if (context.method !== 'publickey') return false;
    const own = utils.parseKey(this.userKey);
    if (own instanceof Error || !context.key.data.equals(own.getPublicSSH())) return false;
    return !context.signature || own.verify(context.blob!, context.signature, context.hashAlgo);
  }

  async stop(): Promise<void> {
    this.cut();
    await new Promise<void>((done) => this.server.close(() => done()));
    rmSync(this.directory, { recursive: true, force: true });
  }
}
