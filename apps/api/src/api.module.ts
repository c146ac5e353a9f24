import { type DynamicModule, Module } from '@nestjs/common';
import { DatabaseModule } from '@tauro/database';
import { OrchestrationModule } from '@tauro/orchestration';
import { type Env } from '@tauro/platform';
import { QueueModule } from '@tauro/queue';
import { LoggerModule, type Params } from 'nestjs-pino';
import { ArtifactsModule } from './artifacts/artifacts.module.js';
import { AuditModule } from './audit/audit.module.js';
import { AuthModule } from './auth/auth.module.js';
import { ConfigsModule } from './configs/configs.module.js';
import { EnvModule } from './env.module.js';
import { EventsModule } from './events/events.module.js';
import { HealthModule } from './health/health.module.js';
import { MetricsModule } from './health/metrics.module.js';
import { InfoController } from './info/info.controller.js';
import { LineageModule } from './lineage/lineage.module.js';
import { MarksModule } from './marks/marks.module.js';
import { NotificationsModule } from './notifications/notifications.module.js';
import { PipelinesModule } from './pipelines/pipelines.module.js';
import { PoolsModule } from './pools/pools.module.js';
import { ProjectsModule } from './projects/projects.module.js';
import { QualityModule } from './quality/quality.module.js';
import { RunsModule } from './runs/runs.module.js';
import { SchedulesModule } from './schedules/schedules.module.js';
import { SecretsModule } from './secrets/secrets.module.js';
import { RunStatisticsController } from './statistics/run-statistics.controller.js';
import { StatisticsController } from './statistics/statistics.controller.js';
import { HooksModule } from './hooks/hooks.module.js';
import { TriggersModule } from './triggers/triggers.module.js';
import { ConnectionsModule } from './connections/connections.module.js';
import { VariablesModule } from './variables/variables.module.js';
import { WorkersController } from './workers/workers.controller.js';

/** The HTTP side. It steers runs and shows them; it never executes a node. */
@Module({})
export class ApiModule {
  static forRoot(env: Env, logging: Params): DynamicModule {
    return {
      module: ApiModule,
      imports: [
        EnvModule.of(env),
        LoggerModule.forRoot(logging),
        DatabaseModule.forRoot(),
        QueueModule.forRoot(),
        OrchestrationModule,
        ArtifactsModule,
        AuditModule,
        AuthModule,
        EventsModule,
        HealthModule,
        ...(env.ENABLE_METRICS ? [MetricsModule] : []),
        ConfigsModule,
        LineageModule,
        MarksModule,
        NotificationsModule,
        ProjectsModule,
        PipelinesModule,
        PoolsModule,
        QualityModule,
        RunsModule,
        SchedulesModule,
        SecretsModule,
        ConnectionsModule,
        VariablesModule,
        TriggersModule,
        HooksModule,
      ],
      controllers: [InfoController, RunStatisticsController, StatisticsController, WorkersController],
    };
  }
}
