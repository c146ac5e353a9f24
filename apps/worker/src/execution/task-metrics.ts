import { Injectable, type Provider } from '@nestjs/common';
import { InjectMetric, makeCounterProvider, makeHistogramProvider } from '@willsoto/nestjs-prometheus';
import { type Outcome } from '@tauro/orchestration';
import { type Counter, type Histogram } from 'prom-client';

const DURATION = 'tauro_task_duration_seconds';
const WAIT = 'tauro_task_wait_seconds';
const ATTEMPTS = 'tauro_task_attempts_total';
const QUALITY = 'tauro_quality_failures_total';

/** What this worker has executed. */
@Injectable()
export class TaskMetrics {
  static readonly providers: Provider[] = [
    makeHistogramProvider({
      name: DURATION,
      help: 'Duration of task attempts',
      labelNames: ['type', 'outcome'],
      buckets: [0.005, 0.02, 0.1, 0.5, 2, 10, 60, 300, 1800],
    }),
    makeHistogramProvider({
      name: WAIT,
      help: 'From a task being handed to the queue to its attempt beginning',
      labelNames: ['type'],
      buckets: [0.005, 0.02, 0.1, 0.5, 2, 10, 60, 300, 1800],
    }),
    makeCounterProvider({
      name: ATTEMPTS,
      help: 'Task attempts by outcome',
      labelNames: ['type', 'outcome'],
    }),
    makeCounterProvider({
      name: QUALITY,
      help: 'Quality checks that did not hold, by their type and severity',
      labelNames: ['type', 'severity'],
    }),
    TaskMetrics,
  ];

  constructor(
    @InjectMetric(DURATION) private readonly duration: Histogram,
    @InjectMetric(WAIT) private readonly wait: Histogram,
    @InjectMetric(ATTEMPTS) private readonly attempts: Counter,
    @InjectMetric(QUALITY) private readonly quality: Counter,
  ) {}

  /** An attempt begins. @param queuedAt by the clock of whoever queued it. */
  begin(type: string, queuedAt: Date | null): void {
    if (queuedAt) this.wait.observe({ type }, Math.max(0, Date.now() - queuedAt.getTime()) / 1000);
  }

  observe(type: string, outcome: Outcome | string, seconds: number): void {
    const labels = { type, outcome: typeof outcome === 'string' ? outcome.replace(' ', '_') : outcome.kind };
    this.duration.observe(labels, seconds);
    this.attempts.inc(labels);
    if (typeof outcome === 'string' || !('quality' in outcome)) return;
    for (const check of outcome.quality ?? []) {
      if (!check.passed) this.quality.inc({ type: check.type, severity: check.severity });
    }
  }
}
