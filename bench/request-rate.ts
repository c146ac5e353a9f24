import { spawn } from 'node:child_process';
import { join } from 'node:path';
import autocannon from 'autocannon';
import { noop } from '../test/support/nodes.js';
import { ROOT } from '../test/support/server-process.js';
import { freePort, Tauro } from '../test/support/tauro.js';
import { User } from '../test/support/user.js';
import { waitFor } from '../test/support/wait-for.js';
import { type Figure } from './figure.js';

const answersOk = async (url: string): Promise<boolean> => (await fetch(url)).ok;

/** Answers per second over ten seconds from 20 connections, after two seconds to warm up. */
async function rate(url: string): Promise<number> {
  await autocannon({ url, connections: 20, duration: 2 });
  const result = await autocannon({ url, connections: 20, duration: 10 });
  if (result.non2xx > 0) throw new Error(`${url}: ${result.non2xx} answers were no success`);
  return result.requests.average;
}

/** `GET /runs/{id}` beside a bare route with the same middleware that returns the same object. */
export async function measureRequestRate(): Promise<Figure[]> {
  const tauro = await Tauro.start({ workers: 1 });
  const port = String(await freePort());
  const user = new User(tauro.api);
  const run = await user.ended(await user.startNew([noop('only')]));
  const bare = spawn(
    process.execPath,
    [join(ROOT, 'node_modules/jiti/lib/jiti-cli.mjs'), 'bench/bare-server.ts'],
    {
      cwd: ROOT,
      env: {
        ...process.env,
        BODY: JSON.stringify(run),
        PORT: port,
        LOG_FILE: 'none',
        RATE_LIMIT_ENABLED: 'false',
      },
      stdio: ['ignore', 'ignore', 'inherit'],
    },
  );
  try {
    const bareUrl = `http://127.0.0.1:${port}/run`;
    await waitFor(() => answersOk(bareUrl), { what: 'the bare server' });
    const ours = await rate(`${tauro.url}/api/v1/runs/${run.id}`);
    const floor = await rate(bareUrl);
    return [
      { what: 'GET a bare route', measured: floor, unit: 'req/s' },
      { what: 'GET /runs/{id}', measured: ours, unit: 'req/s', atLeast: floor / 2 },
    ];
  } finally {
    bare.kill();
    await tauro.stop();
  }
}
