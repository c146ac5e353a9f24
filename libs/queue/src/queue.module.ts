import { BullModule } from '@nestjs/bullmq';
import { type DynamicModule, Module } from '@nestjs/common';
import { Env } from '@tauro/platform';
import { JOB_OPTIONS, producerConnection, TASK_QUEUE, WAKE_QUEUE } from './queues.js';
import { RedisCommands } from './redis-commands.js';
import { Signals } from './signals.js';

/** The queues to add to and the signals, for both apps. Workers bring their own blocking connections. */
@Module({})
export class QueueModule {
  static forRoot(): DynamicModule {
    const queues = [TASK_QUEUE, WAKE_QUEUE].map((name) =>
      BullModule.registerQueueAsync({
        name,
        inject: [Env],
        useFactory: (env: Env) => ({
          connection: producerConnection(env.REDIS_URL!),
          prefix: env.QUEUE_PREFIX,
          defaultJobOptions: JOB_OPTIONS,
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
