import { Injectable, type Provider } from '@nestjs/common';
import { type NotificationChannel } from '@tauro/domain';
import { InjectMetric, makeCounterProvider } from '@willsoto/nestjs-prometheus';
import { type Counter } from 'prom-client';

const ATTEMPTS = 'tauro_notification_attempts_total';

/** What this worker has sent, and what it could not. */
@Injectable()
export class DeliveryMetrics {
  static readonly providers: Provider[] = [
    makeCounterProvider({
      name: ATTEMPTS,
      help: 'Attempts to send a notification, by what came of them',
      labelNames: ['channel', 'outcome'],
    }),
    DeliveryMetrics,
  ];

  constructor(@InjectMetric(ATTEMPTS) private readonly attempts: Counter) {}

  /** @param outcome `failed` when another attempt follows. */
  count(channel: NotificationChannel, outcome: 'sent' | 'failed' | 'dead'): void {
    this.attempts.inc({ channel, outcome });
  }
}
