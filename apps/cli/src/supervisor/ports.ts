import { createServer } from 'node:net';

import { type Env, freePort } from '@tauro/platform';

/** How far from PROMETHEUS_PORT a worker looks for a free port. */
const METRICS_PORTS = 20;

/** The port of the API; 0 becomes a free one. @throws Error that names the variable to change */
export async function apiPort(env: Env): Promise<number> {
  if (env.PORT === 0) return freePort();
  const problem = await listenProblem(env.HOST, env.PORT);
  const another = `choose another one, for example PORT=${env.PORT + 1} (or --port ${env.PORT + 1})`;
  if (problem === 'EADDRINUSE') {
    throw new Error(`PORT: port ${env.PORT} is taken by another program; stop it, or ${another}`);
  }
  if (problem === 'EACCES') throw new Error(`PORT: port ${env.PORT} needs privileges; ${another}`);
  if (problem) throw new Error(`HOST: cannot listen on ${env.HOST}:${env.PORT} (${problem})`);
  return env.PORT;
}

/** A metrics port for each worker; 0, no metrics, where none is free: metrics must not cost a worker. */
export async function metricsPorts(
  env: Env,
  workers: number,
  note: (line: string) => void,
): Promise<number[]> {
  if (env.PROMETHEUS_PORT === 0 || !env.ENABLE_METRICS) return Array.from({ length: workers }, () => 0);
  const ports: number[] = [];
  let candidate = env.PROMETHEUS_PORT;
  for (let i = 0; i < workers; i++) {
    const wanted = candidate;
    const last = Math.min(65535, wanted + METRICS_PORTS);
    while (candidate <= last && (await listenProblem(env.HOST, candidate))) candidate++;
    if (candidate > last) {
      note(
        `worker-${i + 1} has no metrics: ports ${wanted} to ${last} are taken; set PROMETHEUS_PORT to another one`,
      );
      ports.push(0);
      candidate = wanted;
    } else {
      if (candidate !== wanted)
        note(`PROMETHEUS_PORT: ${wanted} is taken, worker-${i + 1} takes ${candidate}`);
      ports.push(candidate++);
    }
  }
  return ports;
}

function listenProblem(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    probe.listen({ port, host: host.replace(/^\[(.*)\]$/, '$1'), exclusive: true }, () =>
      probe.close(() => resolve(undefined)),
    );
  });
}
