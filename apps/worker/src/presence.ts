import { Inject, Injectable, Logger } from '@nestjs/common';
import { type TaskHandlers } from '@tauro/nodes';
import { WorkerRegistry } from '@tauro/orchestration';
import { Env, VERSION } from '@tauro/platform';
import { Signals } from '@tauro/queue';
import { hostname } from 'node:os';
import { Consumers } from './consumers.js';
import { TasksInHand } from './execution/in-hand.js';
import { HANDLERS } from './tokens.js';
import { WORKER_ID } from './worker-id.js';

/** Tells the others that this worker is here, what it can do and how busy it is. */
@Injectable()
export class Presence {
  private readonly logger = new Logger(Presence.name);
  private readonly startedAt = new Date();
  private timer?: NodeJS.Timeout;
  private leaving = false;
  private unlisten?: () => void;

  constructor(
    private readonly registry: WorkerRegistry,
    private readonly inHand: TasksInHand,
    private readonly consumers: Consumers,
    private readonly signals: Signals,
    private readonly env: Env,
    @Inject(WORKER_ID) private readonly workerId: string,
    @Inject(HANDLERS) private readonly handlers: TaskHandlers,
  ) {}

  /** Registers and keeps saying so. @throws when the database is away. */
  async start(): Promise<void> {
    this.unlisten = this.signals.onDrain((id) => {
      if (id === this.workerId) this.beatSafely();
    });
    await this.beat();
    this.timer = setInterval(() => this.beatSafely(), this.env.HEARTBEAT_SECONDS * 1000);
  }

  /** This worker is about to end. */
  async draining(): Promise<void> {
    this.leaving = true;
    this.inHand.accepting = false;
    await this.beat().catch(() => undefined);
  }

  async leave(): Promise<void> {
    clearInterval(this.timer);
    this.unlisten?.();
    await this.registry.leave(this.workerId).catch(() => undefined);
  }

  private beatSafely(): void {
    this.beat().catch((error: Error) => this.logger.warn(`not registered: ${error.message}`));
  }

  private async beat(): Promise<void> {
    const drain = await this.register();
    if (this.leaving || drain !== this.inHand.accepting) return;
    this.inHand.accepting = !drain;
    await this.consumers.takeTasks(!drain);
    this.logger.log(drain ? 'drains: takes no new task until it is told to' : 'takes tasks again');
    await this.register();
  }

  private register(): Promise<boolean> {
    return this.registry.heartbeat({
      _id: this.workerId,
      host: hostname(),
      pid: process.pid,
      tags: this.env.WORKER_TAGS,
      slots: this.env.WORKER_CONCURRENCY,
      running: this.inHand.count,
      running_tasks: this.inHand.tasks(),
      handlers: this.handlers.names(),
      commands: this.env.COMMANDS_ENABLED,
      containers: this.env.CONTAINERS_ENABLED,
      kubernetes: this.env.KUBERNETES_ENABLED,
      version: VERSION,
      state: this.inHand.accepting ? 'ACTIVE' : 'DRAINING',
      started_at: this.startedAt,
    });
  }
}
