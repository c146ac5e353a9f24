import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { type Notification } from '@tauro/database';
import { type NotificationChannel } from '@tauro/domain';
import {
  type ClaimedNotification,
  Collections,
  type Deliverer,
  NotificationOutbox,
} from '@tauro/orchestration';
import { redact } from '@tauro/platform';
import { parseTraceparent } from '@tauro/tracing';
import { type Channel, isFinal } from './channel.js';
import { DeliveryMetrics } from './delivery-metrics.js';
import { EmailChannel } from './email.js';
import { OpenLineageChannel } from './openlineage.js';
import { WebhookChannel } from './webhook.js';

/** At once in this process; sending is waiting, so it takes no slots of tasks. */
const AT_ONCE = 10;
/** Of these for one receiver, so that one that does not answer leaves room for the others. */
const PER_RECEIVER = 4;

/**
 * Sends what the outbox hands over. Wake-ups are only hints: one that finds no room here is dropped, and the
 * notification is found again by whoever has room.
 */
@Injectable()
export class Deliveries implements Deliverer, OnModuleInit {
  private readonly logger = new Logger('Notifications');
  private readonly underWay = new Set<Promise<void>>();
  private readonly channels: Record<NotificationChannel, Channel>;
  /** How many are under way for whom. */
  private readonly busy = new Map<string, number>();
  private claiming: Promise<unknown> = Promise.resolve();
  private closed = false;

  constructor(
    private readonly outbox: NotificationOutbox,
    private readonly db: Collections,
    private readonly metrics: DeliveryMetrics,
    webhook: WebhookChannel,
    email: EmailChannel,
    openlineage: OpenLineageChannel,
  ) {
    this.channels = { webhook, email, openlineage };
  }

  onModuleInit(): void {
    this.outbox.deliverBy(this);
  }

  get free(): number {
    return this.closed ? 0 : AT_ONCE - this.underWay.size;
  }

  get crowded(): string[] {
    return [...this.busy].filter(([, count]) => count >= PER_RECEIVER).map(([receiver]) => receiver);
  }

  take(id: string): void {
    if (this.free <= 0) return;
    const delivering = this.deliver(id)
      .catch((error: Error) => this.logger.warn(`${id}: put off: ${error.message}`))
      .finally(() => this.underWay.delete(delivering));
    this.underWay.add(delivering);
  }

  /** Takes nothing new; resolves once what is under way has ended, which its time limit sees to. */
  async close(): Promise<void> {
    this.closed = true;
    await Promise.all(this.underWay);
    for (const channel of Object.values(this.channels)) channel.close?.();
  }

  private async deliver(id: string): Promise<void> {
    const claimed = await this.claim(id);
    if (!claimed) return;
    const { receiver } = claimed.notification.engine;
    try {
      await this.send(claimed);
    } finally {
      this.busy.set(receiver, this.busy.get(receiver)! - 1);
      if (this.busy.get(receiver) === 0) this.busy.delete(receiver);
      setImmediate(() => void this.refill());
    }
  }

  /** One after the other, so that each sees for whom the others before it are. */
  private claim(id: string): Promise<ClaimedNotification | null> {
    const claiming = this.claiming.then(async () => {
      const claimed = await this.outbox.claim(id, this.crowded);
      const receiver = claimed?.notification.engine.receiver;
      if (receiver) this.busy.set(receiver, (this.busy.get(receiver) ?? 0) + 1);
      return claimed;
    });
    this.claiming = claiming.catch(() => undefined);
    return claiming;
  }

  /** Whoever found no room is looked for as soon as there is some. */
  private async refill(): Promise<void> {
    try {
      if (this.free > 0) await this.outbox.handOut(await this.db.now());
    } catch {
      // The reconciler looks again anyway.
    }
  }

  private async send(claimed: ClaimedNotification): Promise<void> {
    const { notification } = claimed;
    const trace = parseTraceparent(notification.engine.traceparent);
    const subject = {
      run_id: notification.run_id,
      project_id: notification.project_id,
      ...(trace && { trace_id: trace.traceId }),
    };
    try {
      await this.channels[notification.channel].send(notification);
    } catch (error) {
      const why = redact((error as Error).message);
      const failed = await this.outbox.failed(claimed, why, isFinal(error));
      const then = failed?.state === 'DEAD' ? 'given up' : `again in ${Math.round(failed?.seconds ?? 0)} s`;
      this.metrics.count(notification.channel, failed?.state === 'DEAD' ? 'dead' : 'failed');
      this.logger.warn(subject, `${named(notification)} not sent, ${then}: ${why}`);
      return;
    }
    await this.outbox.sent(claimed);
    this.metrics.count(notification.channel, 'sent');
    this.logger.log(subject, `${named(notification)} sent`);
  }
}

const named = ({ _id, event, channel, attempt }: Notification): string =>
  `${_id} (${event} by ${channel}, attempt ${attempt})`;
