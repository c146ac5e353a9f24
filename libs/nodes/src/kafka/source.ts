import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type KafkaMessage } from 'kafkajs';
import { connectionName } from '../connections/schema-parts.js';
import { NodeError, type NodeContext, type NodeResult } from '../node-kind.js';
import { tableOf } from '../source/file-source.js';
import { tellMark } from '../source/incremental.js';
import { type TableSource } from '../source/table-source.js';
import { columnMap, SQL_TYPE } from '../tables/schema-parts.js';
import { countOf } from '../tables/sql-text.js';
import { boundFaults, boundSchema, markAfter, windowsOf } from './bounds.js';
import { topicDataset } from './dataset.js';

export const TOPIC = { type: 'string', pattern: '^[A-Za-z0-9._-]{1,249}$' };

/** Messages of a topic. */
export const kafkaSource: TableSource = {
  type: 'kafka',
  connection: 'kafka',
  check: boundFaults,
  read,
  schema: {
    type: 'object',
    required: ['source_type', 'topic'],
    additionalProperties: false,
    properties: {
      source_type: { const: 'kafka' },
      connection: connectionName('kafka'),
      topic: TOPIC,
      value_format: {
        enum: ['json', 'text'],
        description:
          'json (default): each value is an object, whose keys become columns; text: each value is one column.',
      },
      metadata: {
        type: 'boolean',
        description:
          'Whether kafka_key, kafka_partition, kafka_offset, kafka_timestamp and kafka_headers are columns too; true by default.',
      },
      from: boundSchema('The first message; the oldest that is there by default.'),
      to: boundSchema(
        'Before which message, or which time, reading ends; the end as it is when it begins by default.',
      ),
      incremental: {
        type: 'object',
        required: ['by'],
        additionalProperties: false,
        properties: {
          by: { const: 'offset' },
          initial: {
            type: 'string',
            maxLength: 1024,
            description: 'Where the first run begins, such as `{"0":12,"1":7}`.',
          },
        },
        description:
          'Read only what is new. The success of the run moves the mark to where each partition was read up to.',
      },
      columns: columnMap(
        SQL_TYPE,
        'All columns of the values with their types, instead of inferring them; other keys are left out.',
      ),
    },
  },
};

/** The type of each column that says where a message comes from. */
const METADATA: Record<string, string> = {
  kafka_key: 'VARCHAR',
  kafka_partition: 'INTEGER',
  kafka_offset: 'BIGINT',
  kafka_timestamp: 'TIMESTAMPTZ',
  kafka_headers: 'JSON',
};

async function read(context: NodeContext): Promise<NodeResult> {
  const { config, connection, settings, signal } = context;
  const topic = String(config['topic']);
  const file = join(settings.duckdb.tempDirectory, `messages-${randomUUID()}.ndjson`);
  await mkdir(settings.duckdb.tempDirectory, { recursive: true });
  if (context.mark) tellMark(context, context.mark.value ?? undefined);
  try {
    // The client is loaded by those who need it.
    const [{ withKafka }, { readMessages }] = await Promise.all([
      import('./client.js'),
      import('./read-messages.js'),
    ]);
    const { egressAllowPrivate } = settings;
    const { windows, messages } = await withKafka(
      connection!,
      { egressAllowPrivate, signal },
      async (cluster) => {
        const windows = await windowsOf(context, cluster, topic);
        const lines = new Lines(context, file);
        try {
          await readMessages(context, cluster, { topic, windows }, (message, partition) =>
            lines.add(message, partition),
          );
        } finally {
          await lines.end();
        }
        return { windows, messages: lines.messages };
      },
    );
    const made = await tableOf(
      {
        files: [file],
        format: 'ndjson',
        options: optionsOf(context, messages),
        display: () => `topic ${topic}`,
      },
      context,
    );
    context.log('INFO', `read ${countOf(messages, 'message')} of topic ${topic} from ${connection!.name}`);
    const use = {
      access: 'read' as const,
      ...topicDataset(connection!, topic),
      columns: made.table.columns,
      rows: made.rows,
    };
    return { ...made, datasets: [use], ...(context.mark && messages > 0 && { mark: markAfter(windows) }) };
  } finally {
    await rm(file, { force: true });
  }
}

/** What the values hold is inferred, unless it is said; where they come from is known. */
function optionsOf(
  { config }: NodeContext,
  messages: number,
): { sample_size: number; columns?: Record<string, string> } {
  const metadata = config['metadata'] === false ? {} : METADATA;
  if (config['value_format'] === 'text')
    return { sample_size: -1, columns: { ...metadata, value: 'VARCHAR' } };
  const declared = config['columns'] as Record<string, string> | undefined;
  if (declared) return { sample_size: -1, columns: { ...metadata, ...declared } };
  return {
    sample_size: -1,
    ...(messages === 0 && Object.keys(metadata).length > 0 && { columns: metadata }),
  };
}

/** Messages as lines of JSON in a file of the scratch folder. */
class Lines {
  messages = 0;
  private bytes = 0;
  private readonly out;

  constructor(
    private readonly context: NodeContext,
    file: string,
  ) {
    this.out = createWriteStream(file);
  }

  async add(message: KafkaMessage, partition: number): Promise<void> {
    const { config, settings } = this.context;
    const line = `${JSON.stringify({ ...this.metadataOf(message, partition), ...valueOf(message, partition, config) })}\n`;
    this.messages++;
    this.bytes += Buffer.byteLength(line);
    if (this.bytes > settings.duckdb.maxTempDiskMb * 1024 * 1024) {
      throw new NodeError(
        'OutOfMemory',
        'the messages need more than DUCKDB_TEMP_DISK_MB lets a node use',
        false,
      );
    }
    if (!this.out.write(line)) await once(this.out, 'drain');
  }

  end(): Promise<void> {
    return new Promise((done) => this.out.end(done));
  }

  private metadataOf(
    { key, offset, timestamp, headers = {} }: KafkaMessage,
    kafka_partition: number,
  ): object {
    if (this.context.config['metadata'] === false) return {};
    const texts = Object.entries(headers).map(([name, value]) => [name, [value ?? null].flat().map(textOf)]);
    return {
      kafka_key: textOf(key),
      kafka_partition,
      kafka_offset: Number(offset),
      kafka_timestamp: new Date(Number(timestamp)).toISOString(),
      kafka_headers: Object.fromEntries(
        texts.map(([name, all]) => [name, all!.length === 1 ? all![0] : all]),
      ) as object,
    };
  }
}

const textOf = (value: Buffer | string | null): string | null => (value === null ? null : value.toString());

/** A message without a value stands for one that was removed: a row without values. */
function valueOf({ value, offset }: KafkaMessage, partition: number, config: NodeContext['config']): object {
  if (config['value_format'] === 'text') return { value: textOf(value) };
  if (value === null) return {};
  const place = `topic ${String(config['topic'])} partition ${partition} offset ${offset}`;
  let parsed: unknown;
  try {
    parsed = JSON.parse(value.toString());
  } catch (error) {
    throw new NodeError('BadRow', `${place}: is no JSON: ${(error as Error).message.slice(0, 200)}`, false);
  }
  if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return parsed;
  throw new NodeError('BadRow', `${place}: is no JSON object; set value_format to text`, false);
}
