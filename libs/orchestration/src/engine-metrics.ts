import { DURATION_BOUNDS } from '@tauro/database';
import { InjectQueue } from '@nestjs/bullmq';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import {
  NOTIFICATION_CHANNELS,
  type NotificationChannel,
  type NotificationState,
  type RunState,
} from '@tauro/domain';
import { SCHEDULE_QUEUE, TASK_QUEUE, WAKE_QUEUE } from '@tauro/queue';
import { type Queue } from 'bullmq';
import { Gauge, type Metric, register } from 'prom-client';
import { Breakers } from './breaker/breakers.js';
import { Collections } from './collections.js';
import { type RunDurations, StatisticsService } from './statistics/statistics.service.js';
import { WaitingCounter, type WaitingCounts } from './waiting-counts.js';
import { WorkerRegistry } from './worker-registry.js';

/** Scrapes within this time share one look at the stores. */
const FRESH_MS = 5000;
/** More than these would make a scrape long; the rest is in the API. */
const MAX_POOLS = 200;

interface RunFigures {
  byState: Partial<Record<RunState, number>>;
  durations: RunDurations;
}

const NOBODY: WaitingCounts = { runs: new Map(), tasks: new Map() };
const NOTHING: RunFigures = { byState: {}, durations: { within: [], count: 0, seconds: 0 } };

/**
 * What the whole deployment does, read from the stores when a scrape asks, so that every process reports the
 * same and a restart loses nothing. (The series of one process's own work are the processes' own.)
 */
@Injectable()
export class EngineMetrics implements OnModuleInit {
  private figures?: { at: number; value: Promise<RunFigures> };
  private counts?: { at: number; value: Promise<WaitingCounts> };

  constructor(
    private readonly db: Collections,
    private readonly workers: WorkerRegistry,
    private readonly breakers: Breakers,
    private readonly waiting: WaitingCounter,
    @InjectQueue(TASK_QUEUE) private readonly tasks: Queue,
    @InjectQueue(WAKE_QUEUE) private readonly wakes: Queue,
    @InjectQueue(SCHEDULE_QUEUE) private readonly schedules: Queue,
    private readonly statistics: StatisticsService,
  ) {}

  onModuleInit(): void {
    // While the database is away the rest of the metrics is wanted all the more.
    const runs = (): Promise<RunFigures> => this.runs().catch(() => NOTHING);
    register.registerMetric(
      stored('tauro_runs_total', 'Total number of pipeline runs', 'counter', async () =>
        Object.entries((await runs()).byState).map(([state, value]) => ({ labels: { state }, value })),
      ),
    );
    register.registerMetric(
      stored('tauro_run_duration_seconds', 'Pipeline run duration', 'histogram', async () => {
        const { within, count, seconds } = (await runs()).durations;
        let atMost = 0;
        const buckets = DURATION_BOUNDS.map((bound, place) => {
          atMost += within[place] ?? 0;
          return { suffix: '_bucket', labels: { le: String(bound) }, value: atMost };
        });
        return [
          ...buckets,
          { suffix: '_bucket', labels: { le: '+Inf' }, value: count },
          { suffix: '_sum', labels: {}, value: seconds },
          { suffix: '_count', labels: {}, value: count },
        ];
      }),
    );
    register.registerMetric(
      new Gauge({
        name: 'tauro_active_runs',
        help: 'Current number of running pipelines',
        registers: [],
        aggregator: 'first',
        async collect() {
          this.set((await runs()).byState.RUNNING ?? 0);
        },
      }),
    );
    const queues = [this.tasks, this.wakes, this.schedules];
    register.registerMetric(
      new Gauge({
        name: 'tauro_queue_depth',
        help: 'Jobs per queue and state',
        labelNames: ['queue', 'state'],
        registers: [],
        aggregator: 'first',
        async collect() {
          for (const queue of queues) {
            const counts = await queue
              .getJobCounts('wait', 'prioritized', 'active', 'delayed')
              .catch(() => null);
            for (const [state, count] of Object.entries(counts ?? {}))
              this.set({ queue: queue.name, state }, count);
          }
        },
      }),
    );
    register.registerMetric(
      new Gauge({
        name: 'tauro_queue_age_seconds',
        help: 'How long the job that is next in line has been waiting, by queue; 0 when none waits',
        labelNames: ['queue'],
        registers: [],
        aggregator: 'first',
        async collect() {
          this.reset();
          for (const queue of queues) {
            const seconds = await waitOf(queue).catch(() => undefined);
            if (seconds !== undefined) this.set({ queue: queue.name }, seconds);
          }
        },
      }),
    );
    const pools = (): ReturnType<EngineMetrics['poolSlots']> => this.poolSlots().catch(() => []);
    register.registerMetric(
      new Gauge({
        name: 'tauro_pool_slots',
        help: 'Slots of pools, and how many are taken',
        labelNames: ['pool', 'state'],
        registers: [],
        aggregator: 'first',
        async collect() {
          this.reset();
          for (const { name, slots, taken } of await pools()) {
            this.set({ pool: name, state: 'taken' }, taken);
            this.set({ pool: name, state: 'free' }, Math.max(0, slots - taken));
          }
        },
      }),
    );
    const waiting = (): Promise<WaitingCounts> => this.waitingCounts().catch(() => NOBODY);
    for (const [what, help] of [
      ['runs', 'Started runs that have not begun or are paused, by what they wait for'],
      ['tasks', 'Tasks that are ready or asleep, by what they wait for, in up to 1000 runs'],
    ] as const) {
      register.registerMetric(
        new Gauge({
          name: `tauro_waiting_${what}`,
          help,
          labelNames: ['waits_for'],
          registers: [],
          aggregator: 'first',
          async collect() {
            this.reset();
            for (const [waits_for, count] of (await waiting())[what]) this.set({ waits_for }, count);
          },
        }),
      );
    }
    const open = (): ReturnType<Breakers['open']> => this.breakers.open().catch(() => []);
    register.registerMetric(
      new Gauge({
        name: 'tauro_circuit_breakers',
        help: 'Circuit breakers that are not closed, by target',
        labelNames: ['target', 'state'],
        registers: [],
        aggregator: 'first',
        async collect() {
          this.reset();
          for (const { target, state } of await open()) this.set({ target, state }, 1);
        },
      }),
    );
    const unsent = (): ReturnType<EngineMetrics['unsent']> => this.unsent().catch(() => []);
    for (const [name, help, value] of [
      ['tauro_notifications_pending', 'Notifications that are not sent yet', 'count'],
      [
        'tauro_notifications_oldest_seconds',
        'Age of the oldest notification that is not sent yet',
        'seconds',
      ],
    ] as const) {
      register.registerMetric(
        new Gauge({
          name,
          help,
          labelNames: ['channel'],
          registers: [],
          aggregator: 'first',
          async collect() {
            this.reset();
            for (const { channel, ...figures } of await unsent()) this.set({ channel }, figures[value]);
          },
        }),
      );
    }
    const live = (): ReturnType<WorkerRegistry['live']> => this.workers.live().catch(() => []);
    register.registerMetric(
      new Gauge({
        name: 'tauro_workers',
        help: 'Live workers',
        registers: [],
        aggregator: 'first',
        async collect() {
          this.set((await live()).length);
        },
      }),
    );
    register.registerMetric(
      new Gauge({
        name: 'tauro_worker_slots',
        help: 'Slots of the live workers, and how many are taken',
        labelNames: ['state'],
        registers: [],
        aggregator: 'first',
        async collect() {
          const workers = await live();
          const slots = workers.reduce((sum, worker) => sum + worker.slots, 0);
          const running = workers.reduce((sum, worker) => sum + worker.running, 0);
          this.set({ state: 'taken' }, running);
          this.set({ state: 'free' }, Math.max(0, slots - running));
        },
      }),
    );
  }

  /** What waits to be sent, by channel; a channel without any is there too. */
  private async unsent(): Promise<{ channel: NotificationChannel; count: number; seconds: number }[]> {
    const groups = await this.db.notifications
      .aggregate<{ _id: NotificationChannel; count: number; oldest: Date; now: Date }>([
        { $match: { state: 'PENDING' satisfies NotificationState } },
        {
          $group: {
            _id: '$channel',
            count: { $sum: 1 },
            oldest: { $min: '$created_at' },
            now: { $max: '$$NOW' },
          },
        },
      ])
      .toArray();
    return NOTIFICATION_CHANNELS.map((channel) => {
      const group = groups.find(({ _id }) => _id === channel);
      const seconds = group ? Math.max(0, group.now.getTime() - group.oldest.getTime()) / 1000 : 0;
      return { channel, count: group?.count ?? 0, seconds };
    });
  }

  /** Slots of every pool; a pool's document says both, so nothing is counted. */
  private poolSlots(): Promise<{ name: string; slots: number; taken: number }[]> {
    return this.db.pools
      .find()
      .limit(MAX_POOLS)
      .project<{ name: string; slots: number; taken: number }>({
        name: 1,
        slots: 1,
        taken: { $sum: '$engine.limit.holders.weight' },
      })
      .toArray();
  }

  private waitingCounts(): Promise<WaitingCounts> {
    if (!this.counts || Date.now() - this.counts.at > FRESH_MS) {
      const value = this.waiting.count();
      this.counts = { at: Date.now(), value };
      value.catch(() => (this.counts = undefined));
    }
    return this.counts.value;
  }

  private runs(): Promise<RunFigures> {
    if (!this.figures || Date.now() - this.figures.at > FRESH_MS) {
      const value = this.countRuns();
      this.figures = { at: Date.now(), value };
      value.catch(() => (this.figures = undefined));
    }
    return this.figures.value;
  }

  private async countRuns(): Promise<RunFigures> {
    const [{ runs_by_state: byState }, durations] = await Promise.all([
      this.statistics.runs({}),
      this.statistics.durations(),
    ]);
    return { byState, durations };
  }
}

/** Seconds that the next job of a queue has been waiting since it could be taken. */
async function waitOf(queue: Queue): Promise<number> {
  const next = await Promise.all(
    (['prioritized', 'wait'] as const).map(async (state) => (await queue.getJobs([state], 0, 0, true))[0]),
  );
  const since = next.flatMap((job) => (job ? job.timestamp + job.delay : []));
  return since.length === 0 ? 0 : Math.max(0, Date.now() - Math.min(...since)) / 1000;
}

interface Sample {
  suffix?: string;
  labels: Record<string, string>;
  value: number;
}

/**
 * A metric whose values live in the database. prom-client's own counter and histogram can only be counted up
 * in memory, so this one implements what the registry asks of a metric.
 */
function stored(name: string, help: string, type: string, read: () => Promise<Sample[]>): Metric {
  return {
    name,
    help,
    async get() {
      const samples = await read().catch(() => []);
      const values = samples.map(({ suffix, labels, value }) => ({
        value,
        labels,
        metricName: `${name}${suffix ?? ''}`,
      }));
      return { name, help, type, values, aggregator: 'first' };
    },
    reset() {
      // Nothing is kept here.
    },
  } as unknown as Metric;
}
