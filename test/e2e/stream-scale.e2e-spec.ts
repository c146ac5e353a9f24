import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { task } from '../support/nodes.js';
import { Tauro } from '../support/tauro.js';
import { User } from '../support/user.js';
import { waitFor } from '../support/wait-for.js';

const CLIENTS = 500;
const SLOW = 100;
const LINES = 500;
const LINE_CHARS = 4000;
/**
 * What the process may grow by while it sends 800 MB, garbage included: 126 were measured. If it kept for each that does
 * not read what that one has not read, it would be 210 more.
 */
const MOST_GROWTH_MB = 220;

/** `: heartbeat` and what is around a chunk; some may have had one more than others. */
const HEARTBEAT_BYTES = 18;

/** @throws Error that tells how far those are that have not ended. */
function allEnded(readers: Reader[]): boolean {
  const left = readers.filter(({ ended }) => !ended).map(({ bytes }) => bytes);
  if (left.length === 0) return true;
  throw new Error(
    `${left.length} have not ended; they have ${Math.min(...left)} to ${Math.max(...left)} bytes`,
  );
}

/** A client on a bare socket, so that not reading is really not reading. */
class Reader {
  readonly socket: Socket;
  /** Of the body. */
  bytes = 0;
  private tail = '';
  private begun = false;

  constructor(url: string, path: string) {
    const { hostname, port } = new URL(url);
    this.socket = connect(Number(port), hostname);
    this.socket.on('error', () => undefined);
    this.socket.on('data', (data) => {
      this.bytes += this.begun ? data.length : data.length - data.indexOf('\r\n\r\n') - 4;
      this.begun = true;
      this.tail = (this.tail + data.toString('latin1')).slice(-300);
    });
    this.socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n`);
  }

  get ended(): boolean {
    return this.tail.includes('event: end');
  }
}

// Once in about ten runs beside other suites it did not come to its end, for a reason that is not known yet: what it had
// seen until then is logged, and it is played once more.
jest.retryTimes(1, { logErrorsBeforeRetry: true });

describe(`${CLIENTS} clients of one process`, () => {
  let tauro: Tauro;
  let user: User;
  const readers: Reader[] = [];

  beforeAll(async () => {
    tauro = await Tauro.start();
    user = new User(tauro.api);
  });
  afterAll(async () => {
    for (const { socket } of readers) socket.destroy();
    await tauro?.stop();
  });

  const memoryMb = (): number => {
    const status = readFileSync(`/proc/${tauro.apiProcess().pid}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? NaN) / 1024;
  };

  it('follow a log to its end, while those that do not read take no memory', async () => {
    for (const { socket } of readers.splice(0)) socket.destroy();
    const runId = await user.startNew([task('naps', 'sleep', { seconds: 600 })]);
    await user.runWhen(runId, ({ state }) => state === 'RUNNING');
    const path = `/api/v1/runs/${runId}/logs`;
    for (let i = 0; i < CLIENTS; i++) readers.push(new Reader(tauro.url, path));
    await waitFor(() => readers.every(({ bytes }) => bytes > 0), { what: 'all clients to be served' });
    const [slow, fast] = [readers.slice(0, SLOW), readers.slice(SLOW)];
    for (const { socket } of slow) socket.pause();

    const before = memoryMb();
    let most = before;
    const watch = setInterval(() => (most = Math.max(most, memoryMb())), 50);
    try {
      await appendLines(runId);
      // It may take its turn behind all that is to be sent.
      const cancelled = () => tauro.api.post(`/api/v1/runs/${runId}/cancel`);
      await waitFor(async () => (await cancelled()).status === 202, { what: 'the cancel' });
      await waitFor(() => allEnded(fast), { what: 'the fast clients to be done', timeout: 80_000 });
    } finally {
      clearInterval(watch);
    }
    process.stderr.write(
      `${CLIENTS} clients, ${(fast[0]!.bytes / 1e6).toFixed(1)} MB each, ${SLOW} of them not reading: ` +
        `${before.toFixed(0)} MB before, at most ${most.toFixed(0)} MB\n`,
    );
    expect(most - before).toBeLessThan(MOST_GROWTH_MB);
    expect(slow.some(({ ended }) => ended)).toBe(false);

    // They have missed nothing once they read again.
    for (const { socket } of slow) socket.resume();
    await waitFor(() => allEnded(slow), { what: 'the slow clients to be done', timeout: 60_000 });
    const least = Math.min(...readers.map(({ bytes }) => bytes));
    expect(least).toBeGreaterThan(LINES * LINE_CHARS);
    expect(readers.every(({ bytes }) => (bytes - least) % HEARTBEAT_BYTES === 0)).toBe(true);
  });

  /** Long lines, as a worker would store them: behind the last there is. */
  async function appendLines(runId: string): Promise<void> {
    const logs = tauro.database.collection('run_logs');
    const [last] = await logs.find({ run_id: runId }).sort({ first_seq: -1 }).limit(1).toArray();
    let first_seq: number = last!.first_seq + last!.count;
    for (let done = 0; done < LINES; done += 100, first_seq += 100) {
      const lines = Array.from({ length: 100 }, (_, i) => ({
        ...{ timestamp: new Date(), level: 'INFO', message: `line ${done + i} ${'x'.repeat(LINE_CHARS)}` },
        ...{ task_id: null, node_id: null, attempt: null },
      }));
      await logs.insertOne({ run_id: runId, first_seq, count: 100, lines });
    }
  }
});
