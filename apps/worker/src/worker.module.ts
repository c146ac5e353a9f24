import { type DynamicModule, Module } from '@nestjs/common';
import { DatabaseModule } from '@tauro/database';
import { EngineMetrics, OrchestrationModule, StoreMetrics } from '@tauro/orchestration';
import { ArtifactStore, type NodeSettings } from '@tauro/nodes';
import { Env, loggerOptions } from '@tauro/platform';
import { QueueModule } from '@tauro/queue';
import { PrometheusModule } from '@willsoto/nestjs-prometheus';
import { LoggerModule } from 'nestjs-pino';
import { ContainerReaper } from './commands/container-reaper.js';
import { Consumers } from './consumers.js';
import { EnvModule } from './env.module.js';
import { TasksInHand } from './execution/in-hand.js';
import { NodeCache } from './execution/node-cache.js';
import { TaskMetrics } from './execution/task-metrics.js';
import { TargetGuard } from './execution/target-guard.js';
import { TaskRunner } from './execution/task-runner.js';
import { VariableReader } from './execution/variable-reader.js';
import { CommandPool } from './executors/command-pool.js';
import { type HandlerPool } from './executors/handler-pool.js';
import { TablePool } from './executors/table-pool.js';
import { Hearing } from './hearing.js';
import { MetricsServer } from './metrics-server.js';
import { Deliveries } from './notifications/deliveries.js';
import { DeliveryMetrics } from './notifications/delivery-metrics.js';
import { EmailChannel } from './notifications/email.js';
import { OpenLineageChannel } from './notifications/openlineage.js';
import { WebhookChannel } from './notifications/webhook.js';
import { Presence } from './presence.js';
import { ScheduleProcessor } from './processors/schedule.processor.js';
import { TaskProcessor } from './processors/task.processor.js';
import { WakeProcessor } from './processors/wake.processor.js';
import { ARTIFACTS, COMMANDS, HANDLERS, NODE_SETTINGS } from './tokens.js';
import { newWorkerId, WORKER_ID } from './worker-id.js';

/** The processes beside the worker. */
export interface Pools {
  handlers: HandlerPool;
  tables: TablePool;
  commands: CommandPool;
}

/**
 * The worker: the same libraries as the API without its HTTP. It alone executes nodes, so that nothing a node
 * does can slow down or take down the API.
 */
@Module({})
export class WorkerModule {
  static forRoot(env: Env, { handlers, tables, commands }: Pools, settings: NodeSettings): DynamicModule {
    return {
      module: WorkerModule,
      imports: [
        EnvModule.forRoot(env),
        LoggerModule.forRoot(loggerOptions(env, 'worker')),
        DatabaseModule.forRoot(),
        QueueModule.forRoot(),
        OrchestrationModule,
        // The metrics are served by MetricsServer: a worker has no Nest routes.
        PrometheusModule.register({ controller: NoController }),
      ],
      providers: [
        Consumers,
        ContainerReaper,
        Deliveries,
        EmailChannel,
        EngineMetrics,
        Hearing,
        MetricsServer,
        NodeCache,
        OpenLineageChannel,
        Presence,
        ScheduleProcessor,
        StoreMetrics,
        TargetGuard,
        TaskProcessor,
        TaskRunner,
        TasksInHand,
        VariableReader,
        WakeProcessor,
        WebhookChannel,
        ...DeliveryMetrics.providers,
        ...TaskMetrics.providers,
        { provide: WORKER_ID, useValue: newWorkerId(env.WORKER_ID) },
        { provide: HANDLERS, useValue: handlers },
        { provide: COMMANDS, useExisting: CommandPool },
        { provide: CommandPool, useValue: commands },
        { provide: TablePool, useValue: tables },
        { provide: ARTIFACTS, useValue: new ArtifactStore(env.ARTIFACTS_URL) },
        { provide: NODE_SETTINGS, useValue: settings },
      ],
    };
  }
}

class NoController {}
