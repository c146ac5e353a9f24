import { once } from 'node:events';
import { connect as connectSocket, isIP, type Socket } from 'node:net';
import { type Connection, type ConnectionOptions, createConnection, type RowDataPacket } from 'mysql2';
import { type ConnectionTest, type OpenConnection } from '../connections/connection-kind.js';
import { allowedAddress } from '../egress/egress.js';
import { NodeError } from '../node-kind.js';
import { databaseError } from './errors.js';

interface Config {
  host: string;
  port?: number;
  database: string;
  user: string;
  tls?: 'disable' | 'prefer' | 'require' | 'verify';
  ca?: string;
  connect_timeout_seconds?: number;
  statement_timeout_seconds?: number;
}

/** A session of the server's, whose clock is that of UTC. */
export interface Client {
  /** The driver's own, for rows as a stream. */
  readonly raw: Connection;
  /** Such as `8.4.3` or `10.11.6-MariaDB`. */
  readonly version: string;
  /** Rows of one statement; `?` in it stand for the values. */
  query<Row = unknown>(sql: string, values?: string[]): Promise<Row[]>;
}

/**
 * Logs in, hands the session to `work` and logs out whatever happens. What goes wrong is told in words that name the
 * connection. @throws NodeError
 */
export async function withClient<T>(
  connection: OpenConnection,
  { egressAllowPrivate, signal }: ConnectionTest,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  let raw: Connection | undefined;
  // Nothing that this end could say reaches a server that hangs; it notices that nobody listens any more.
  const leave = (): void => destroy(raw);
  signal.addEventListener('abort', leave, { once: true });
  try {
    raw = await connect(connection, egressAllowPrivate);
    signal.throwIfAborted();
    return await work(await session(raw, connection.config as unknown as Config));
  } catch (error) {
    signal.throwIfAborted();
    throw databaseError(error, connection);
  } finally {
    signal.removeEventListener('abort', leave);
    await close(raw);
  }
}

async function connect(connection: OpenConnection, allowPrivate: boolean): Promise<Connection> {
  const { tls = 'prefer' } = connection.config as unknown as Config;
  if (tls !== 'prefer') return login(connection, allowPrivate, tls !== 'disable');
  try {
    return await login(connection, allowPrivate, true);
  } catch (error) {
    if ((error as { code?: string }).code !== 'HANDSHAKE_NO_SSL_SUPPORT') throw error;
    return login(connection, allowPrivate, false);
  }
}

async function login(
  { config: given, secret, name }: OpenConnection,
  allowPrivate: boolean,
  encrypted: boolean,
): Promise<Connection> {
  const config = given as unknown as Config;
  // The address is looked up once and judged, so that another answer to the same question changes nothing.
  const address = await allowedAddress(config.host, allowPrivate);
  const port = config.port ?? 3306;
  const verify = config.tls === 'verify';
  if (verify && isIP(config.host) !== 0) {
    const message = `connection '${name}': tls: verify compares the name of the server with its certificate: give host as a name`;
    throw new NodeError('InvalidConfig', message, false);
  }
  const options: ConnectionOptions = {
    // The name is what the certificate is compared with.
    host: config.host,
    port,
    stream: (): Socket => connectSocket({ port, host: address, keepAlive: true, noDelay: true }),
    database: config.database,
    user: config.user,
    password: secret['password'] ?? '',
    ...(encrypted && {
      ssl: {
        rejectUnauthorized: verify,
        verifyIdentity: verify,
        ...(config.ca !== undefined && { ca: config.ca }),
      },
    }),
    connectTimeout: (config.connect_timeout_seconds ?? 10) * 1000,
    charset: 'utf8mb4',
    // Every value as what it is, not as what JavaScript has for it.
    dateStrings: true,
    jsonStrings: true,
    supportBigNumbers: true,
    bigNumberStrings: true,
  };
  const raw = createConnection(options);
  // A connection that breaks between two statements is told by the next one.
  raw.on('error', () => undefined);
  try {
    await new Promise<void>((resolve, reject) => raw.connect((error) => (error ? reject(error) : resolve())));
    return raw;
  } catch (error) {
    destroy(raw);
    throw error;
  }
}

async function session(raw: Connection, { statement_timeout_seconds: seconds }: Config): Promise<Client> {
  const query = async <Row>(sql: string, values: string[] = []): Promise<Row[]> => {
    const client = raw.promise();
    // Values go to the server beside the statement: how a text is written within one depends on the session.
    const [rows] =
      values.length === 0
        ? await client.query<RowDataPacket[]>({ sql })
        : await client.execute<RowDataPacket[]>({ sql, values });
    return rows as Row[];
  };
  const [{ version }] = await query<{ version: string }>('SELECT VERSION() AS version');
  const limit = /mariadb/i.test(version)
    ? `max_statement_time = ${seconds}`
    : `max_execution_time = ${(seconds ?? 0) * 1000}`;
  await query(`SET autocommit = 1, time_zone = '+00:00'${seconds === undefined ? '' : `, ${limit}`}`);
  return { raw, version, query };
}

/** Within a second, whatever the other side does. */
async function close(raw: Connection | undefined): Promise<void> {
  if (!raw) return;
  const ended = once(socketOf(raw)!, 'close').catch(() => undefined);
  raw.end(() => undefined);
  await Promise.race([ended, new Promise((done) => setTimeout(done, 1000).unref())]);
  destroy(raw);
}

const destroy = (raw: Connection | undefined): void => void socketOf(raw)?.destroy();

const socketOf = (raw: Connection | undefined): Socket | undefined =>
  (raw as unknown as { stream?: Socket } | undefined)?.stream;
