import { Injectable, Logger } from '@nestjs/common';
import { StoreHealth } from '@tauro/orchestration';
import { Env } from '@tauro/platform';
import { Hearing } from './hearing.js';
import { createServer, type Server } from 'node:http';
import { register } from 'prom-client';

/** The worker's only door: `/metrics`, `/health/live` and `/health/ready` on `PROMETHEUS_PORT`. */
@Injectable()
export class MetricsServer {
  private readonly logger = new Logger(MetricsServer.name);
  private server?: Server;

  constructor(
    private readonly env: Env,
    private readonly stores: StoreHealth,
    private readonly hearing: Hearing,
  ) {}

  /** A port that is taken costs the metrics, not the worker: the message says how to change it. */
  async start(): Promise<void> {
    const { ENABLE_METRICS, HOST, PROMETHEUS_PORT } = this.env;
    if (!ENABLE_METRICS || PROMETHEUS_PORT === 0) return;
    const server = createServer((request, response) => {
      this.answer(request.url ?? '/')
        .then(({ status, type, body }) => response.writeHead(status, { 'content-type': type }).end(body))
        .catch(() => response.writeHead(500).end());
    });
    await new Promise<void>((resolve) => {
      server.once('error', (error: NodeJS.ErrnoException) => {
        const why = error.code === 'EADDRINUSE' ? 'is taken' : `cannot be used (${error.message})`;
        this.logger.warn(
          `no metrics: port ${PROMETHEUS_PORT} ${why}; set PROMETHEUS_PORT to another one, or to 0`,
        );
        resolve();
      });
      server.listen(PROMETHEUS_PORT, HOST, () => {
        this.server = server;
        this.logger.log(`metrics on http://${HOST}:${PROMETHEUS_PORT}/metrics`);
        resolve();
      });
    });
  }

  stop(): void {
    this.server?.close();
    this.server?.closeAllConnections();
  }

  private async answer(url: string): Promise<{ status: number; type: string; body: string }> {
    const path = url.split('?')[0];
    if (path === '/metrics')
      return { status: 200, type: register.contentType, body: await register.metrics() };
    if (path === '/health/live') return { status: 200, type: 'application/json', body: '{"status":"alive"}' };
    if (path === '/health/ready') {
      const checks = { ...(await this.stores.check()), queue: this.hearing.well ? 'ok' : 'error' };
      const ready = Object.values(checks).every((check) => check === 'ok');
      return { status: ready ? 200 : 503, type: 'application/json', body: JSON.stringify({ checks }) };
    }
    return { status: 404, type: 'text/plain', body: 'not found\n' };
  }
}
