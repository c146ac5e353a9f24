import { type DynamicModule, Inject, Logger, Module, type OnModuleInit } from '@nestjs/common';
import { getConnectionToken, type ModelDefinition, MongooseModule } from '@nestjs/mongoose';
import { Env } from '@tauro/platform';
import mongoose, { type Connection as DatabaseConnection } from 'mongoose';
import { settleClosedConnections } from './closed-connections.js';
import { connectOptions } from './connect-options.js';
import { requireSchema } from './migrations/require-schema.js';
import { queryLog } from './query-log.js';
import { ApiKey, ApiKeySchema } from './schemas/api-key.schema.js';
import { AuditEntry, AuditEntrySchema } from './schemas/audit-entry.schema.js';
import { Backfill, BackfillSchema } from './schemas/backfill.schema.js';
import { ConfigPromotion, ConfigPromotionSchema } from './schemas/config-promotion.schema.js';
import { Config, ConfigSchema, ConfigVersion, ConfigVersionSchema } from './schemas/config.schema.js';
import { Dataset, DatasetSchema } from './schemas/dataset.schema.js';
import { IdempotencyKey, IdempotencyKeySchema } from './schemas/idempotency-key.schema.js';
import { Limit, LimitSchema } from './schemas/limit.schema.js';
import { NodeCacheEntry, NodeCacheEntrySchema } from './schemas/node-cache.schema.js';
import { Notification, NotificationSchema } from './schemas/notification.schema.js';
import {
  Pipeline,
  PipelineSchema,
  PipelineVersion,
  PipelineVersionSchema,
} from './schemas/pipeline.schema.js';
import { Pool, PoolSchema } from './schemas/pool.schema.js';
import { ProjectRemoval, ProjectRemovalSchema } from './schemas/project-removal.schema.js';
import { Project, ProjectSchema } from './schemas/project.schema.js';
import { QualityResult, QualityResultSchema } from './schemas/quality-result.schema.js';
import { Role, RoleSchema } from './schemas/role.schema.js';
import { RunLogChunk, RunLogChunkSchema } from './schemas/run-log.schema.js';
import { RunRemoval, RunRemovalSchema } from './schemas/run-removal.schema.js';
import { Run, RunSchema } from './schemas/run.schema.js';
import { ScheduleSlot, ScheduleSlotSchema } from './schemas/schedule-slot.schema.js';
import { Schedule, ScheduleSchema } from './schemas/schedule.schema.js';
import { Connection, ConnectionSchema } from './schemas/connection.schema.js';
import { Secret, SecretSchema } from './schemas/secret.schema.js';
import { SourceMark, SourceMarkSchema } from './schemas/source-mark.schema.js';
import { Task, TaskSchema } from './schemas/task.schema.js';
import { TriggerEvent, TriggerEventSchema } from './schemas/trigger-event.schema.js';
import { Trigger, TriggerSchema } from './schemas/trigger.schema.js';
import { Variable, VariableSchema } from './schemas/variable.schema.js';
import { WorkerRecord, WorkerRecordSchema } from './schemas/worker.schema.js';

/** By which a server says that it is MongoDB 8.0 or newer. */
const WIRE_VERSION_8 = 25;

/** A list of the schemas themselves would make the compiler unite their types, which are too large for that. */
const model = ({ name }: { name: string }, schema: unknown): ModelDefinition => ({ name, schema });

const MODELS = MongooseModule.forFeature([
  model(Project, ProjectSchema),
  model(ProjectRemoval, ProjectRemovalSchema),
  model(Pipeline, PipelineSchema),
  model(PipelineVersion, PipelineVersionSchema),
  model(Run, RunSchema),
  model(Task, TaskSchema),
  model(RunLogChunk, RunLogChunkSchema),
  model(RunRemoval, RunRemovalSchema),
  model(NodeCacheEntry, NodeCacheEntrySchema),
  model(Notification, NotificationSchema),
  model(Config, ConfigSchema),
  model(ConfigVersion, ConfigVersionSchema),
  model(ConfigPromotion, ConfigPromotionSchema),
  model(Dataset, DatasetSchema),
  model(IdempotencyKey, IdempotencyKeySchema),
  model(Limit, LimitSchema),
  model(Pool, PoolSchema),
  model(AuditEntry, AuditEntrySchema),
  model(Backfill, BackfillSchema),
  model(Schedule, ScheduleSchema),
  model(ScheduleSlot, ScheduleSlotSchema),
  model(Connection, ConnectionSchema),
  model(Secret, SecretSchema),
  model(SourceMark, SourceMarkSchema),
  model(Trigger, TriggerSchema),
  model(TriggerEvent, TriggerEventSchema),
  model(Variable, VariableSchema),
  model(WorkerRecord, WorkerRecordSchema),
  model(ApiKey, ApiKeySchema),
  model(Role, RoleSchema),
  model(QualityResult, QualityResultSchema),
]);

/** Every collection's model, for both apps. */
@Module({})
export class DatabaseModule implements OnModuleInit {
  private readonly logger = new Logger('Migrations');

  constructor(
    @Inject(getConnectionToken()) private readonly connection: DatabaseConnection,
    @Inject(Env) private readonly env: Env,
  ) {}

  static forRoot(): DynamicModule {
    settleClosedConnections();
    return {
      module: DatabaseModule,
      global: true,
      imports: [
        MongooseModule.forRootAsync({
          inject: [Env],
          useFactory: (env: Env) => ({ uri: env.MONGODB_URL, ...connectOptions(env) }),
        }),
        MODELS,
      ],
      exports: [MODELS],
    };
  }

  /**
   * Uniqueness lives in indexes, so nothing may be written before they exist. @throws SchemaError; Error when the server is
   * too old for writes to several collections in one request.
   */
  async onModuleInit(): Promise<void> {
    const { maxWireVersion } = await this.connection.db!.command({ hello: 1 });
    if (Number(maxWireVersion) < WIRE_VERSION_8) {
      throw new Error('the MongoDB at MONGODB_URL is older than 8.0: use 8.0 or newer');
    }
    if (this.env.SHOW_SQL_QUERIES) mongoose.set('debug', queryLog());
    await requireSchema(this.env, this.connection, (line) => this.logger.log(line));
  }
}
