import { connect as connectPlain, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import {
  type Admin,
  Kafka,
  type ISocketFactory,
  type KafkaConfig,
  logLevel,
  type SASLOptions,
} from 'kafkajs';
import { type ConnectionTest, type OpenConnection } from '../connections/connection-kind.js';
import { checkTarget, egressLookup } from '../egress/egress.js';
import { NodeError } from '../node-kind.js';
import { kafkaError } from './errors.js';

interface Config {
  brokers: string[];
  tls?: 'disable' | 'require' | 'verify';
  ca?: string;
  mechanism?: 'plain' | 'scram-sha-256' | 'scram-sha-512';
  user?: string;
  connect_timeout_seconds?: number;
}

const GIVEN_UP = 'the connection was given up';

/** Where a partition begins and ends; both are numbers of messages, the second of the one that comes next. */
export interface PartitionBounds {
  partition: number;
  low: bigint;
  high: bigint;
}

/**
 * Hands a cluster to `work`, and leaves it whatever happens. What goes wrong is told in words that name the connection.
 * @throws NodeError
 */
export async function withKafka<T>(
  connection: OpenConnection,
  { egressAllowPrivate, signal }: ConnectionTest,
  work: (cluster: Cluster) => Promise<T>,
): Promise<T> {
  const open = new Set<Socket>();
  const client = new Kafka(
    settingsOf(
      connection,
      socketsOf(egressAllowPrivate, open, () => left),
    ),
  );
  const admin = client.admin();
  // Whoever waits for an answer is told at once that there will be none.
  let left = false;
  const leave = (): void => {
    left = true;
    open.forEach((socket) => void socket.destroy(new Error(GIVEN_UP)));
  };
  signal.addEventListener('abort', leave, { once: true });
  try {
    signal.throwIfAborted();
    const seconds = Number(connection.config['connect_timeout_seconds'] ?? 10);
    await inTime(admin.connect(), seconds, connection.name);
    return await work(new Cluster(client, admin, connection.name));
  } catch (error) {
    signal.throwIfAborted();
    throw kafkaError(error, connection.name);
  } finally {
    signal.removeEventListener('abort', leave);
    // One that does not answer would keep the farewell waiting.
    const farewell = admin.disconnect().catch(() => undefined);
    await Promise.race([farewell, sleep(500, undefined, { ref: false })]);
    leave();
  }
}

/** The client waits for an answer as long as for messages, which is too long to find out whether somebody is there. */
async function inTime(connecting: Promise<void>, seconds: number, name: string): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const message = `connection '${name}': the brokers did not answer within ${seconds} s`;
    timer = setTimeout(() => reject(new NodeError('ConnectionFailed', message)), seconds * 1000);
  });
  try {
    await Promise.race([connecting, late]);
  } finally {
    clearTimeout(timer);
    connecting.catch(() => undefined);
  }
}

function settingsOf({ config, secret }: OpenConnection, socketFactory: ISocketFactory): KafkaConfig {
  const {
    brokers,
    tls = 'disable',
    ca,
    user,
    mechanism = 'plain',
    connect_timeout_seconds = 10,
  } = config as unknown as Config;
  const login = { mechanism, username: user, password: secret['password'] ?? '' } as SASLOptions;
  return {
    clientId: 'tauro',
    brokers,
    logLevel: logLevel.NOTHING,
    connectionTimeout: connect_timeout_seconds * 1000,
    authenticationTimeout: connect_timeout_seconds * 1000,
    // Attempts are repeated by the engine; here only what passes within a moment.
    retry: { retries: 3, initialRetryTime: 200, maxRetryTime: 2000 },
    socketFactory,
    ...(tls !== 'disable' && {
      ssl: { rejectUnauthorized: tls === 'verify', ...(ca !== undefined && { ca }) },
    }),
    ...(user !== undefined && { sasl: login }),
  };
}

/** The rule sits where connections are made, since brokers tell of other brokers. */
const socketsOf =
  (allowPrivate: boolean, open: Set<Socket>, left: () => boolean): ISocketFactory =>
  ({ host, port, ssl, onConnect }) => {
    // It tries again by itself, also when nobody waits for it any more.
    if (left()) throw new Error(GIVEN_UP);
    checkTarget(new URL(`http://${host}:${port}`), allowPrivate);
    const lookup = egressLookup(allowPrivate);
    const socket: Socket = ssl
      ? connectTls({ host, port, servername: host, lookup, ...ssl }, onConnect)
      : connectPlain({ host, port, lookup }, onConnect);
    open.add(socket);
    // The client listens only as long as it needs a connection.
    socket.on('error', () => undefined);
    socket.once('close', () => open.delete(socket));
    return socket.setKeepAlive(true, 60_000);
  };

/** A cluster, as nodes use it. */
export class Cluster {
  constructor(
    readonly client: Kafka,
    private readonly admin: Admin,
    private readonly connection: string,
  ) {}

  /** Names of the topics that the user may see. Asking for one by its name could make it. */
  topics(): Promise<string[]> {
    return this.admin.listTopics();
  }

  /** Partitions of a topic as they are now. @throws NodeError 'TableNotFound' */
  async bounds(topic: string): Promise<PartitionBounds[]> {
    await this.assertTopic(topic);
    const found = await this.admin.fetchTopicOffsets(topic);
    return found
      .map(({ partition, low, high }) => ({ partition, low: BigInt(low), high: BigInt(high) }))
      .sort((a, b) => a.partition - b.partition);
  }

  /** @throws NodeError 'TableNotFound' */
  async assertTopic(topic: string): Promise<void> {
    if ((await this.topics()).includes(topic)) return;
    const message = `connection '${this.connection}': there is no topic '${topic}', or the user may not see it`;
    throw new NodeError('TableNotFound', message, false);
  }

  /** In each partition the first message of this time or later; its end when there is none. */
  async at(topic: string, time: Date): Promise<Map<number, bigint>> {
    const found = await this.admin.fetchTopicOffsetsByTimestamp(topic, time.getTime());
    return new Map(found.map(({ partition, offset }) => [partition, BigInt(offset)]));
  }

  /** What a group has committed for the first partition of a topic; undefined when nothing. */
  async committed(groupId: string, topic: string): Promise<bigint | undefined> {
    const [found] = await this.admin.fetchOffsets({ groupId, topics: [topic] });
    const offset = found?.partitions.find(({ partition }) => partition === 0)?.offset;
    return offset === undefined || Number(offset) < 0 ? undefined : BigInt(offset);
  }
}
