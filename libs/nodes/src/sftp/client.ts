import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import { Client, type ConnectConfig, type FileEntryWithStats, type SFTPWrapper, type Stats } from 'ssh2';
import { type ConnectionTest, type OpenConnection } from '../connections/connection-kind.js';
import { allowedAddress } from '../egress/egress.js';
import { NodeError } from '../node-kind.js';
import { sftpError } from './errors.js';

interface Config {
  host: string;
  port?: number;
  user: string;
  host_key: string;
  folder?: string;
  connect_timeout_seconds?: number;
}

/** A file of the server. */
export interface ServerFile {
  /** Its path there. */
  key: string;
  size: number;
  /** When it was last modified. */
  modified: string;
}

/** More are no list for a person or a node, but a sign of the wrong folder. */
const MAX_ENTRIES = 10_000;

/**
 * Logs in to the server that has the pinned key, hands its files to `work` and logs out whatever happens. What goes wrong is
 * told in words that name the connection. @throws NodeError
 */
export async function withSftp<T>(
  connection: OpenConnection,
  { egressAllowPrivate, signal }: ConnectionTest,
  work: (files: SftpFiles) => Promise<T>,
): Promise<T> {
  const client = new Client();
  // Transfers that are under way end with their connection.
  const leave = (): void => void client.destroy();
  signal.addEventListener('abort', leave, { once: true });
  try {
    signal.throwIfAborted();
    const session = await connect(client, connection, egressAllowPrivate);
    signal.throwIfAborted();
    return await work(new SftpFiles(session, connection));
  } catch (error) {
    signal.throwIfAborted();
    throw sftpError(error, connection.name);
  } finally {
    signal.removeEventListener('abort', leave);
    client.end();
    client.destroy();
  }
}

async function connect(
  client: Client,
  { config, secret, name }: OpenConnection,
  allowPrivate: boolean,
): Promise<SFTPWrapper> {
  const { host, port = 22, user, host_key, connect_timeout_seconds = 10 } = config as unknown as Config;
  let shown: string | undefined;
  const settings: ConnectConfig = {
    // The address is looked up once and judged, so that another answer to the same question changes nothing.
    host: await allowedAddress(host, allowPrivate),
    port,
    username: user,
    readyTimeout: connect_timeout_seconds * 1000,
    keepaliveInterval: 15_000,
    hostVerifier: (key: Buffer): boolean => {
      shown = `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
      return shown === host_key.replace(/=+$/, '');
    },
    ...(secret['password'] !== undefined && { password: secret['password'] }),
    ...(secret['private_key'] !== undefined && { privateKey: secret['private_key'] }),
    ...(secret['passphrase'] !== undefined && { passphrase: secret['passphrase'] }),
  };
  try {
    await new Promise<void>((resolve, reject) => {
      // A connection that breaks later is told by whoever waits for an answer.
      client.on('error', reject);
      // Requests are small, and each waits for the one before.
      client.once('connect', () => client.setNoDelay(true));
      client.once('ready', resolve);
      client.once('close', () => reject(new Error('the server closed the connection')));
      client.connect(settings);
    });
  } catch (error) {
    if (shown === undefined || shown === host_key.replace(/=+$/, '')) throw error;
    const message = `connection '${name}': ${host}:${port} shows the key ${shown}, and not host_key; somebody else may be answering`;
    throw new NodeError('ConnectionFailed', message, false);
  }
  return new Promise((resolve, reject) =>
    client.sftp((error, session) => (error ? reject(error) : resolve(session))),
  );
}

/** Files of a server, as nodes use them. Failures name the connection and the path. */
export class SftpFiles {
  constructor(
    private readonly session: SFTPWrapper,
    private readonly connection: OpenConnection,
  ) {}

  /** Where relative paths begin. */
  home(): Promise<string> {
    const { folder = '.' } = this.connection.config as unknown as Config;
    return this.asking(folder, (done) => this.session.realpath(folder, done));
  }

  /** A path as the server has it. */
  async absolute(path: string): Promise<string> {
    return posix.resolve(await this.home(), path);
  }

  /** What is there; undefined when nothing is. */
  stat(path: string): Promise<Stats | undefined> {
    return absentIs(
      undefined,
      this.asking<Stats>(path, (done) => this.session.stat(path, done)),
    );
  }

  /** Files below a folder, at any depth, hidden ones too; links are followed to files, not to folders. */
  async list(folder: string, wanted: (key: string) => boolean): Promise<ServerFile[]> {
    const found: ServerFile[] = [];
    const folders = [folder];
    let seen = 0;
    for (let here = folders.shift(); here !== undefined; here = folders.shift()) {
      const entries = await this.entries(here);
      seen += entries.length;
      if (seen > MAX_ENTRIES) {
        throw new NodeError(
          'InvalidConfig',
          `${folder} has more than ${MAX_ENTRIES} entries; name a narrower folder`,
          false,
        );
      }
      for (const { filename, attrs } of entries) {
        if (filename === '.' || filename === '..') continue;
        const key = posix.join(here, filename);
        if (attrs.isDirectory()) folders.push(key);
        else if (wanted(key)) {
          const file = attrs.isSymbolicLink() ? await this.stat(key) : attrs;
          if (file?.isFile()) found.push(fileOf(key, file));
        }
      }
    }
    return found.sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  entries(folder: string): Promise<FileEntryWithStats[]> {
    return this.asking(folder, (done) => this.session.readdir(folder, done));
  }

  /** Brings a file here, in parts that are asked for at the same time. */
  async download({ key, size }: ServerFile, path: string): Promise<void> {
    await this.asking<void>(key, (done) =>
      this.session.fastGet(key, path, (error) => done(error ?? undefined)),
    );
    const { size: now } = (await this.stat(key)) ?? { size: -1 };
    if (now === size) return;
    throw new NodeError('BadFile', `connection '${this.connection.name}': ${key} changed while it was read`);
  }

  upload(path: string, key: string): Promise<void> {
    return this.asking<void>(key, (done) =>
      this.session.fastPut(path, key, (error) => done(error ?? undefined)),
    );
  }

  /** Makes a folder, and those above it. */
  async makeFolder(path: string): Promise<void> {
    if (path === '/' || (await this.stat(path))) return;
    await this.makeFolder(posix.dirname(path));
    try {
      await this.asking<void>(path, (done) => this.session.mkdir(path, done));
    } catch (error) {
      // Somebody else has just made it.
      if (!(await this.stat(path))) throw error;
    }
  }

  /**
   * Gives a file its name at once, in the place of what has it. @returns false when the server cannot do that in one step, so
   * that for a moment nothing had the name.
   */
  async replace(from: string, to: string): Promise<boolean> {
    try {
      await this.asking<void>(to, (done) => this.session.ext_openssh_rename(from, to, done));
      return true;
    } catch (error) {
      const unknown = !(error instanceof NodeError) && /does not support/i.test((error as Error).message);
      if (!unknown) throw error;
      await this.remove(to);
      await this.rename(from, to);
      return false;
    }
  }

  /** Gives a file a name that nothing has. */
  rename(from: string, to: string): Promise<void> {
    return this.asking<void>(to, (done) => this.session.rename(from, to, done));
  }

  /** Absent is fine. */
  remove(path: string): Promise<void> {
    return absentIs(
      undefined,
      this.asking<void>(path, (done) => this.session.unlink(path, done)),
    );
  }

  private async asking<T>(
    what: string,
    ask: (done: (error?: Error | null, value?: T) => void) => void,
  ): Promise<T> {
    try {
      return await new Promise<T>((resolve, reject) =>
        ask((error, value) => (error ? reject(error) : resolve(value as T))),
      );
    } catch (error) {
      if (/does not support/i.test((error as Error).message)) throw error;
      throw sftpError(error, this.connection.name, what);
    }
  }
}

export const fileOf = (key: string, { size, mtime }: Pick<Stats, 'size' | 'mtime'>): ServerFile => ({
  key,
  size,
  modified: new Date(mtime * 1000).toISOString(),
});

async function absentIs<T>(value: T, asking: Promise<T>): Promise<T> {
  try {
    return await asking;
  } catch (error) {
    if (error instanceof NodeError && error.type === 'FileNotFound') return value;
    throw error;
  }
}
