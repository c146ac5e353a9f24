import { Injectable } from '@nestjs/common';
import { type Run, type Task, versionId } from '@tauro/database';
import {
  ACTIVE_RUN_STATES,
  conflict,
  DomainError,
  isTerminalRun,
  type JsonObject,
  MAIN,
  newId,
  notFound,
  STOP,
  subRunId,
  taskId,
  taskLabel,
} from '@tauro/domain';
import { resolveParams } from '@tauro/nodes';
import { Env } from '@tauro/platform';
import { Signals } from '@tauro/queue';
import { type mongo } from 'mongoose';
import { Advancer } from './advancer.js';
import { Collections, FAST, tolerateDuplicates } from './collections.js';
import { IDLE, WAITS_FOR_RUN } from './idle-tasks.js';
import { newTask } from './new-task.js';
import { PinnedVersions } from './pinned-versions.js';
import { PipelineService } from './pipeline.service.js';
import { RunRemovalService } from './retention/run-removal.service.js';
import { RunEnd } from './run-end.js';
import { overdue } from './overdue.js';
import { RunLogWriter } from './run-log.writer.js';
import { groupOf, summarise, type TaskGroup } from './run-progress.js';
import { RunAdmission } from './slots/run-admission.js';
import { TaskSlots } from './slots/task-slots.js';
import { retryPolicyOf } from './task-policy.js';

export interface CreateRun {
  project_id: string;
  /** An id, or a name: looked up in the project first, then among the discovered. */
  pipeline_id: string;
  params?: JsonObject;
  tags?: Record<string, string>;
  /** -100..100; higher is admitted and executed first. */
  priority?: number;
  /** Seconds it may take from its first task on; what its pipeline says unless given. */
  timeout_seconds?: number;
  /** When it must have ended, started or not. */
  deadline?: Date | null;
  /** Start it at once. */
  start?: boolean;
  request_id?: string | null;
}

/** A run to be stored: what it is pinned to is known already. */
export type PinnedRun = Omit<CreateRun, 'start'> &
  Pick<Run, 'pipeline_name' | 'pipeline_version'> &
  Partial<Pick<Run, 'schedule_id' | 'scheduled_for' | 'data_interval_start' | 'data_interval_end'>> & {
    /** Made up by the caller when something must refer to the run before it exists. */
    id?: string;
    rerun_of?: string;
    /** The task that makes it, in the run it belongs to. Then storing it a second time changes nothing. */
    parent?: { run: Run; task: Task };
    /** Whether its nodes execute even if the cache knows their result; as its parent's do unless given. */
    fresh?: boolean;
    /** Days to keep it once it has ended; the deployment's default unless given. */
    retention_days?: number | null;
    /** By node id; copied into the new run as they are. */
    reused?: ReadonlyMap<string, Task>;
  };

/** The state a paused run goes on in, in an update. */
const RESUMED = { $cond: [{ $eq: ['$started_at', null] }, 'QUEUED', 'RUNNING'] };

/** What a run that has begun must tidy up executes even when it was paused. */
const GOES_ON = { $cond: [{ $eq: ['$state', 'PAUSED'] }, RESUMED, '$state'] };

/** When the reconciler looks whether a start or a cancel was followed up. */
const FOLLOW_UP_MS = 10_000;

/** The life of a run as its owner steers it: create, start, cancel, delete. What tasks do is in TaskService. */
@Injectable()
export class RunService {
  constructor(
    private readonly db: Collections,
    private readonly env: Env,
    private readonly pipelines: PipelineService,
    private readonly versions: PinnedVersions,
    private readonly advancer: Advancer,
    private readonly runEnd: RunEnd,
    private readonly logs: RunLogWriter,
    private readonly signals: Signals,
    private readonly removal: RunRemovalService,
    private readonly admission: RunAdmission,
    private readonly slots: TaskSlots,
  ) {}

  /** @throws DomainError NOT_FOUND for an absent project or pipeline, VALIDATION_ERROR for params that do not fit. */
  async create(input: CreateRun): Promise<Run> {
    const project = await this.db.projects.findOne(
      { _id: input.project_id },
      { projection: { retention_days: 1 } },
    );
    if (!project) throw notFound('project', input.project_id);
    const pipeline = await this.pipelines.resolve(input.pipeline_id, input.project_id);
    const { definition } = await this.versions.get(versionId(pipeline._id, pipeline.version));
    const run = await this.insert({
      ...input,
      params: resolveParams(definition, input.params ?? {}),
      pipeline_id: pipeline._id,
      pipeline_name: pipeline.name,
      pipeline_version: pipeline.version,
      retention_days: project.retention_days,
    });
    return input.start ? this.start(run._id) : run;
  }

  /**
   * Stores the run that a `pipeline` node asks for; harmless to repeat. The reconciler looks after it until it is
   * started. @throws DomainError NOT_FOUND for an absent pipeline, VALIDATION_ERROR for params that do not fit.
   */
  async createSub(
    run: Run,
    task: Task,
    wanted: Pick<CreateRun, 'pipeline_id' | 'params' | 'timeout_seconds' | 'deadline'>,
  ): Promise<void> {
    const pipeline = await this.pipelines.resolve(wanted.pipeline_id, run.project_id);
    const { definition } = await this.versions.get(versionId(pipeline._id, pipeline.version));
    await this.insert({
      ...wanted,
      id: subRunId(task),
      parent: { run, task },
      project_id: run.project_id,
      pipeline_id: pipeline._id,
      pipeline_name: pipeline.name,
      pipeline_version: pipeline.version,
      params: resolveParams(definition, wanted.params ?? {}),
      tags: run.tags,
      priority: task.engine.priority,
      request_id: run.request_id,
      retention_days: run.engine.retention_days,
    });
  }

  /** Stores a run of a known version. @param pinned.reused tasks of an earlier run whose results stand. */
  async insert(pinned: PinnedRun): Promise<Run> {
    const version_id = versionId(pinned.pipeline_id, pinned.pipeline_version);
    const { definition, graph } = await this.versions.get(version_id);
    const { parent } = pinned;
    const now = new Date();
    const runId = pinned.id ?? newId('run', now.getTime());
    const tasks = graph.order.map((nodeId, position): Task => {
      const node = graph.nodes.get(nodeId)!;
      const max_attempts = retryPolicyOf(node.definition, definition, this.env).max_attempts!;
      const reused = pinned.reused?.get(nodeId);
      const own = { _id: taskId(runId, position), run_id: runId, created_at: now };
      return reused ? { ...reused, ...own } : { ...newTask(node, pinned.priority), ...own, max_attempts };
    });
    const timeout_seconds = pinned.timeout_seconds ?? definition.config?.run_timeout_seconds ?? null;
    const run: Run = {
      _id: runId,
      project_id: pinned.project_id,
      pipeline_id: pinned.pipeline_id,
      pipeline_name: pinned.pipeline_name,
      pipeline_version: pinned.pipeline_version,
      state: 'PENDING',
      params: pinned.params ?? {},
      tags: pinned.tags ?? {},
      priority: pinned.priority ?? 0,
      ...summarise(tasks.map(groupOf)),
      error: null,
      outputs: null,
      rerun_of: pinned.rerun_of ?? null,
      parent_run_id: parent?.run._id ?? null,
      parent_task_id: parent?.task._id ?? null,
      schedule_id: pinned.schedule_id ?? null,
      // A sub-run is about the same data.
      scheduled_for: pinned.scheduled_for ?? parent?.run.scheduled_for ?? null,
      data_interval_start: pinned.data_interval_start ?? parent?.run.data_interval_start ?? null,
      data_interval_end: pinned.data_interval_end ?? parent?.run.data_interval_end ?? null,
      timeout_seconds,
      deadline: pinned.deadline ?? null,
      created_at: now,
      updated_at: now,
      queued_at: null,
      started_at: null,
      finished_at: null,
      duration_seconds: null,
      cancel_requested_at: null,
      expires_at: null,
      request_id: pinned.request_id ?? null,
      engine: {
        version_id,
        depth: parent ? parent.run.engine.depth + 1 : 0,
        max_parallelism: definition.config?.max_parallelism ?? null,
        max_active_runs: definition.config?.max_active_runs ?? null,
        stage: MAIN,
        stop_below: 0,
        outcome: null,
        retention_days: pinned.retention_days ?? this.env.RETENTION_DAYS,
        ...(pinned.deadline && { expire_at: pinned.deadline }),
        ...(parent && { check_at: new Date(now.getTime() + FOLLOW_UP_MS) }),
        ...((pinned.fresh ?? parent?.run.engine.fresh) && { fresh: true }),
      },
    };
    // The tasks come first: a run that exists has all of its tasks, so whoever finds one may start it. The run's
    // own majority write makes the tasks durable too, because they stand before it in the oplog.
    const storing = async (): Promise<void> => {
      await this.db.tasks.insertMany(tasks, { ordered: false, ...FAST });
    };
    if (parent) {
      await tolerateDuplicates(storing());
      await tolerateDuplicates(this.db.runs.insertOne(run));
    } else {
      await storing();
      await this.db.runs.insertOne(run);
    }
    // Looked at last: whoever deletes the project finds this run, or this finds the project gone.
    if (!(await this.db.projects.findOne({ _id: run.project_id }, { projection: { _id: 1 } }))) {
      await this.db.runs.deleteOne({ _id: runId });
      await this.db.tasks.deleteMany({ run_id: runId });
      throw notFound('project', run.project_id);
    }
    return run;
  }

  /**
   * PENDING -> QUEUED, and its first tasks to the workers as soon as the limits of runs admit it. Repeating it is
   * harmless. @throws DomainError
   */
  async start(id: string): Promise<Run> {
    const now = new Date();
    const run = await this.db.runs.findOneAndUpdate(
      { _id: id, state: 'PENDING', cancel_requested_at: null },
      [
        {
          $set: {
            state: 'QUEUED',
            queued_at: now,
            updated_at: now,
            'engine.check_at': new Date(now.getTime() + FOLLOW_UP_MS),
            'engine.rank': this.admission.rank(now),
          },
        },
      ],
      { returnDocument: 'after' },
    );
    if (!run) {
      const current = await this.get(id);
      if (isTerminalRun(current.state))
        throw conflict(`run '${id}' is ${current.state} and cannot be started`);
      return current;
    }
    this.logs.append(
      id,
      null,
      'INFO',
      `run started: pipeline ${run.pipeline_name} version ${run.pipeline_version}`,
    );
    await this.logs.flush(id);
    if (await this.admission.enter(run)) await this.advancer.begin(run);
    this.signals.run(id, 'changed');
    return run;
  }

  /**
   * Asks a run to stop: what has not begun never will, what runs is aborted, and the run ends CANCELLED once
   * nothing runs any more. @throws DomainError CONFLICT for a terminal run.
   */
  async cancel(id: string): Promise<Run> {
    const now = new Date();
    const asked = await this.db.runs.findOneAndUpdate(
      { _id: id, state: { $in: ACTIVE_RUN_STATES }, cancel_requested_at: null },
      [
        {
          $set: {
            cancel_requested_at: now,
            updated_at: now,
            state: GOES_ON,
            'engine.stop_below': { $cond: [{ $eq: ['$started_at', null] }, STOP.all, STOP.cancel] },
            'engine.expire_at': this.cleanupEnd(now),
            'engine.check_at': new Date(now.getTime() + FOLLOW_UP_MS),
          },
        },
      ],
      { returnDocument: 'after' },
    );
    if (!asked) {
      const current = await this.get(id);
      if (isTerminalRun(current.state))
        throw conflict(`run '${id}' is ${current.state} and cannot be cancelled`);
      return current;
    }
    this.logs.append(id, null, 'WARNING', 'run is being cancelled');
    await this.logs.flush(id);
    await this.stop(asked);
    return this.get(id);
  }

  /** The same for a run that may have ended meanwhile, or is gone. */
  async cancelIfActive(id: string): Promise<void> {
    try {
      await this.cancel(id);
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
    }
  }

  /**
   * What comes of a run whose time is over: its main nodes stop, then its `on_failure` and `finally` nodes execute,
   * for `CLEANUP_SECONDS` at most. A second time, or when only those are left, it stops as a whole.
   */
  async expire({ _id: id, engine: { expire_at } }: Pick<Run, '_id' | 'engine'>): Promise<void> {
    const now = new Date();
    const late = { $or: [{ $gt: ['$engine.stop_below', 0] }, { $gt: ['$engine.stage', MAIN] }] };
    const all = { $or: [{ $eq: ['$started_at', null] }, late] };
    const expired = await this.db.runs.findOneAndUpdate(
      { _id: id, state: { $in: ACTIVE_RUN_STATES }, 'engine.expire_at': expire_at },
      [
        {
          $set: {
            updated_at: now,
            state: GOES_ON,
            'engine.expired': true,
            'engine.stop_below': { $cond: [all, STOP.all, STOP.expired] },
            'engine.expire_at': { $cond: [all, '$$REMOVE', this.cleanupEnd(now)] },
            'engine.check_at': new Date(now.getTime() + FOLLOW_UP_MS),
          },
        },
      ],
      { returnDocument: 'after' },
    );
    if (!expired) return;
    this.logs.append(id, null, 'ERROR', `run is being stopped: ${overdue(expired)}`);
    await this.logs.flush(id);
    await this.stop(expired);
  }

  private cleanupEnd(now: Date): Date {
    return new Date(now.getTime() + this.env.CLEANUP_SECONDS * 1000);
  }

  /** Starts nothing new until `resume`; what runs already goes on to its end. @throws DomainError CONFLICT */
  async pause(id: string): Promise<Run> {
    const paused = await this.db.runs.findOneAndUpdate(
      { _id: id, state: { $in: ['QUEUED', 'RUNNING'] }, cancel_requested_at: null },
      { $set: { state: 'PAUSED', updated_at: new Date() } },
    );
    if (paused) {
      this.logs.append(id, null, 'INFO', 'run paused');
      await this.logs.flush(id);
      this.signals.run(id, 'changed');
      return this.get(id);
    }
    const current = await this.get(id);
    if (current.state !== 'PAUSED')
      throw conflict(`run '${id}' is ${describe(current)} and cannot be paused`);
    return current;
  }

  /** Goes on where `pause` stopped. @throws DomainError CONFLICT for a run that is not paused. */
  async resume(id: string): Promise<Run> {
    const now = new Date();
    const resumed = await this.db.runs.findOneAndUpdate(
      { _id: id, state: 'PAUSED', cancel_requested_at: null },
      [
        {
          $set: {
            state: RESUMED,
            updated_at: now,
            'engine.check_at': new Date(now.getTime() + FOLLOW_UP_MS),
          },
        },
      ],
      { returnDocument: 'after' },
    );
    if (!resumed) {
      const current = await this.get(id);
      if (current.state === 'QUEUED' || current.state === 'RUNNING') return current;
      throw conflict(`run '${id}' is ${describe(current)} and cannot be resumed`);
    }
    this.logs.append(id, null, 'INFO', 'run resumed');
    await this.logs.flush(id);
    // One that has begun has kept its slots.
    if (resumed.state === 'RUNNING' || (await this.admission.enter(resumed)))
      await this.advancer.begin(resumed);
    this.signals.run(id, 'changed');
    return this.get(id);
  }

  /** What follows a cancel: tasks of the stages that it stops end. Harmless to repeat. */
  async stop({ _id: id, engine: { stop_below } }: Pick<Run, '_id' | 'engine'>): Promise<void> {
    const now = new Date();
    const below = { run_id: id, 'engine.stage': { $lt: stop_below } };
    const idle = { ...below, ...IDLE };
    const stopped = await this.db.tasks
      .find(idle)
      .project<Pick<Task, '_id' | 'node_id' | 'index' | 'attempt' | 'state' | 'engine'>>({
        node_id: 1,
        index: 1,
        attempt: 1,
        state: 1,
        'engine.pool': 1,
      })
      .toArray();
    for (const task of stopped) {
      const origin = { task_id: task._id, node_id: task.node_id, attempt: task.attempt };
      this.logs.append(id, origin, 'INFO', `task ${taskLabel(task)} ended CANCELLED`);
    }
    await this.logs.flush(id);
    await this.db.tasks.updateMany(
      idle,
      {
        $set: {
          state: 'CANCELLED',
          finished_at: now,
          'engine.advanced': true,
          'attempts.$[asleep].state': 'CANCELLED',
          'attempts.$[asleep].finished_at': now,
        },
        $unset: { 'engine.check_at': 1 },
      },
      { arrayFilters: [{ 'asleep.state': 'WAITING' }] },
    );
    await this.freePools(id, stopped);
    this.signals.stopped(id, stop_below);
    await this.stopSubRuns({ ...below, ...WAITS_FOR_RUN });
    await this.runEnd.proceed(id);
  }

  /** Runs that these tasks wait for; the tasks end when their runs have. */
  private async stopSubRuns(waiting: mongo.Filter<Task>): Promise<void> {
    const tasks = this.db.tasks.find(waiting).project<Pick<Task, 'sub_run_id'>>({ sub_run_id: 1 });
    for await (const { sub_run_id } of tasks) await this.cancelIfActive(sub_run_id!);
  }

  /** Queued tasks may have held slots of a pool already, which others wait for. */
  private async freePools(
    runId: string,
    stopped: Pick<Task, '_id' | 'node_id' | 'state' | 'engine'>[],
  ): Promise<void> {
    const pooled = stopped.filter(({ state, engine }) => state === 'QUEUED' && engine.pool !== undefined);
    const run = pooled.length > 0 ? await this.db.runs.findOne({ _id: runId }) : null;
    if (run) await this.slots.fill(await this.slots.leave(run, ...pooled));
  }

  /** Removes a terminal run and all it left. @throws DomainError */
  async delete(id: string): Promise<void> {
    const run = await this.get(id);
    if (!isTerminalRun(run.state)) {
      throw conflict(`run '${id}' is ${run.state}; cancel it before deleting it`);
    }
    await this.removal.remove([id]);
  }

  /** One run with live progress. @throws DomainError NOT_FOUND */
  async get(id: string): Promise<Run> {
    const run = await this.db.runs.findOne({ _id: id });
    if (!run) throw notFound('run', id);
    return (await this.withProgress([run]))[0]!;
  }

  /** The same runs with the progress and metrics of this moment; one query for all that are under way. */
  async withProgress(runs: Run[]): Promise<Run[]> {
    const moving = runs.filter((run) => run.state !== 'PENDING' && !isTerminalRun(run.state));
    if (moving.length === 0) return runs;
    const groups = await this.db.tasks
      .aggregate<TaskGroup & { run_id: string }>([
        { $match: { run_id: { $in: moving.map((run) => run._id) } } },
        {
          $group: {
            _id: { run_id: '$run_id', state: '$state' },
            count: { $sum: 1 },
            rows: { $sum: '$metrics.rows' },
            bytes: { $sum: '$metrics.bytes' },
            failures: { $sum: '$engine.failures' },
          },
        },
        { $replaceWith: { $mergeObjects: ['$$ROOT', '$_id'] } },
      ])
      .toArray();
    return runs.map((run) => {
      const own = groups.filter((group) => group.run_id === run._id);
      return own.length > 0 ? { ...run, ...summarise(own) } : run;
    });
  }
}

const describe = (run: Run): string =>
  run.cancel_requested_at && !isTerminalRun(run.state) ? 'being cancelled' : run.state;
