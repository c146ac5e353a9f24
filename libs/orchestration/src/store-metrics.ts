import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Signals } from '@tauro/queue';
import { Histogram, register } from 'prom-client';
import { Collections } from './collections.js';

/** Each of them is asked once per scrape: what nobody reads costs nothing, and the stores' own commands are left alone. */
@Injectable()
export class StoreMetrics implements OnModuleInit {
  constructor(
    private readonly db: Collections,
    private readonly signals: Signals,
  ) {}

  onModuleInit(): void {
    const stores = { mongodb: () => this.db.ping(), redis: () => this.signals.ping() };
    register.registerMetric(
      new Histogram({
        name: 'tauro_store_latency_seconds',
        help: 'Round trip of a ping to a store, by store and whether it was answered; one per scrape',
        labelNames: ['store', 'outcome'],
        buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1],
        registers: [],
        async collect() {
          await Promise.all(
            Object.entries(stores).map(async ([store, ping]) => {
              const start = performance.now();
              const outcome = await ping().then(
                () => 'ok',
                () => 'error',
              );
              this.observe({ store, outcome }, (performance.now() - start) / 1000);
            }),
          );
        },
      }),
    );
  }
}
