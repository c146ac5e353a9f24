import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { Env } from '@tauro/platform';
import { type mongo } from 'mongoose';
import { Clock } from '../clock.js';
import { Collections, FAST } from '../collections.js';
import { BackfillService } from './backfill.service.js';
import { ScheduleWakes } from './schedule-wakes.js';
import { Ticker } from './ticker.js';

/** Most schedules looked at per sweep; the rest follows at once. */
const BATCH = 200;
/** How long one replica keeps what it took up to itself. */
const HOLD_MS = 10_000;
const ALARMS_MS = 60_000;

/**
 * Sees to it that no slot depends on an alarm: what is overdue is found in the database, and the alarms in Redis are
 * made what the database says, on boot and every minute. It runs in every worker; two at once are harmless.
 */
@Injectable()
export class Scheduler implements OnModuleDestroy {
  private readonly logger = new Logger(Scheduler.name);
  private timer?: NodeJS.Timeout;
  private alarmsAt = 0;
  private stopped = false;
  private looking: Promise<void> = Promise.resolve();

  constructor(
    private readonly db: Collections,
    private readonly env: Env,
    private readonly clock: Clock,
    private readonly ticker: Ticker,
    private readonly backfills: BackfillService,
    private readonly wakes: ScheduleWakes,
  ) {}

  start(): void {
    const loop = (): void => {
      this.looking = this.look().catch((error: Error) => {
        this.logger.warn(`put off: ${error.message}`);
      });
      void this.looking.then(() => {
        // Spread, so that replicas do not look in step.
        if (!this.stopped)
          this.timer = setTimeout(loop, this.env.RECONCILE_SECONDS * 1000 * (0.75 + Math.random() / 2));
      });
    };
    loop();
  }

  async onModuleDestroy(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.looking;
  }

  private async look(): Promise<void> {
    await this.clock.ask();
    await this.sweep();
    if (performance.now() - this.alarmsAt < ALARMS_MS && this.alarmsAt > 0) return;
    await this.wakes.reconcile(await this.clock.now());
    this.alarmsAt = performance.now();
  }

  /** Looks at every schedule and every backfill that nothing has woken in time. */
  async sweep(): Promise<void> {
    await this.sweepOf(this.db.schedules, (id) => this.ticker.tick(id));
    await this.sweepOf(this.db.backfills, (id) => this.backfills.advance(id));
  }

  private async sweepOf(stored: object, action: (id: string) => Promise<void>): Promise<void> {
    const collection = stored as mongo.Collection<{ _id: string }>;
    for (;;) {
      const now = await this.clock.now();
      const due = { 'engine.check_at': { $lte: now } };
      const found = await collection.find(due).sort({ 'engine.check_at': 1 }).limit(BATCH).toArray();
      if (found.length === 0) return;
      const ids = found.map(({ _id }) => _id);
      const held = { $set: { 'engine.check_at': new Date(now.getTime() + HOLD_MS) } };
      await collection.updateMany({ _id: { $in: ids }, ...due }, held, FAST);
      await Promise.all(
        ids.map((id) =>
          action(id).catch((error: Error) => this.logger.warn(`${id}: put off: ${error.message}`)),
        ),
      );
      if (this.stopped || found.length < BATCH) return;
    }
  }
}
