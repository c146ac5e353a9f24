import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { Kafka, logLevel, type Message } from 'kafkajs';
import { waitFor } from './wait-for.js';

/** Whether this machine can run one. Suites that need it are skipped, and say so, where it cannot. */
export const hasKafka = (): boolean => spawnSync('kcat', ['-V']).status === 0;

/** A cluster of one broker, which librdkafka holds in memory while kcat runs; its topics have four partitions. */
export class KafkaCluster {
  readonly client: Kafka;
  /** What it was asked, such as `EndTxn`, the last of it. */
  readonly requests: string[] = [];

  /** It stands still from this many `Produce` on, until `goOn`. */
  private holdsAfter = Infinity;
  private produced = 0;

  private constructor(
    readonly broker: string,
    private readonly child: ChildProcess,
  ) {
    this.client = new Kafka({ brokers: [broker], logLevel: logLevel.NOTHING });
  }

  static async start(): Promise<KafkaCluster> {
    const args = ['-P', '-X', 'test.mock.num.brokers=1', '-b', 'mock', '-t', 'first', '-d', 'mock'];
    // It ends with its standard input.
    const child = spawn('kcat', args, { stdio: ['pipe', 'ignore', 'pipe'] });
    let said = '';
    const first = (text: unknown): void => void (said += String(text));
    child.stderr.on('data', first);
    const broker = await waitFor(
      () => Promise.resolve(/bootstrap\.servers=(127\.0\.0\.1:\d+)/.exec(said)?.[1]),
      {
        what: 'kcat to tell where its cluster is',
      },
    );
    child.stderr.off('data', first);
    const cluster = new KafkaCluster(broker, child);
    child.stderr.on('data', (text) => {
      for (const [, request] of String(text).matchAll(/Received (\w+)RequestV/g)) {
        cluster.requests.push(request!);
        if (request === 'Produce' && ++cluster.produced === cluster.holdsAfter) child.kill('SIGSTOP');
      }
      cluster.requests.splice(0, cluster.requests.length - 1000);
    });
    return cluster;
  }

  /** Stands still in the middle of what comes next. */
  holdAfter(produces: number): void {
    this.holdsAfter = this.produced + produces;
  }

  get holds(): boolean {
    return this.produced >= this.holdsAfter;
  }

  goOn(): void {
    this.holdsAfter = Infinity;
    this.child.kill('SIGCONT');
  }

  /** All that a topic holds, what transactions have not committed too. */
  async values(topic: string): Promise<string[]> {
    const expected = (await this.counts(topic)).reduce((sum, count) => sum + count, 0);
    const consumer = this.client.consumer({ groupId: `reader-${topic}`, readUncommitted: true });
    await consumer.connect();
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    const values: string[] = [];
    const all = new Promise<void>((done) => {
      void consumer.run({
        eachMessage: ({ message }) => {
          if (values.push(String(message.value)) === expected) done();
          return Promise.resolve();
        },
      });
    });
    await all;
    await consumer.disconnect();
    return values;
  }

  /** Makes a topic that holds these messages. */
  async topic(name: string, messages: Message[] = []): Promise<void> {
    const admin = this.client.admin();
    await admin.connect();
    await admin.fetchTopicMetadata({ topics: [name] });
    await admin.disconnect();
    const producer = this.client.producer();
    await producer.connect();
    if (messages.length > 0) await producer.send({ topic: name, messages });
    await producer.disconnect();
  }

  /** How many messages a topic has in each partition, ends of transactions included. */
  async counts(topic: string): Promise<number[]> {
    const admin = this.client.admin();
    await admin.connect();
    const offsets = await admin.fetchTopicOffsets(topic);
    await admin.disconnect();
    return offsets.sort((a, b) => a.partition - b.partition).map(({ high }) => Number(high));
  }

  /** Commits an offset of the first partition for a group. */
  async commit(groupId: string, topic: string, offset: string): Promise<void> {
    const consumer = this.client.consumer({ groupId });
    await consumer.connect();
    await consumer.subscribe({ topics: [topic] });
    const joined = new Promise((done) => consumer.on(consumer.events.GROUP_JOIN, done));
    await consumer.run({ autoCommit: false, eachMessage: () => Promise.resolve() });
    await joined;
    await consumer.commitOffsets([{ topic, partition: 0, offset }]);
    await consumer.disconnect();
  }

  async stop(): Promise<void> {
    const ended = new Promise((done) => this.child.once('exit', done));
    this.child.kill('SIGKILL');
    await ended;
  }
}
