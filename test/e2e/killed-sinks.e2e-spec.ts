import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hasKafka, KafkaCluster } from '../support/kafka.js';
import { hasSftp, SftpServer } from '../support/sftp.js';
import { Tauro } from '../support/tauro.js';
import { expectStatus, User } from '../support/user.js';
import { waitFor } from '../support/wait-for.js';

const withKafka = hasKafka() ? it : it.skip;
const withSftp = hasSftp() ? it : it.skip;
if (!hasKafka()) process.stderr.write('killed sinks: skipped in part, because kcat is not installed\n');
if (!hasSftp()) process.stderr.write('killed sinks: skipped in part, because sftp-server is not installed\n');

const ROWS = 10_000;
const IDS = Array.from({ length: ROWS }, (_, id) => String(id));

/** Each is held in the middle of its work when its worker is killed. */
describe('sinks whose worker is killed', () => {
  let tauro: Tauro;
  let user: User;
  let project: string;
  beforeAll(async () => {
    tauro = await Tauro.start({
      env: {
        SECRET_KEY: randomBytes(32).toString('base64'),
        LEASE_SECONDS: '3',
        HEARTBEAT_SECONDS: '0.75',
        RECONCILE_SECONDS: '0.5',
        TABLE_PROCESSES: '3',
      },
    });
    user = new User(tauro.api);
    project = await user.project();
    writeFileSync(join(tauro.files, 'many.csv'), `id\n${IDS.join('\n')}\n`);
  });
  afterAll(() => tauro?.stop());

  const connect = async (name: string, kind: string, config: object, secret?: object): Promise<void> => {
    const body = { name, kind, project_id: project, config, ...(secret && { secret }) };
    expectStatus(await tauro.api.post('/api/v1/connections', body), 201);
  };
  /** A run that writes the rows into these sinks. */
  const start = async (sinks: Record<string, object>): Promise<string> => {
    const many = { id: 'many', type: 'source', config: { source_type: 'file', path: 'many.csv' } };
    const nodes = Object.entries(sinks).map(([id, config]) => ({
      id,
      type: 'sink',
      depends_on: ['many'],
      config,
    }));
    return user.start(project, (await user.pipeline(project, [many, ...nodes])).id);
  };
  const again = async (runId: string): Promise<void> => {
    await tauro.addWorker();
    expect((await user.ended(runId)).state).toBe('SUCCESS');
  };

  withSftp('leave the old file or the whole new one on an SFTP server, and nothing beside it', async () => {
    const server = await SftpServer.start();
    try {
      const out = join(server.directory, 'out');
      mkdirSync(out);
      writeFileSync(join(out, 'day.csv'), 'old');
      await connect('sftp', 'sftp', server.config, { password: server.password });
      server.holdsAfter = 30_000;
      const runId = await start({
        replaces: { destination: 'sftp', path: 'out/day.csv' },
        adds: { destination: 'sftp', path: 'parts/', write_mode: 'append', format: 'csv' },
      });
      await waitFor(() => server.held === 2, { what: 'both to be held', timeout: 30_000 });
      await tauro.workers.at(-1)!.kill();
      const parts = join(server.directory, 'parts');
      const hidden = (folder: string): string[] => readdirSync(folder).filter((name) => name.startsWith('.'));
      expect(readFileSync(join(out, 'day.csv'), 'utf8')).toBe('old');
      expect([hidden(out).length, hidden(parts).length, readdirSync(parts).length]).toEqual([1, 1, 1]);

      server.holdsAfter = Infinity;
      await again(runId);
      const whole = `id\n${IDS.join('\n')}\n`;
      expect(readFileSync(join(out, 'day.csv'), 'utf8')).toBe(whole);
      const [part, ...others] = readdirSync(parts);
      expect([others, hidden(out), hidden(parts)]).toEqual([[], [], []]);
      expect(readFileSync(join(parts, part!), 'utf8')).toBe(whole);
    } finally {
      await server.stop();
    }
  });

  withKafka('commit one transaction to Kafka, or send all of it at least once', async () => {
    const cluster = await KafkaCluster.start();
    try {
      await Promise.all(['once', 'least'].map((topic) => cluster.topic(topic)));
      await connect('kafka', 'kafka', { brokers: [cluster.broker] });
      const sink = { destination: 'kafka', value: 'id' };
      cluster.holdAfter(6);
      const runId = await start({
        once: { ...sink, topic: 'once' },
        least: { ...sink, topic: 'least', delivery: 'at_least_once' },
      });
      await waitFor(() => cluster.holds, { what: 'messages to be sent', timeout: 30_000 });
      await tauro.workers.at(-1)!.kill();
      cluster.goOn();
      const total = async (topic: string): Promise<number> =>
        (await cluster.counts(topic)).reduce((sum, count) => sum + count, 0);
      // What was on its way still arrives.
      let before = -1;
      await waitFor(async () => before === (before = await total('once')), { everyMs: 200 });
      expect(before).toBeLessThan(ROWS);
      expect(cluster.requests).not.toContain('EndTxn');

      await again(runId);
      // This cluster shows what was never committed; a real one does not. The attempt that committed has sent all, once.
      expect(cluster.requests.filter((request) => request === 'EndTxn')).toHaveLength(1);
      expect((await total('once')) - before).toBe(ROWS);
      const values = await Promise.all([cluster.values('once'), cluster.values('least')]);
      for (const ids of values) expect(new Set(ids)).toEqual(new Set(IDS));
    } finally {
      cluster.goOn();
      await cluster.stop();
    }
  });
});
