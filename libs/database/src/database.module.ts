import { type DynamicModule, Inject, Module, type OnModuleInit } from '@nestjs/common';
import { getConnectionToken, type ModelDefinition, MongooseModule } from '@nestjs/mongoose';
import { Env } from '@tauro/platform';
import mongoose, { type Connection, type ConnectOptions } from 'mongoose';
import { settleClosedConnections } from './closed-connections.js';
import { queryLog } from './query-log.js';
import { Backfill, BackfillSchema } from './schemas/backfill.schema.js';
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
import { Project, ProjectSchema } from './schemas/project.schema.js';
import { RunLogChunk, RunLogChunkSchema } from './schemas/run-log.schema.js';
import { RunRemoval, RunRemovalSchema } from './schemas/run-removal.schema.js';
import { Run, RunSchema } from './schemas/run.schema.js';
import { ScheduleSlot, ScheduleSlotSchema } from './schemas/schedule-slot.schema.js';
import { Schedule, ScheduleSchema } from './schemas/schedule.schema.js';
import { Task, TaskSchema } from './schemas/task.schema.js';
import { TriggerEvent, TriggerEventSchema } from './schemas/trigger-event.schema.js';
import { Trigger, TriggerSchema } from './schemas/trigger.schema.js';
import { WorkerRecord, WorkerRecordSchema } from './schemas/worker.schema.js';

/** By which a server says that it is MongoDB 8.0 or newer. */
const WIRE_VERSION_8 = 25;

/** A list of the schemas themselves would make the compiler unite their types, which are too large for that. */
const model = ({ name }: { name: string }, schema: unknown): ModelDefinition => ({ name, schema });

const MODELS = MongooseModule.forFeature([
  model(Project, ProjectSchema),
  model(Pipeline, PipelineSchema),
  model(PipelineVersion, PipelineVersionSchema),
  model(Run, RunSchema),
  model(Task, TaskSchema),
  model(RunLogChunk, RunLogChunkSchema),
  model(RunRemoval, RunRemovalSchema),
  model(NodeCacheEntry, NodeCacheEntrySchema),
  model(Notification, NotificationSchema),
  model(Limit, LimitSchema),
  model(Pool, PoolSchema),
  model(Backfill, BackfillSchema),
  model(Schedule, ScheduleSchema),
  model(ScheduleSlot, ScheduleSlotSchema),
  model(Trigger, TriggerSchema),
  model(TriggerEvent, TriggerEventSchema),
  model(WorkerRecord, WorkerRecordSchema),
]);

/**
 * How every process talks to MongoDB. Writes are acknowledged by a majority and journalled unless one says
 * otherwise, so what the API promised survives a crash of the primary.
 */
export function connectOptions(env: Env): ConnectOptions {
  return {
    dbName: env.MONGODB_DATABASE,
    maxPoolSize: env.MONGODB_POOL_SIZE,
    maxIdleTimeMS: env.MONGODB_MAX_IDLE_TIME * 1000,
    // A client should hear of an outage soon; a worker asks again by itself.
    serverSelectionTimeoutMS: Math.min(env.MONGODB_TIMEOUT * 1000, 2000),
    connectTimeoutMS: env.MONGODB_TIMEOUT * 1000,
    socketTimeoutMS: env.MONGODB_TIMEOUT * 1000,
    writeConcern: { w: 'majority', journal: true },
    // The driver would repeat a write on a primary that may have forgotten what the write was concluded from. Whoever
    // wrote decides: a worker looks again, a client gets a 503 and repeats its request.
    retryWrites: false,
    autoIndex: false,
    autoCreate: false,
    // A model call while the store is away fails at once; the caller answers 503 or tries again later.
    bufferCommands: false,
  };
}

/** Every collection's model, for both apps. */
@Module({})
export class DatabaseModule implements OnModuleInit {
  constructor(
    @Inject(getConnectionToken()) private readonly connection: Connection,
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
   * Uniqueness lives in these indexes, so nothing may be written before they exist. @throws Error when the server is too
   * old for writes to several collections in one request.
   */
  async onModuleInit(): Promise<void> {
    const { maxWireVersion } = await this.connection.db!.command({ hello: 1 });
    if (Number(maxWireVersion) < WIRE_VERSION_8) {
      throw new Error('the MongoDB at MONGODB_URL is older than 8.0: use 8.0 or newer');
    }
    if (this.env.SHOW_SQL_QUERIES) mongoose.set('debug', queryLog());
    await Promise.all(Object.values(this.connection.models).map((model) => model.createIndexes()));
  }
}
