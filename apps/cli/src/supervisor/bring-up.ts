import { resolve } from 'node:path';

import { type Env, redact, startStores, type Stores } from '@tauro/platform';

import { childEnv } from '../cli-env.js';
import { ManagedProcess } from './managed-process.js';
import { apiPort, metricsPorts } from './ports.js';
import { untilReady } from './readiness.js';
import { type Shutdown } from './shutdown.js';
import { type Terminal } from './terminal.js';

const APPS = resolve(__dirname, '../../..');
/** What an app needs beyond SHUTDOWN_GRACE_SECONDS to hand back its work and to close its connections. */
const CLOSING_MS = 12_000;

export interface Deployment {
  /** Of the API, as a client on this machine reaches it. */
  url: string;
  /** Ends and starts the API and the workers; the stores stay. */
  restart(): Promise<void>;
}

interface Surroundings {
  terminal: Terminal;
  shutdown: Shutdown;
}

/** Starts the stores, the API and the workers as separate processes, and returns when all of them are ready. */
export async function bringUp(env: Env, { terminal, shutdown }: Surroundings): Promise<Deployment> {
  const started = performance.now();
  const port = await apiPort(env);
  const say = (line: string): void => terminal.say(line);
  const stores = await startStores(env, { log: say });
  shutdown.add(() => stores.stop());
  shutdown.signal.throwIfAborted();

  const ports = await metricsPorts(env, env.WORKER_PROCESSES, say);
  const environment = childEnv(env, stores, port);
  const graceMs = env.SHUTDOWN_GRACE_SECONDS * 1000 + CLOSING_MS;
  const manage = (name: string, app: string, extra: NodeJS.ProcessEnv = {}): ManagedProcess => {
    const entry = resolve(APPS, app, 'src/main.js');
    return new ManagedProcess({ name, entry, env: { ...environment, ...extra }, graceMs }, terminal);
  };
  const api = manage('api', 'api');
  const workers = ports.map((metricsPort, i) =>
    manage(`worker-${i + 1}`, 'worker', { PROMETHEUS_PORT: String(metricsPort) }),
  );
  const all = [api, ...workers];
  shutdown.add(() => Promise.all(all.map((one) => one.stop())).then(() => undefined));
  say(`starting the API and ${workers.length} worker${workers.length === 1 ? '' : 's'} ...`);
  for (const one of all) one.start();

  const url = `http://${hostForClients(env.HOST)}:${port}`;
  const waiting = { signal: shutdown.signal, say };
  await untilReady(url, {
    ...waiting,
    what: 'the API',
    path: '/health/ready',
    accept: ({ status }) => status === 200,
    process: api,
  });
  if (workers[0]) {
    await untilReady(url, {
      ...waiting,
      what: 'a worker',
      path: '/health',
      accept: ({ body }) => body.checks?.workers === 'ok',
      process: workers[0],
    });
  }
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  say(welcome({ env, url, stores, ports, seconds }));
  return { url, restart: async () => void (await Promise.all(all.map((one) => one.restart()))) };
}

/** A server on all addresses is reached by its name on this machine. */
function hostForClients(host: string): string {
  if (['0.0.0.0', '::', '127.0.0.1', '::1', '[::1]'].includes(host)) return 'localhost';
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
}

interface Facts {
  env: Env;
  url: string;
  stores: Stores;
  ports: number[];
  seconds: string;
}

function welcome({ env, url, stores, ports, seconds }: Facts): string {
  const served = ports.filter((port) => port > 0).map((port) => `http://localhost:${port}/metrics`);
  const rows: [string, string | false][] = [
    ['API', `${url}/api/v1`],
    ['Docs', env.ENABLE_API_DOCS && `${url}/docs   ${url}/redoc`],
    ['Health', `${url}/health`],
    ['Metrics', env.ENABLE_METRICS && [`${url}/metrics`, ...served].join('   ')],
    ['MongoDB', redact(stores.mongodbUrl)],
    ['Redis', redact(stores.redisUrl)],
    ['Pipelines', env.PIPELINES_PATH.join(', ')],
  ];
  const lines = rows.flatMap(([name, value]) => (value ? `  ${name.padEnd(11)}${value}` : []));
  return ['', `Tauro is ready after ${seconds} s`, ...lines, ''].join('\n');
}
