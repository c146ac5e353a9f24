import { Client, type ClientConfig } from 'pg';
import { type ConnectionTest, type OpenConnection } from '../connections/connection-kind.js';
import { allowedAddress } from '../egress/egress.js';
import { databaseError } from './errors.js';

interface Config {
  host: string;
  port?: number;
  database: string;
  user: string;
  schema?: string;
  tls?: 'disable' | 'prefer' | 'require' | 'verify';
  ca?: string;
  connect_timeout_seconds?: number;
  statement_timeout_seconds?: number;
}

/**
 * Logs in, hands the client to `work` and logs out whatever happens. What goes wrong is told in words that name the
 * connection. @throws NodeError
 */
export async function withClient<T>(
  connection: OpenConnection,
  { egressAllowPrivate, signal }: ConnectionTest,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  let client: Client | undefined;
  // Nothing that this end could say reaches a server that hangs; it notices that nobody listens any more.
  const leave = (): void => destroy(client);
  signal.addEventListener('abort', leave, { once: true });
  try {
    client = await connect(connection, egressAllowPrivate);
    signal.throwIfAborted();
    return await work(client);
  } catch (error) {
    signal.throwIfAborted();
    throw databaseError(error, connection);
  } finally {
    signal.removeEventListener('abort', leave);
    await close(client);
  }
}

async function connect(connection: OpenConnection, allowPrivate: boolean): Promise<Client> {
  const config = connection.config as unknown as Config;
  const { tls = 'prefer' } = config;
  if (tls !== 'prefer') return login(connection, allowPrivate, tls !== 'disable');
  try {
    return await login(connection, allowPrivate, true);
  } catch (error) {
    if (!/server does not support SSL/.test((error as Error).message)) throw error;
    return login(connection, allowPrivate, false);
  }
}

async function login(
  { config: given, secret }: OpenConnection,
  allowPrivate: boolean,
  encrypted: boolean,
): Promise<Client> {
  const config = given as unknown as Config;
  const verify = config.tls === 'verify';
  const settings: ClientConfig = {
    // The address is looked up once and judged, so that another answer to the same question changes nothing.
    host: await allowedAddress(config.host, allowPrivate),
    port: config.port ?? 5432,
    database: config.database,
    user: config.user,
    password: secret['password'] ?? '',
    ssl: encrypted && {
      rejectUnauthorized: verify,
      servername: config.host,
      ...(config.ca !== undefined && { ca: config.ca }),
    },
    application_name: 'tauro',
    connectionTimeoutMillis: (config.connect_timeout_seconds ?? 10) * 1000,
    keepAlive: true,
    ...(config.statement_timeout_seconds !== undefined && {
      statement_timeout: config.statement_timeout_seconds * 1000,
    }),
  };
  const client = new Client(settings);
  // A connection that breaks between two statements is told by the next one.
  client.on('error', () => undefined);
  try {
    await client.connect();
    const path =
      config.schema === undefined ? [] : [`SET search_path = ${client.escapeIdentifier(config.schema)}`];
    for (const statement of ["SET TimeZone = 'UTC'", "SET DateStyle = 'ISO, YMD'", ...path]) {
      await client.query(statement);
    }
    return client;
  } catch (error) {
    await close(client);
    throw error;
  }
}

async function close(client: Client | undefined): Promise<void> {
  if (!client) return;
  await Promise.race([
    client.end().catch(() => undefined),
    new Promise((done) => setTimeout(done, 1000).unref()),
  ]);
  destroy(client);
}

function destroy(client: Client | undefined): void {
  (
    client as unknown as { connection?: { stream?: { destroy(): void } } } | undefined
  )?.connection?.stream?.destroy();
}
