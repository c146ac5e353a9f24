import { type INestApplicationContext } from '@nestjs/common';
import { type DynamicModule, Global, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { DatabaseModule } from '@tauro/database';
import {
  type JsonObject,
  type NodeDefinition,
  newId,
  type PipelineDefinition,
  taskLabel,
} from '@tauro/domain';
import {
  type ClaimedTask,
  Advancer,
  Collections,
  OrchestrationModule,
  type Outcome,
  PipelineService,
  Reconciler,
  RunCreation,
  RunEnd,
  RunService,
  TaskService,
} from '@tauro/orchestration';
import { Env, loadEnv } from '@tauro/platform';
import { QueueModule, TASK_QUEUE } from '@tauro/queue';
import { getQueueToken } from '@nestjs/bullmq';
import { type Queue } from 'bullmq';
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

@Global()
@Module({})
class TestEnv {
  static of(env: Env): DynamicModule {
    return { module: TestEnv, providers: [{ provide: Env, useValue: env }], exports: [Env] };
  }
}

@Module({})
class EngineModule {
  static of(env: Env): DynamicModule {
    const imports = [TestEnv.of(env), DatabaseModule.forRoot(), QueueModule.forRoot(), OrchestrationModule];
    return { module: EngineModule, imports };
  }
}

/**
 * The engine's services on real stores, without a worker: the test itself claims and settles, so that it can
 * stop between any two steps, as a crash would.
 */
export class Engine {
  readonly db: Collections;
  readonly runs: RunService;
  readonly tasks: TaskService;
  readonly reconciler: Reconciler;
  readonly jobs: Queue;
  project = '';

  private constructor(
    readonly app: INestApplicationContext,
    readonly database: string,
  ) {
    this.db = app.get(Collections);
    this.runs = app.get(RunService);
    this.tasks = app.get(TaskService);
    this.reconciler = app.get(Reconciler);
    this.jobs = app.get<Queue>(getQueueToken(TASK_QUEUE));
  }

  /** @param database of another engine, to be a second process of the same deployment. */
  static async start(
    database = `tauro_test_${randomBytes(6).toString('hex')}`,
    variables: Record<string, string> = {},
  ): Promise<Engine> {
    const env = loadEnv([], {
      MONGODB_URL: process.env.TEST_MONGODB_URL,
      REDIS_URL: process.env.TEST_REDIS_URL,
      MONGODB_DATABASE: database,
      QUEUE_PREFIX: database,
      // Tests make runs that they never end.
      MAX_CONCURRENT_RUNS: '0',
      LOG_FILE: 'none',
      // Never the folder of a server that was started here: tests sweep it.
      ARTIFACTS_URL: join(tmpdir(), database),
      ...variables,
    });
    const app = await NestFactory.createApplicationContext(EngineModule.of(env), {
      logger: false,
      abortOnError: false,
    });
    const engine = new Engine(app, database);
    const project = await engine.db.projects.findOne();
    engine.project = project?._id ?? newId('proj');
    if (!project) {
      const now = new Date();
      await engine.db.projects.insertOne({
        _id: engine.project,
        name: 'test',
        name_key: 'test',
        description: '',
        owner: null,
        metadata: {},
        retention_days: null,
        notifications: null,
        created_at: now,
        updated_at: now,
        revision: 1,
        request_id: null,
      });
    }
    return engine;
  }

  async stop(options: { drop?: boolean } = {}): Promise<void> {
    if (options.drop) {
      await this.jobs.obliterate({ force: true });
      await this.db.runs.db.dropDatabase();
      rmSync(join(tmpdir(), this.database), { recursive: true, force: true });
    }
    await this.app.close();
  }

  /** A started run of a pipeline made of these nodes. */
  async run(
    nodes: NodeDefinition[],
    rest: Partial<PipelineDefinition> = {},
    params: JsonObject = {},
  ): Promise<string> {
    const run = await this.create(nodes, rest, params);
    await this.runs.start(run);
    return run;
  }

  async create(
    nodes: NodeDefinition[],
    rest: Partial<PipelineDefinition> = {},
    params: JsonObject = {},
    priority = 0,
  ): Promise<string> {
    const name = `p_${randomBytes(6).toString('hex')}`;
    const { pipeline } = await this.app
      .get(PipelineService)
      .create({ project_id: this.project, definition: { name, nodes, ...rest } });
    const run = await this.app.get(RunCreation).create({
      project_id: this.project,
      pipeline_id: pipeline._id,
      params,
      priority,
    });
    return run._id;
  }

  /** Claims the task of a node, as a worker does when its job arrives. */
  async claim(
    runId: string,
    nodeId: string,
    worker = 'w1',
    index: number | null = null,
  ): Promise<ClaimedTask> {
    const task = await this.db.tasks.findOne({ run_id: runId, node_id: nodeId, index });
    const claimed = await this.tasks.claim(task!._id, runId, worker);
    if (!claimed) throw new Error(`nothing to claim: ${nodeId} is ${task!.state}`);
    return claimed;
  }

  async finish(runId: string, nodeId: string, outcome: Outcome = DONE): Promise<void> {
    await this.tasks.settle(await this.claim(runId, nodeId), outcome);
  }

  /** The same for one item of a mapped node. */
  async finishItem(runId: string, nodeId: string, index: number, outcome: Outcome = DONE): Promise<void> {
    await this.tasks.settle(await this.claim(runId, nodeId, 'w1', index), outcome);
  }

  /** State by node id, and by `node[index]` for items. */
  async states(runId: string): Promise<Record<string, string>> {
    const tasks = await this.db.tasks.find({ run_id: runId }).sort({ _id: 1 }).toArray();
    return Object.fromEntries(tasks.map((task) => [taskLabel(task), task.state]));
  }

  async state(runId: string): Promise<string> {
    return (await this.db.runs.findOne({ _id: runId }))!.state;
  }

  /** Resolves once nothing is left that this process stores with a delay. */
  async settled(): Promise<void> {
    await Promise.all([this.app.get(Advancer).flushMarks(), this.app.get(RunEnd).flushMarks()]);
  }

  /** Lets the time pass at which the reconciler looks, then lets it look. */
  async reconcile(): Promise<void> {
    await this.settled();
    const past = { $set: { 'engine.check_at': new Date(0) } };
    const pending = { 'engine.check_at': { $exists: true } };
    const long = { $set: { 'engine.limit.check_at': new Date(0) } };
    const held = { 'engine.limit.check_at': { $exists: true } };
    await Promise.all([
      this.db.tasks.updateMany(pending, past),
      this.db.runs.updateMany(pending, past),
      ...[this.db.runs, this.db.pools, this.db.limits].map((limits) =>
        (limits as typeof this.db.limits).updateMany(held, long),
      ),
    ]);
    await this.reconciler.sweep();
    await this.settled();
  }
}

export const DONE: Outcome = { kind: 'success', output: null };
export const FAILED: Outcome = {
  kind: 'failure',
  error: { type: 'Boom', message: 'boom' },
  retryable: false,
};
