import { Injectable, Logger } from '@nestjs/common';
import { Collections } from '@tauro/orchestration';
import { Env } from '@tauro/platform';
import { CommandPool } from '../executors/command-pool.js';
import { type FoundContainer } from '../executors/command-protocol.js';

/** Something that claims leave behind when both the worker and the process beside it were killed. */
interface Remains {
  what: 'container' | 'Job';
  intervalMs: number;
  find: () => Promise<FoundContainer[]>;
  remove: (ids: string[]) => Promise<void>;
}

/**
 * Removes containers and Jobs whose claim is over, whoever has started them and on whichever machine: a claim is in the
 * database before its container exists, so one without a claim belongs to nobody.
 */
@Injectable()
export class ContainerReaper {
  private readonly logger = new Logger(ContainerReaper.name);
  private readonly timers = new Set<NodeJS.Timeout>();
  private stopped = false;

  constructor(
    private readonly commands: CommandPool,
    private readonly db: Collections,
    private readonly env: Env,
  ) {}

  start(): void {
    const { commands, env } = this;
    if (env.CONTAINERS_ENABLED) {
      this.sweepEvery({
        what: 'container',
        intervalMs: 30_000,
        find: () => commands.containers(),
        remove: (ids) => commands.removeContainers(ids),
      });
    }
    if (env.KUBERNETES_ENABLED) {
      this.sweepEvery({
        what: 'Job',
        // To ask costs a second of a processor, and the next attempt of a task ends what is in its way.
        intervalMs: 300_000,
        find: () => commands.jobs(),
        remove: (ids) => commands.removeJobs(ids),
      });
    }
  }

  stop(): void {
    this.stopped = true;
    for (const timer of this.timers) clearTimeout(timer);
  }

  private sweepEvery(remains: Remains, delay = 0): void {
    if (this.stopped) return;
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      void this.sweep(remains)
        .catch((error: Error) => this.logger.warn(`${remains.what}s cannot be looked at: ${error.message}`))
        .finally(() => this.sweepEvery(remains, remains.intervalMs));
    }, delay);
    this.timers.add(timer);
  }

  private async sweep({ what, find, remove }: Remains): Promise<void> {
    const found = await find();
    if (found.length === 0) return;
    const tasks = await this.db.tasks
      .find({ _id: { $in: found.map(({ task_id }) => task_id) } })
      .project<{ engine: { claim: { id: string } | null } }>({ 'engine.claim.id': 1 })
      .toArray();
    const claims = new Set(tasks.map(({ engine }) => engine.claim?.id));
    const abandoned = found.filter(({ claim_id }) => !claims.has(claim_id)).map(({ id }) => id);
    if (abandoned.length === 0) return;
    await remove(abandoned);
    this.logger.log(`removed ${abandoned.length} ${what}(s) whose claim is over`);
  }
}
