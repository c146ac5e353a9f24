import { Injectable } from '@nestjs/common';
import { InjectConnection } from '@nestjs/mongoose';
import {
  type Pipeline,
  type PipelineVersion,
  type Project,
  type Run,
  type RunLogChunk,
  type RunRemoval,
  type Task,
  type WorkerRecord,
} from '@tauro/database';
import { type Connection, type mongo } from 'mongoose';

/**
 * The driver's collections, typed by the schema classes. The engine's writes are guarded updates whose exact
 * filter and shape are the point; a document layer between would only cast and cost.
 */
@Injectable()
export class Collections {
  constructor(@InjectConnection() private readonly connection: Connection) {}

  get projects(): mongo.Collection<Project> {
    return this.of('projects');
  }
  get pipelines(): mongo.Collection<Pipeline> {
    return this.of('pipelines');
  }
  get versions(): mongo.Collection<PipelineVersion> {
    return this.of('pipeline_versions');
  }
  get runs(): mongo.Collection<Run> {
    return this.of('pipeline_runs');
  }
  get tasks(): mongo.Collection<Task> {
    return this.of('tasks');
  }
  get logs(): mongo.Collection<RunLogChunk> {
    return this.of('run_logs');
  }
  get removals(): mongo.Collection<RunRemoval> {
    return this.of('run_removals');
  }
  get workers(): mongo.Collection<WorkerRecord> {
    return this.of('workers');
  }

  /** Round trip to the database. @throws when it is away. */
  async ping(): Promise<void> {
    await this.connection.db!.command({ ping: 1 }, { timeoutMS: 1000 });
  }

  /** The time by the database's clock, which leases are measured with. */
  async now(): Promise<Date> {
    const { localTime } = await this.connection.db!.command({ hello: 1 });
    return localTime as Date;
  }

  private of<T extends mongo.Document>(name: string): mongo.Collection<T> {
    return this.connection.db!.collection<T>(name);
  }
}

/**
 * For writes whose loss costs at most an execution or a few log lines: acknowledged by the primary alone.
 * Everything the API promised, and every terminal state, keeps the connection's `majority` and journal.
 */
export const FAST = { writeConcern: { w: 1 } } as const;
