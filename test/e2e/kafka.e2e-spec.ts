import { createServer, type Server } from 'node:net';
import { type AddressInfo } from 'node:net';
import { type JsonObject } from '@tauro/domain';
import { CONNECTION_KINDS, type NodeContext, type OpenConnection } from '@tauro/nodes';
import { sinkNode } from '../../libs/nodes/src/sink/sink.node.js';
import { sourceNode } from '../../libs/nodes/src/source/source.node.js';
import { NodeHarness } from '../../libs/nodes/src/tables/node-harness.js';
import { hasKafka, KafkaCluster } from '../support/kafka.js';
import { freePort } from '../support/tauro.js';

/* eslint-disable @typescript-eslint/no-explicit-any -- results as the node gives them */

if (!hasKafka())
  process.stderr.write('kafka: skipped, because kcat, which holds a cluster for tests, is not installed\n');
const withKafka = hasKafka() ? describe : describe.skip;

withKafka('a Kafka cluster', () => {
  let cluster: KafkaCluster;
  let harness: NodeHarness;
  beforeAll(async () => {
    cluster = await KafkaCluster.start();
    harness = await NodeHarness.create({ egressAllowPrivate: true });
  });
  afterAll(async () => {
    await harness?.close();
    await cluster?.stop();
  });

  const through = (
    config: JsonObject = {},
    secret: Record<string, string> = {},
  ): { connection: OpenConnection } => ({
    connection: {
      id: 'conn_1',
      name: 'bus',
      kind: 'kafka',
      config: { brokers: [cluster.broker], ...config },
      secret,
    },
  });
  const read = (id: string, config: JsonObject, rest: Partial<NodeContext> = {}): Promise<any> =>
    harness.run(sourceNode, id, { source_type: 'kafka', ...config }, { ...through(), ...rest });
  const write = (id: string, config: JsonObject, rest: Partial<NodeContext> = {}): Promise<any> =>
    harness.run(
      sinkNode,
      id,
      { destination: 'kafka', ...config },
      { after: ['rows'], ...through(), ...rest },
    );
  const failure = (work: Promise<unknown>): Promise<string> => harness.failure(work);
  const byId = async (id: string): Promise<any[]> =>
    (await harness.rows(id)).sort((a: any, b: any) => Number(a.id) - Number(b.id));

  it('is written once, in one transaction, and read up to where it goes', async () => {
    await cluster.topic('orders');
    await harness.table('rows', [
      { id: 1, at: '2025-01-01', amount: 1.5 },
      { id: 2, at: '2025-01-02', amount: null },
    ]);
    const sink = { topic: 'orders', key: 'id', headers: { source: 'test' } };
    await expect(write('out', sink)).resolves.toMatchObject({ rows: 2, output: { topic: 'orders' } });
    // The note that it is done goes into the transaction of the messages.
    const ofTransaction = ['AddPartitionsToTxn', 'AddOffsetsToTxn', 'TxnOffsetCommit', 'EndTxn'];
    const asked = cluster.requests.filter((request) => ofTransaction.includes(request));
    expect([...new Set(asked)]).toEqual(ofTransaction);
    const counts = await cluster.counts('orders');
    await cluster.topic('texts', [
      { key: 'k', value: 'a\n"b"', headers: { h: ['1', '2'] }, timestamp: '1735689600123' },
      { key: null, value: null },
    ]);
    await cluster.topic('numbers');
    await write('more', { topic: 'numbers', delivery: 'at_least_once', value: 'id' });
    // A group takes seconds to begin, so all of them begin at once.
    const incremental = { by: 'offset' };
    const [plain, windowed, text, unfit] = await Promise.all([
      read('plain', { topic: 'orders', incremental }, { mark: { by: 'offset', value: null } }),
      read('windowed', { topic: 'orders', to: { offset: 1 }, metadata: false }),
      read('text', { topic: 'texts', value_format: 'text' }),
      failure(read('unfit', { topic: 'numbers' })),
      cluster.commit('tauro-task_out', 'orders', '1'),
    ]);
    // The worker died between the commit and the end of the task, so that the attempt is repeated. (This cluster does not
    // keep offsets that transactions commit, so here the note is one that a group has committed.)
    await write('out', sink);
    expect(harness.logs).toContain('INFO an earlier attempt has sent the messages already');
    expect(await cluster.counts('orders')).toEqual(counts);

    expect(await byId('plain')).toMatchObject([
      { id: 1, at: '2025-01-01', amount: 1.5, kafka_key: '1', kafka_headers: { source: 'test' } },
      { id: 2, amount: null, kafka_key: '2' },
    ]);
    const types = Object.fromEntries(harness.columns('plain').map(({ name, type }) => [name, type]));
    expect(types).toMatchObject({ id: 'BIGINT', at: 'DATE', kafka_offset: 'BIGINT', kafka_key: 'VARCHAR' });
    expect(plain.datasets).toMatchObject([
      { access: 'read', namespace: `kafka://${cluster.broker}`, name: 'orders' },
    ]);
    expect(JSON.parse(plain.mark)).toEqual(
      Object.fromEntries(counts.map((count, partition) => [partition, count])),
    );
    expect([windowed.rows, harness.columns('windowed').map(({ name }) => name)]).toEqual([
      counts.filter((count) => count > 0).length,
      ['id', 'at', 'amount'],
    ]);
    expect(text.rows).toBe(2);
    expect((await harness.rows('text')).sort((a: any) => (a.value === null ? 1 : -1))).toMatchObject([
      {
        kafka_key: 'k',
        value: 'a\n"b"',
        kafka_headers: { h: ['1', '2'] },
        kafka_timestamp: expect.stringMatching(/^2025-01-01 00:00:00\.123/),
      },
      { kafka_key: null, value: null },
    ]);
    expect(unfit).toMatch(
      /^BadRow: topic numbers partition \d offset \d: is no JSON object; set value_format to text/,
    );

    // Nothing is new, and what comes after still finds columns.
    await expect(
      read('next', { topic: 'orders', incremental }, { mark: { by: 'offset', value: plain.mark } }),
    ).resolves.toMatchObject({ rows: 0 });
    expect(harness.columns('next').map(({ name }) => name)).toContain('kafka_offset');
  });

  it('gets nothing of an attempt that does not come to its end', async () => {
    await cluster.topic('half');
    await harness.table(
      'rows',
      Array.from({ length: 3000 }, (_, id) => ({ id })),
    );
    const stop = new AbortController();
    const logs = harness.logs.length;
    stop.abort(new Error('stopped'));
    expect(await failure(write('half', { topic: 'half' }, { signal: stop.signal }))).toContain('stopped');
    expect(harness.logs).toHaveLength(logs);
    expect(await failure(write('half', { topic: 'half', key: 'nope' }))).toMatch(
      /^ColumnNotFound: key: .*columns: id/,
    );
    expect(await cluster.counts('half')).toEqual([0, 0, 0, 0]);
  });

  describe('that cannot be used', () => {
    let deaf: Server;
    beforeAll(async () => {
      deaf = createServer((socket) => socket.resume()).listen(0, '127.0.0.1');
      await new Promise((done) => deaf.once('listening', done));
    });
    afterAll(() => void deaf.close());

    it('says so, by connection and cause', async () => {
      await harness.table('rows', [{ id: 1 }]);
      const nobody = `127.0.0.1:${await freePort()}`;
      const silent = `127.0.0.1:${(deaf.address() as AddressInfo).port}`;
      const topic = { topic: 'missing' };
      const [missing, unsent, gone, still, login] = await Promise.all([
        failure(read('a', topic)),
        failure(write('b', topic)),
        failure(read('c', topic, through({ brokers: [nobody] }))),
        failure(read('d', topic, through({ brokers: [silent], connect_timeout_seconds: 1 }))),
        failure(read('e', topic, through({ user: 'ana' }, { password: 'hunter22' }))),
      ]);
      const there = /^TableNotFound: connection 'bus': there is no topic 'missing'/;
      expect([missing, unsent]).toEqual([expect.stringMatching(there), expect.stringMatching(there)]);
      expect(gone).toBe(`ConnectionFailed: connection 'bus': nothing listens at ${nobody}`);
      expect(still).toMatch(/^ConnectionFailed: connection 'bus'/);
      expect(login).toMatch(/^(AuthenticationFailed|ConnectionFailed|QueryFailed): connection 'bus'/);
      expect(login).not.toContain('hunter22');
      const test = CONNECTION_KINDS.get('kafka')!;
      const how = { egressAllowPrivate: true, signal: AbortSignal.timeout(10_000) };
      expect(await test.test(through().connection, how)).toMatch(/^Kafka with \d topic/);
      await expect(test.test(through().connection, { ...how, egressAllowPrivate: false })).rejects.toThrow(
        /private/,
      );
    });
  });
});
