import { lineOptions, type Env } from '@tauro/platform';
import cluster, { type Worker } from 'node:cluster';
import pino from 'pino';
import { serveClusterMetrics } from './health/cluster-metrics.js';

const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 10_000;

/**
 * Shares the port between `WORKERS` processes and replaces one that dies. It serves no request itself. A process
 * that cannot even start the first time ends everything, because a bad configuration does not heal.
 */
export async function runPrimary(env: Env): Promise<void> {
  const log = pino(lineOptions(env)).child({ logger: 'ApiCluster' });
  const ready = new Set<number>();
  let everReady = false;
  let stopping = false;
  let delay = FIRST_DELAY_MS;

  const stop = (why: string): void => {
    if (stopping) return;
    stopping = true;
    log.info(`${why}: closing ${Object.keys(cluster.workers ?? {}).length} processes`);
    for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill('SIGTERM');
    exitWhenEmpty();
  };
  const exitWhenEmpty = (): void => {
    if (stopping && Object.keys(cluster.workers ?? {}).length === 0) process.exit(process.exitCode ?? 0);
  };

  serveClusterMetrics();
  cluster.on('message', (worker: Worker, message: unknown) => {
    if (message !== 'ready') return;
    ready.add(worker.id);
    delay = FIRST_DELAY_MS;
    if (everReady || ready.size < env.WORKERS) return;
    everReady = true;
    log.info(`${env.WORKERS} processes serve http://${env.HOST}:${env.PORT}`);
    process.send?.('ready');
  });
  cluster.on('exit', (worker, code, signal) => {
    ready.delete(worker.id);
    if (stopping) return exitWhenEmpty();
    if (!everReady) {
      process.exitCode = 1;
      return stop(`a process ended with ${signal ?? code} before it was ready`);
    }
    log.error(`process ${worker.process.pid} ended with ${signal ?? code}; starting another in ${delay} ms`);
    setTimeout(() => stopping || cluster.fork(), delay);
    delay = Math.min(delay * 2, LONGEST_DELAY_MS);
  });
  process.on('SIGTERM', () => stop('SIGTERM'));
  process.on('SIGINT', () => stop('SIGINT'));
  if (process.send) process.on('disconnect', () => stop('the parent process is gone'));
  for (let i = 0; i < env.WORKERS; i++) cluster.fork();
}
