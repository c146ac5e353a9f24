import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { Tauro } from '../support/tauro.js';
import { User } from '../support/user.js';
import { waitFor } from '../support/wait-for.js';

const ITEMS = Array.from({ length: 20 }, (_, i) => i);

describe('the circuit breaker before a server that nodes call', () => {
  let tauro: Tauro;
  let user: User;
  let server: Server;
  let url: string;
  let well: boolean;
  let calls: number;

  beforeAll(async () => {
    tauro = await Tauro.start({ env: { BREAKER_OPEN_SECONDS: '3', WORKER_CONCURRENCY: '5' } });
    user = new User(tauro.api);
  });
  beforeEach(async () => {
    well = false;
    calls = 0;
    server = createServer((_, response) => {
      calls++;
      response.writeHead(well ? 200 : 503).end();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });
  afterAll(() => tauro?.stop());

  const call = (rest: object, forEach: object = {}): object => ({
    id: 'call',
    type: 'http',
    config: { url: `${url}/{{ item }}` },
    ...rest,
    for_each: { items: ITEMS, ...forEach },
  });
  const metric = (state: string): string => `tauro_circuit_breakers{target="${url}",state="${state}"} 1`;
  const metrics = async (): Promise<string> => (await fetch(`${tauro.url}/metrics`)).text();

  it('lets a run outlast an outage that would have used up its attempts', async () => {
    const policy = { max_attempts: 4, backoff_seconds: 1, backoff: 'fixed', jitter: false };
    const runId = await user.startNew([call({ retry_policy: policy })]);
    const reason = `circuit breaker of ${url} is open until`;
    await user.runWhen(runId, (run) => run.waiting_reason?.includes(reason), { what: 'the reason' });
    // 20 items of 4 attempts each: without a breaker it would have been called ever again.
    const before = calls;
    expect(before).toBeGreaterThanOrEqual(10);
    expect(before).toBeLessThanOrEqual(10 + 5);
    const shown = await user.tasks(runId);
    const postponed = Object.values(shown).filter((task) => task.waiting_reason?.includes(reason));
    expect(postponed.length).toBeGreaterThan(0);
    for (const task of postponed) {
      expect(task.state).toBe('RETRYING');
      expect(task.attempts).toHaveLength(task.attempt);
    }
    expect(await metrics()).toContain(metric('open'));

    well = true;
    const run = await user.ended(runId);
    expect(run.state).toBe('SUCCESS');
    const after = await user.tasks(runId);
    for (const i of ITEMS) expect(after[`call[${i}]`].attempt).toBeLessThanOrEqual(2);
    expect(calls - before).toBeGreaterThanOrEqual(ITEMS.length);
    await waitFor(async () => !(await metrics()).includes(url), { what: 'the closed breaker to be gone' });
  });

  it('stays closed while a server only refuses what it is asked', async () => {
    server.removeAllListeners('request');
    server.on('request', (_, response) => {
      calls++;
      response.writeHead(404).end();
    });
    const runId = await user.startNew([call({}, { on_item_failure: 'continue' })]);
    expect((await user.ended(runId)).state).toBe('SUCCESS');
    expect(calls).toBe(ITEMS.length);
    expect(await metrics()).not.toContain(url);
  });
});
