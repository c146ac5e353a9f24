import { Injectable, Logger } from '@nestjs/common';
import { Collections } from '@tauro/orchestration';
import { Env } from '@tauro/platform';
import { CommandPool } from '../executors/command-pool.js';

/** A worker that was killed has the process beside its container remove it; this is for when that was killed too. */
const INTERVAL_MS = 30_000;

/**
 * Removes containers whose claim is over, whoever has started them and on whichever machine: a claim is in the
 * database before its container exists, so one without a claim belongs to nobody.
 */
@Injectable()
export class ContainerReaper {
  private readonly logger = new Logger(ContainerReaper.name);
  private timer?: NodeJS.Timeout;

  constructor(
    private readonly commands: CommandPool,
    private readonly db: Collections,
    private readonly env: Env,
  ) {}

  start(): void {
    if (!this.env.CONTAINERS_ENABLED) return;
    const sweep = (): void => {
      void this.sweep()
        .catch((error: Error) => this.logger.warn(`containers cannot be looked at: ${error.message}`))
        .finally(() => {
          if (this.timer) this.timer = setTimeout(sweep, INTERVAL_MS);
        });
    };
    this.timer = setTimeout(sweep, 0);
  }

  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private async sweep(): Promise<void> {
    const found = await this.commands.containers();
    if (found.length === 0) return;
    const tasks = await this.db.tasks
      .find({ _id: { $in: found.map(({ task_id }) => task_id) } })
      .project<{ engine: { claim: { id: string } | null } }>({ 'engine.claim.id': 1 })
      .toArray();
    const claims = new Set(tasks.map(({ engine }) => engine.claim?.id));
    const abandoned = found.filter(({ claim_id }) => !claims.has(claim_id)).map(({ id }) => id);
    if (abandoned.length === 0) return;
    await this.commands.removeContainers(abandoned);
    this.logger.log(`removed ${abandoned.length} container(s) whose claim is over`);
  }
}
