import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { StoreHealth, type StoreState, WorkerRegistry } from '@tauro/orchestration';
import { Env } from '@tauro/platform';
import { VERSION } from '../version.js';

export interface Health {
  status: 'healthy' | 'degraded' | 'unhealthy';
  version: string;
  timestamp: string;
  checks: {
    database: StoreState;
    redis: StoreState;
    /** Lives in the workers: `none` without one, `disabled` by SCHEDULER_ENABLED, `unknown` without a database. */
    scheduler: 'ok' | 'disabled' | 'none' | 'unknown';
    workers: 'ok' | 'none' | 'unknown';
  };
}

/** What works at this moment, asked for real each time. */
@Injectable()
export class HealthService implements OnModuleDestroy {
  private stopping = false;

  constructor(
    private readonly stores: StoreHealth,
    private readonly registry: WorkerRegistry,
    private readonly env: Env,
  ) {}

  async check(): Promise<Health> {
    const { database, redis } = await this.stores.check();
    const workers = database === 'ok' ? await this.workers() : 'unknown';
    const scheduler = this.env.SCHEDULER_ENABLED ? workers : 'disabled';
    const storesWork = database === 'ok' && redis === 'ok';
    return {
      status: !storesWork ? 'unhealthy' : workers === 'ok' ? 'healthy' : 'degraded',
      version: VERSION,
      timestamp: new Date().toISOString(),
      checks: { database, redis, scheduler, workers },
    };
  }

  /** Whether requests can be served: the stores answer and the process is not on its way out. */
  async ready(): Promise<{ status: 'ready' | 'not_ready'; checks: Record<string, string> }> {
    const { database, redis } = await this.stores.check();
    const ready = database === 'ok' && redis === 'ok' && !this.stopping;
    const checks = { database, redis, ...(this.stopping && { process: 'stopping' }) };
    return { status: ready ? 'ready' : 'not_ready', checks };
  }

  onModuleDestroy(): void {
    this.stopping = true;
  }

  private async workers(): Promise<'ok' | 'none' | 'unknown'> {
    try {
      return (await this.registry.live()).length > 0 ? 'ok' : 'none';
    } catch {
      return 'unknown';
    }
  }
}
