import { type Json } from '@tauro/domain';
import { type Producer, type Transaction } from 'kafkajs';
import { connectionName } from '../connections/schema-parts.js';
import { NodeError, type NodeContext, type NodeResult } from '../node-kind.js';
import { type TableSink } from '../sink/table-sink.js';
import { type DuckDbSession } from '../tables/duckdb.js';
import { jsonObject, validJson } from '../tables/json-rows.js';
import { COLUMN_NAME } from '../tables/schema-parts.js';
import { countOf, findColumn, ident, namesOf } from '../tables/sql-text.js';
import { nodeErrorOf } from '../tables/table-errors.js';
import { inSession, parquetRows, shortened, type TableInput } from '../tables/table-output.js';
import { type Cluster } from './client.js';
import { topicDataset } from './dataset.js';
import { TOPIC } from './source.js';

/** Rows as messages of a topic. */
export const kafkaSink: TableSink = {
  type: 'kafka',
  connection: 'kafka',
  write,
  schema: {
    type: 'object',
    required: ['destination', 'topic'],
    additionalProperties: false,
    properties: {
      destination: { const: 'kafka' },
      connection: connectionName('kafka'),
      topic: { ...TOPIC, description: 'It has to be there.' },
      key: {
        ...COLUMN_NAME,
        description: 'The column whose value is the key of the message; without it there is none.',
      },
      value: {
        ...COLUMN_NAME,
        description: 'The column whose text is the value; without it that is the row as a JSON object.',
      },
      headers: {
        type: 'object',
        maxProperties: 50,
        additionalProperties: { type: 'string', maxLength: 4096 },
        description: 'Headers of every message.',
      },
      delivery: {
        enum: ['exactly_once', 'at_least_once'],
        description:
          'exactly_once (default): all messages in one transaction, which happens once however often an attempt is repeated; ' +
          'at_least_once: without a transaction, for clusters that have none; a repeated attempt sends again.',
      },
      transaction_timeout_seconds: {
        type: 'integer',
        minimum: 10,
        maximum: 3600,
        description:
          'How long the transaction may take; 600 by default. The cluster has a bound of its own, mostly 900.',
      },
    },
  },
};

/** Bytes and messages that are sent at once. */
const MAX_BYTES = 512 * 1024;
const MAX_MESSAGES = 1000;

async function write(context: NodeContext, table: TableInput): Promise<NodeResult> {
  const { config, connection, settings, signal } = context;
  const topic = String(config['topic']);
  const query = messagesOf(config, table);
  // The client is loaded by those who need it.
  const { withKafka } = await import('./client.js');
  const { egressAllowPrivate } = settings;
  try {
    await withKafka(connection!, { egressAllowPrivate, signal }, async (cluster) => {
      await cluster.assertTopic(topic);
      await inSession(context, { paths: [table.path] }, (session) =>
        config['delivery'] === 'at_least_once'
          ? sendAtLeastOnce(context, cluster, session, query)
          : sendOnce(context, cluster, session, query),
      );
    });
  } catch (error) {
    throw nodeErrorOf(error, `rows for topic ${topic}`);
  }
  const { rows, columns } = table;
  context.log('INFO', `wrote ${countOf(rows, 'row')} to topic ${topic} of ${connection!.name}`);
  const use = { access: 'write' as const, ...topicDataset(connection!, topic), columns, rows };
  return { output: { rows, columns: shortened(columns), topic }, rows, datasets: [use] };
}

/** SQL of the messages: key and value as a JSON list each, in the order of the rows. */
function messagesOf(config: NodeContext['config'], { path, columns }: TableInput): string {
  const named = (option: string): string | undefined => {
    const name = config[option] as string | undefined;
    if (name === undefined) return undefined;
    const column = findColumn(columns, name);
    if (column) return `${ident(column.name)}::VARCHAR`;
    throw new NodeError(
      'ColumnNotFound',
      `${option}: column '${name}' does not exist (columns: ${namesOf(columns)})`,
      false,
    );
  };
  const key = named('key') ?? 'NULL::VARCHAR';
  const value = named('value') ?? jsonObject(columns);
  return `SELECT to_json([${key}, ${value}])::VARCHAR FROM (${parquetRows(path)})`;
}

/**
 * One transaction under an id of the task: whoever repeats the attempt ends what an earlier one has left open, which then
 * can write no more. In the same transaction an offset is committed for a group of the task, which notes that it is done.
 */
async function sendOnce(
  context: NodeContext,
  cluster: Cluster,
  session: DuckDbSession,
  query: string,
): Promise<void> {
  const { config, task, signal } = context;
  const topic = String(config['topic']);
  const id = `tauro-${task.id}`;
  const seconds = Number(config['transaction_timeout_seconds'] ?? 600);
  const producer = cluster.client.producer({
    transactionalId: id,
    maxInFlightRequests: 1,
    transactionTimeout: seconds * 1000,
    allowAutoTopicCreation: false,
  });
  await producer.connect();
  let transaction: Transaction | undefined;
  try {
    transaction = await producer.transaction();
    if ((await cluster.committed(id, topic)) !== undefined) {
      context.log('INFO', 'an earlier attempt has sent the messages already');
      await transaction.abort();
      return;
    }
    await sendAll(context, transaction, session, query);
    signal.throwIfAborted();
    const done = { topic, partitions: [{ partition: 0, offset: '1' }] };
    await transaction.sendOffsets({ consumerGroupId: id, topics: [done] });
    await transaction.commit();
  } catch (error) {
    if (transaction?.isActive()) await transaction.abort().catch(() => undefined);
    throw error;
  } finally {
    await producer.disconnect().catch(() => undefined);
  }
}

async function sendAtLeastOnce(
  context: NodeContext,
  cluster: Cluster,
  session: DuckDbSession,
  query: string,
): Promise<void> {
  const producer = cluster.client.producer({ allowAutoTopicCreation: false });
  await producer.connect();
  try {
    await sendAll(context, producer, session, query);
  } finally {
    await producer.disconnect().catch(() => undefined);
  }
}

async function sendAll(
  { config, signal }: NodeContext,
  to: Pick<Producer, 'send'>,
  session: DuckDbSession,
  query: string,
): Promise<void> {
  const topic = String(config['topic']);
  const headers = config['headers'] as Record<string, string> | undefined;
  const isRow = config['value'] === undefined;
  let messages: { key: string | null; value: string | null; headers?: Record<string, string> }[] = [];
  let bytes = 0;
  const flush = async (): Promise<void> => {
    if (messages.length > 0) await to.send({ topic, messages, acks: -1 });
    messages = [];
    bytes = 0;
  };
  for await (const rows of session.stream(query)) {
    for (const row of rows) {
      const [key, text] = JSON.parse(row) as [string | null, Json];
      const value = text === null ? null : isRow ? validJson(text as string) : (text as string);
      messages.push({ key, value, ...(headers && { headers }) });
      bytes += row.length;
      if (bytes < MAX_BYTES && messages.length < MAX_MESSAGES) continue;
      signal.throwIfAborted();
      await flush();
    }
  }
  await flush();
}
