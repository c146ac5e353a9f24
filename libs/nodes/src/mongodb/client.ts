import { isIP } from 'node:net';
import { type Db, MongoClient, type MongoClientOptions } from 'mongodb';
import { type ConnectionTest, type OpenConnection } from '../connections/connection-kind.js';
import { allowedAddress, egressLookup } from '../egress/egress.js';
import { databaseError } from './errors.js';

interface Config {
  host: string;
  port?: number;
  database: string;
  replica_set?: string;
  user?: string;
  auth_database?: string;
  tls?: 'disable' | 'require' | 'verify';
  ca?: string;
  connect_timeout_seconds?: number;
}

/**
 * Logs in, hands the database to `work` and logs out whatever happens. What goes wrong is told in words that name the
 * connection. @throws NodeError
 */
export async function withDatabase<T>(
  connection: OpenConnection,
  { egressAllowPrivate, signal }: ConnectionTest,
  work: (db: Db, client: MongoClient) => Promise<T>,
): Promise<T> {
  const config = connection.config as unknown as Config;
  let client: MongoClient | undefined;
  let denied: unknown;
  const leave = (): void => void client?.close().catch(() => undefined);
  signal.addEventListener('abort', leave, { once: true });
  try {
    await allowedAddress(config.host, egressAllowPrivate);
    client = new MongoClient(addressOf(config), optionsOf(config, connection.secret, egressAllowPrivate));
    // A replica set says itself where its members are. Names are judged when they are looked up, addresses here.
    client.on('serverOpening', ({ address }) => {
      const host = address.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
      if (isIP(host) === 0) return;
      allowedAddress(host, egressAllowPrivate).catch((error: unknown) => {
        denied = error;
        leave();
      });
    });
    await client.connect();
    signal.throwIfAborted();
    return await work(client.db(config.database), client);
  } catch (error) {
    signal.throwIfAborted();
    throw databaseError(denied ?? error, connection);
  } finally {
    signal.removeEventListener('abort', leave);
    await client?.close().catch(() => undefined);
  }
}

const addressOf = ({ host, port = 27_017 }: Config): string =>
  `mongodb://${isIP(host) === 6 ? `[${host}]` : host}:${port}`;

function optionsOf(
  { replica_set, user, auth_database, tls = 'disable', ca, connect_timeout_seconds = 10 }: Config,
  secret: OpenConnection['secret'],
  allowPrivate: boolean,
): MongoClientOptions {
  const patience = connect_timeout_seconds * 1000;
  return {
    appName: 'tauro',
    directConnection: replica_set === undefined,
    ...(replica_set !== undefined && { replicaSet: replica_set }),
    ...(user !== undefined && {
      auth: { username: user, password: secret['password'] ?? '' },
      authSource: auth_database ?? 'admin',
    }),
    tls: tls !== 'disable',
    ...(tls === 'require' && { tlsAllowInvalidCertificates: true, tlsAllowInvalidHostnames: true }),
    ...(tls !== 'disable' && ca !== undefined && { ca }),
    lookup: egressLookup(allowPrivate),
    connectTimeoutMS: patience,
    serverSelectionTimeoutMS: patience,
    // The attempt is what is repeated; a server that is no replica set knows no other way.
    retryWrites: false,
    maxPoolSize: 4,
  };
}
