import { Inject, Injectable, Logger } from '@nestjs/common';
import { type WorkerState } from '@tauro/database';
import { type TaskHandlers } from '@tauro/nodes';
import { WorkerRegistry } from '@tauro/orchestration';
import { Env, VERSION } from '@tauro/platform';
import { hostname } from 'node:os';
import { TasksInHand } from './execution/in-hand.js';
import { HANDLERS } from './tokens.js';
import { WORKER_ID } from './worker-id.js';

/** Tells the others that this worker is here, what it can do and how busy it is. */
@Injectable()
export class Presence {
  private readonly logger = new Logger(Presence.name);
  private readonly startedAt = new Date();
  private timer?: NodeJS.Timeout;
  private state: WorkerState = 'ACTIVE';

  constructor(
    private readonly registry: WorkerRegistry,
    private readonly inHand: TasksInHand,
    private readonly env: Env,
    @Inject(WORKER_ID) private readonly workerId: string,
    @Inject(HANDLERS) private readonly handlers: TaskHandlers,
  ) {}

  /** Registers and keeps saying so. @throws when the database is away. */
  async start(): Promise<void> {
    await this.beat();
    this.timer = setInterval(() => {
      this.beat().catch((error: Error) => this.logger.warn(`not registered: ${error.message}`));
    }, this.env.HEARTBEAT_SECONDS * 1000);
  }

  async draining(): Promise<void> {
    this.state = 'DRAINING';
    await this.beat().catch(() => undefined);
  }

  async leave(): Promise<void> {
    clearInterval(this.timer);
    await this.registry.leave(this.workerId).catch(() => undefined);
  }

  private beat(): Promise<void> {
    return this.registry.heartbeat({
      _id: this.workerId,
      host: hostname(),
      pid: process.pid,
      tags: this.env.WORKER_TAGS,
      slots: this.env.WORKER_CONCURRENCY,
      running: this.inHand.count,
      handlers: this.handlers.names(),
      version: VERSION,
      state: this.state,
      started_at: this.startedAt,
    });
  }
}
