import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { type NotificationState, TERMINAL_RUN_STATES, type TriggerEventState } from '@tauro/domain';
import { Env } from '@tauro/platform';
import { Collections } from '../collections.js';
import { CacheRemoval } from './cache-removal.js';
import { Leftovers } from './leftovers.js';
import { ProjectRemovalService } from './project-removal.service.js';
import { RunRemovalService } from './run-removal.service.js';

/** Runs, removals and folders looked at per sweep; the rest follows with the next. */
const BATCH = 100;
const NOTIFICATIONS = 1000;
const EVENTS = 1000;
const DATASETS = 1000;

const ENDED_EVENTS: TriggerEventState[] = ['STARTED', 'USED', 'FAILED', 'SKIPPED'];
const ENDED: NotificationState[] = ['SENT', 'DEAD'];

/**
 * Removes what is past its time. It runs in every worker; two at once are harmless, because each removal is a
 * guarded write and what follows may be repeated.
 */
@Injectable()
export class Retention implements OnModuleDestroy {
  private readonly logger = new Logger(Retention.name);
  private timer?: NodeJS.Timeout;
  private stopped = false;
  private sweeping: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly db: Collections,
    private readonly env: Env,
    private readonly removal: RunRemovalService,
    private readonly projects: ProjectRemovalService,
    private readonly leftovers: Leftovers,
    private readonly cache: CacheRemoval,
  ) {}

  start(): void {
    // Spread, so that replicas do not look in step.
    const wait = this.env.RETENTION_SWEEP_SECONDS * 1000 * (0.75 + Math.random() / 2);
    this.timer = setTimeout(() => {
      this.sweeping = this.sweep().catch((error: Error) => {
        this.logger.warn(`retention put off: ${error.message}`);
      });
      void this.sweeping.then(() => {
        if (!this.stopped) this.start();
      });
    }, wait);
  }

  async onModuleDestroy(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.sweeping;
  }

  /** One look at everything whose time is over, by the database's clock. @returns runs removed. */
  async sweep(): Promise<number> {
    const now = await this.db.now();
    await this.removal.finish(now, BATCH);
    await this.projects.finish(now, BATCH);
    const expired = await this.db.runs
      .find({ expires_at: { $lte: now }, state: { $in: [...TERMINAL_RUN_STATES] } })
      .sort({ expires_at: 1 })
      .limit(BATCH)
      .project<{ _id: string }>({ _id: 1 })
      .toArray();
    const removed = await this.removal.remove(
      expired.map(({ _id }) => _id),
      now,
    );
    const told = await this.removeNotifications(now);
    const events = await this.removeEvents(now);
    const datasets = await this.removeDatasets(now);
    const cached = await this.cache.sweep(now);
    const files = (await this.leftovers.sweep(now, BATCH)) + cached.files;
    if (removed + told + events + datasets + cached.entries + files > 0) {
      const what = `${removed} runs, ${told} notifications, ${events} trigger events, ${datasets} datasets, ${cached.entries} cached results and ${files} stray files`;
      this.logger.log(`retention removed ${what}`);
    }
    return removed;
  }

  /** Events of triggers that have come to something, or to nothing. */
  private async removeEvents(now: Date): Promise<number> {
    const over = { expires_at: { $lte: now }, state: { $in: ENDED_EVENTS } };
    const expired = await this.db.triggerEvents
      .find(over)
      .sort({ expires_at: 1 })
      .limit(EVENTS)
      .project<{ _id: string }>({ _id: 1 })
      .toArray();
    if (expired.length === 0) return 0;
    const $in = expired.map(({ _id }) => _id);
    return (await this.db.triggerEvents.deleteMany({ _id: { $in }, ...over })).deletedCount;
  }

  /** Datasets that no run has used that is still kept. One that is used again in this moment stays. */
  private async removeDatasets(now: Date): Promise<number> {
    const over = { expires_at: { $lte: now } };
    const expired = await this.db.datasets
      .find(over)
      .sort({ expires_at: 1 })
      .limit(DATASETS)
      .project<{ _id: string }>({ _id: 1 })
      .toArray();
    if (expired.length === 0) return 0;
    const $in = expired.map(({ _id }) => _id);
    return (await this.db.datasets.deleteMany({ _id: { $in }, ...over })).deletedCount;
  }

  /** Those that were sent or given up. One that somebody asks for again in this moment is PENDING, and stays. */
  private async removeNotifications(now: Date): Promise<number> {
    const over = { expires_at: { $lte: now }, state: { $in: ENDED } };
    const expired = await this.db.notifications
      .find(over)
      .sort({ expires_at: 1 })
      .limit(NOTIFICATIONS)
      .project<{ _id: string }>({ _id: 1 })
      .toArray();
    if (expired.length === 0) return 0;
    const $in = expired.map(({ _id }) => _id);
    return (await this.db.notifications.deleteMany({ _id: { $in }, ...over })).deletedCount;
  }
}
