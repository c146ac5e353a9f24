import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';

import { loadEnv } from '@tauro/platform';

import { apiPort, metricsPorts } from './ports.js';

describe('ports', () => {
  let other: Server;
  let taken: number;
  beforeEach(async () => {
    other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    taken = (other.address() as AddressInfo).port;
  });
  afterEach(() => other.close());

  const env = (source: Record<string, string | undefined>) => loadEnv([], source, '');

  it('of the API: a taken one is refused with the variable that changes it', async () => {
    await expect(apiPort(env({ PORT: String(taken) }))).rejects.toThrow(
      `PORT: port ${taken} is taken by another program; stop it, or choose another one, for example PORT=${taken + 1}`,
    );
  });

  it('of the API: 0 is any free one', async () => {
    expect(await apiPort(env({ PORT: '0' }))).toBeGreaterThan(0);
  });

  it('of the API: a host that is not ours is told as such', async () => {
    const elsewhere = env({ HOST: '192.0.2.1', ALLOW_UNAUTHENTICATED_NETWORK: 'true' });
    await expect(apiPort(elsewhere)).rejects.toThrow('HOST: cannot listen on 192.0.2.1:8000');
  });

  it('of metrics: one per worker, around those that are taken, which is told', async () => {
    const notes: string[] = [];
    const ports = await metricsPorts(env({ PROMETHEUS_PORT: String(taken) }), 2, (line) => notes.push(line));
    expect(new Set(ports).size).toBe(2);
    expect(ports).not.toContain(taken);
    expect(notes).toEqual([`PROMETHEUS_PORT: ${taken} is taken, worker-1 takes ${ports[0]}`]);
  });

  it.each([{ PROMETHEUS_PORT: '0' }, { ENABLE_METRICS: 'false' }])(
    'of metrics: none with %j',
    async (source) => {
      expect(await metricsPorts(env(source), 2, () => undefined)).toEqual([0, 0]);
    },
  );
});
