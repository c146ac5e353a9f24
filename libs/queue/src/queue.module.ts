import { BullModule } from '@nestjs/bullmq';
import { type DynamicModule, Module } from '@nestjs/common';
import { Env } from '@tauro/platform';
import { type QueueOptions, Queue } from 'bullmq';
import { JOB_OPTIONS, producerConnection, SCHEDULE_QUEUE, TASK_QUEUE, WAKE_QUEUE } from './queues.js';
import { scheduleRepeat } from './schedule-pattern.js';
import { RedisCommands } from './redis-commands.js';
import { Signals } from './signals.js';

/**
 * BullMQ prints errors that nobody listens to, past the logger. They say that Redis is away, which `RedisCommands`
 * tells once.
 */
class QuietQueue extends Queue {
  constructor(name: string, options: QueueOptions) {
    super(name, options);
    this.on('error', () => undefined);
  }
}

/** The queues to add to and the signals, for both apps. Workers bring their own blocking connections. */
@Module({})
export class QueueModule {
  static forRoot(): DynamicModule {
    BullModule.queueClass = QuietQueue;
    const queues = [TASK_QUEUE, WAKE_QUEUE, SCHEDULE_QUEUE].map((name) =>
      BullModule.registerQueueAsync({
        name,
        inject: [Env],
        useFactory: (env: Env) => ({
          connection: producerConnection(env.REDIS_URL!),
          prefix: env.QUEUE_PREFIX,
          defaultJobOptions: JOB_OPTIONS,
          ...(name === SCHEDULE_QUEUE && { settings: { repeatStrategy: scheduleRepeat } }),
        }),
      }),
    );
    return {
      module: QueueModule,
      global: true,
      imports: queues,
      providers: [RedisCommands, Signals],
      exports: [...queues, RedisCommands, Signals],
    };
  }
}
