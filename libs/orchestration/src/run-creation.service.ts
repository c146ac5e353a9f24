import { Injectable } from '@nestjs/common';
import {
  type Project,
  type Run,
  type RunLogChunk,
  type Schedule,
  type Task,
  versionId,
} from '@tauro/database';
import {
  DomainError,
  itemTaskId,
  type JsonObject,
  MAIN,
  newId,
  notFound,
  subRunId,
  taskId,
} from '@tauro/domain';
import { resolveParams } from '@tauro/nodes';
import { Env } from '@tauro/platform';
import { Signals } from '@tauro/queue';
import { Advancer } from './advancer.js';
import { type Batches } from './batches.js';
import { Collections, joinedFind } from './collections.js';
import { Dispatcher } from './dispatcher.js';
import { pendingTask } from './new-task.js';
import { LineageEvents } from './lineage/lineage-events.js';
import { RunNotifier } from './notifications/run-notifier.js';
import { type PinnedVersion, PinnedVersions } from './pinned-versions.js';
import { PipelineService } from './pipeline.service.js';
import { RunLogWriter } from './run-log.writer.js';
import { groupOf, summarise } from './run-progress.js';
import { traceparentOfNew } from './run-trace.js';
import { type Birth, RunStore } from './run-store.js';
import { type LimitRef } from './slots/limit-ref.js';
import { RunAdmission } from './slots/run-admission.js';

export interface CreateRun {
  project_id: string;
  /** An id, or a name: looked up in the project first, then among the discovered. */
  pipeline_id: string;
  params?: JsonObject;
  /** A config of the project: the run is pinned to its current version. */
  config_id?: string;
  /** A version of a config of the project, instead. */
  config_version_id?: string;
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
  /** The slot of a schedule that it is for. */
  slot?: RunSlot;
  /** The trigger that wants it. */
  trigger?: RunTrigger;
}

/** What decides whether a run can be made. */
type WantedOf = Pick<CreateRun, 'project_id' | 'pipeline_id' | 'params' | 'config_id' | 'config_version_id'>;

/** When the data of a run is from. */
type DataTimes = Pick<Run, 'scheduled_for' | 'data_interval_start' | 'data_interval_end'>;

/** What a run of a trigger is given by it. */
export interface RunTrigger extends DataTimes, Pick<Run, 'trigger_id' | 'triggered_by_run_id'> {
  /** Decided upon before the run was made, so that making it can be repeated. */
  run_id: string;
  /** Whether it may exist already, or a part of it. */
  repeated: boolean;
  trigger_depth: number;
  /** Of what the trigger waited for; of the request unless given. */
  traceparent?: string;
}

/** What a run of a schedule is given by it. */
export interface RunSlot extends DataTimes, Pick<Run, 'schedule_id'> {
  /** As it was just read. */
  schedule?: Schedule;
  /** Decided upon before the run was made, so that making it can be repeated. */
  run_id: string;
  /** Whether it may exist already, or a part of it. */
  repeated: boolean;
  /** Whose turn it waits for. */
  group?: Run['engine']['group'];
  /** When it was decided upon: its place in the queue, where runs of the same moment go by their ids. */
  decided_at: Date;
  /** Whether tasks without a policy of their own are attempted more than once; as usual unless given. */
  retry_on_failure?: boolean;
}

/** A run to be stored: what it is pinned to is known already. */
export type PinnedRun = Omit<CreateRun, 'start' | 'slot' | 'trigger' | 'config_id' | 'config_version_id'> &
  Pick<Run, 'pipeline_name' | 'pipeline_version'> &
  Partial<Pick<Run, 'config_version_id'>> &
  Partial<DataTimes & Pick<Run, 'schedule_id' | 'trigger_id' | 'triggered_by_run_id'>> &
  Partial<
    Pick<RunSlot, 'repeated' | 'group' | 'decided_at' | 'retry_on_failure' | 'schedule'> &
      Pick<RunTrigger, 'trigger_depth' | 'traceparent'>
  > & {
    /** Made up by the caller when something must refer to the run before it exists. */
    id?: string;
    rerun_of?: string;
    /** The task that makes it, in the run it belongs to. Then storing it a second time changes nothing. */
    parent?: { run: Run; task: Task };
    /** Whether its nodes execute even if the cache knows their result; as its parent's do unless given. */
    fresh?: boolean;
    /** Days to keep it once it has ended; the deployment's default unless given. */
    retention_days?: number | null;
    /** Whether its project has notification settings; found out when it ends unless given. */
    notify?: boolean;
    /** By node id; copied into the new run as they are. */
    reused?: ReadonlyMap<string, Task>;
    /** Likewise those of items of mapped nodes. */
    reused_items?: Task[];
  };

/** A run that is not stored yet. */
export interface NewRun {
  run: Run;
  /** All of them; they are stored before it. */
  tasks: Task[];
  /** Of one that is born QUEUED. */
  started?: {
    /** Of its log; stored before it. */
    firstLine: RunLogChunk;
    /** Hands it over once it is stored; should that fail, the reconciler does. @returns the run as it is then. */
    begin: () => Promise<Run>;
  };
}

/** What a run can be made of: see `RunCreation.accept`. */
export type Accepted = Awaited<ReturnType<RunCreation['accept']>>;

/** Until its tasks are counted. */
const NOTHING = summarise([]);
/** When the reconciler looks whether a start was followed up, or a sub-run started. */
const FOLLOW_UP_MS = 10_000;

/** Stores new runs, each pinned to a version and with all of its tasks; one that is to start at once is born QUEUED. */
@Injectable()
export class RunCreation {
  private readonly projects: Batches<string, Project | null>;

  constructor(
    private readonly db: Collections,
    private readonly env: Env,
    private readonly pipelines: PipelineService,
    private readonly versions: PinnedVersions,
    private readonly store: RunStore,
    private readonly advancer: Advancer,
    private readonly dispatcher: Dispatcher,
    private readonly admission: RunAdmission,
    private readonly logs: RunLogWriter,
    private readonly signals: Signals,
    private readonly notifier: RunNotifier,
    private readonly lineage: LineageEvents,
  ) {
    this.projects = joinedFind(() => this.db.projects);
  }

  /**
   * Whether a run could be made of these now, and what of.
   * @returns the params with the defaults of the pipeline filled in.
   * @throws DomainError NOT_FOUND for an absent project, pipeline or config, VALIDATION_ERROR for params that do not fit.
   */
  async accept({ project_id, pipeline_id, params = {}, ...config }: WantedOf) {
    const [project, pipeline, config_version_id] = await Promise.all([
      this.projects.ask(project_id),
      this.pipelines.resolve(pipeline_id, project_id).catch((error: Error) => error),
      this.configVersion(project_id, config).catch((error: Error) => error),
    ]);
    if (!project) throw notFound('project', project_id);
    if (pipeline instanceof Error) throw pipeline;
    if (config_version_id instanceof Error) throw config_version_id;
    const { definition } = await this.versions.get(versionId(pipeline._id, pipeline.version));
    return { project, pipeline, definition, config_version_id, params: resolveParams(definition, params) };
  }

  private async configVersion(
    project_id: string,
    { config_id, config_version_id }: Pick<CreateRun, 'config_id' | 'config_version_id'>,
  ): Promise<string | null> {
    if (config_id !== undefined) {
      const config = await this.db.configs.findOne({ _id: config_id, project_id });
      if (!config) throw notFound('config', config_id);
      return config.version_id;
    }
    if (config_version_id === undefined) return null;
    const version = await this.db.configVersions.findOne({ _id: config_version_id, project_id });
    if (!version) throw notFound('config version', config_version_id);
    return version._id;
  }

  /** @throws DomainError as `accept` does. */
  async create({ start = false, ...input }: CreateRun): Promise<Run> {
    const pinned = pin(input, await this.accept(input));
    return start ? this.insertStarted(pinned) : this.insert(pinned);
  }

  /**
   * Stores runs that queue at the same limit, and starts them. None is there before those in front of it, and none
   * begins before all are: so they are admitted in this order.
   * @returns for each the run, or why there is none.
   */
  async createInOrder(wanted: Omit<CreateRun, 'start'>[], repeated: boolean): Promise<(Run | DomainError)[]> {
    const all = await Promise.all(
      wanted.map(async (one) => {
        try {
          return await this.newStarted(pin(one, await this.accept(one)));
        } catch (error) {
          if (error instanceof DomainError) return error;
          throw error;
        }
      }),
    );
    const born = all.flatMap((one) => (one instanceof DomainError ? [] : [one]));
    if (born.length === 0) return all as DomainError[];
    const queue = born.length > 1 ? await this.admission.expect(born[0]!.run) : null;
    const births = born.map(({ run, tasks, started: { firstLine } }) => ({ run, tasks, firstLine }));
    const there = await this.store.insertInOrder(births, repeated);
    const stored = born.filter((_, i) => there[i]);
    if (queue) await this.beginInTurn(stored, queue);
    else await Promise.all(stored.map(({ started }) => started.begin()));
    return all.map((one) => {
      if (one instanceof DomainError) return one;
      return stored.includes(one) ? one.run : notFound('project', one.run.project_id);
    });
  }

  private async beginInTurn(stored: NewRun[], queue: LimitRef[]): Promise<void> {
    for (const { run } of stored) this.lineage.started(run);
    await this.admission.fill(queue);
    for (const { run } of stored) this.signals.run(run._id, 'changed');
  }

  /** What `create` would store, for whoever stores it together with something else. @param accepted what `accept` gave. */
  prepare({ start = false, ...input }: CreateRun, accepted: Accepted): Promise<NewRun> {
    const pinned = pin(input, accepted);
    return start ? this.newStarted(pinned) : this.newPending(pinned);
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

  /** Stores a run of a known version, PENDING. @param pinned.reused tasks of an earlier run whose results stand. */
  async insert(pinned: PinnedRun): Promise<Run> {
    const birth = await this.newPending(pinned);
    await this.bear(birth, pinned.parent !== undefined);
    return birth.run;
  }

  private async newPending(pinned: PinnedRun): Promise<NewRun> {
    const version = await this.versions.get(versionId(pinned.pipeline_id, pinned.pipeline_version));
    const run = this.runOf(pinned, version);
    const tasks = this.tasksOf(run, pinned, version);
    return { run: { ...run, ...summarise(tasks.map(groupOf)) }, tasks };
  }

  private async insertStarted(pinned: PinnedRun): Promise<Run> {
    const { run, tasks, started } = await this.newStarted(pinned);
    await this.bear({ run, tasks, firstLine: started.firstLine }, pinned.repeated);
    return started.begin();
  }

  /** One that starts at once: QUEUED from its first moment on, and so are its tasks if no limit binds them. */
  private async newStarted(pinned: PinnedRun): Promise<NewRun & Required<Pick<NewRun, 'started'>>> {
    const version = await this.versions.get(versionId(pinned.pipeline_id, pinned.pipeline_version));
    const { graph } = version;
    const now = new Date();
    const pending = this.runOf(pinned, version, now);
    const limited = this.admission.limitsOf(pending).length > 0;
    const sla_at = await this.notifier.lateAt({ ...pending, queued_at: now }, pinned.schedule);
    const run: Run = {
      ...pending,
      state: 'QUEUED',
      queued_at: now,
      engine: {
        ...pending.engine,
        check_at: new Date(now.getTime() + FOLLOW_UP_MS),
        ...(sla_at && { sla_at }),
        ...(limited && { rank: this.admission.rankOf(pending, pinned.decided_at ?? now) }),
      },
    };
    const all = this.tasksOf(run, pinned, version);
    const roots = new Set<string>(graph.stages[MAIN]!.roots);
    const direct =
      !limited && [...roots].every((id) => this.dispatcher.isUnbounded(run, graph.nodes.get(id)!.definition));
    const born = direct ? this.dispatcher.newborn(all.filter(({ node_id }) => roots.has(node_id))) : null;
    const tasks = all.map((task) => born?.tasks.get(task._id) ?? task);
    const stored = { ...run, ...summarise(tasks.map(groupOf)) };
    const begin = async (): Promise<boolean> => {
      if (born) await this.dispatcher.enqueueNewborn(run, born);
      else if (!(await this.admission.enter(run))) return false;
      else await this.advancer.begin(run);
      return true;
    };
    const started = {
      firstLine: this.logs.firstLine(run._id, startedLine(run)),
      begin: async (): Promise<Run> => {
        this.lineage.started(stored);
        const begun = await begin();
        this.signals.run(run._id, 'changed');
        // A moment ago: whoever wants to know why it waits has to ask again.
        return begun ? { ...stored, waiting_reason: null } : stored;
      },
    };
    return { run: stored, tasks, started };
  }

  private async bear(birth: Birth, repeated?: boolean): Promise<void> {
    if (!(await this.store.insert(birth, repeated))) throw notFound('project', birth.run.project_id);
  }

  private tasksOf(run: Run, { reused, reused_items = [] }: PinnedRun, version: PinnedVersion): Task[] {
    const { graph } = version;
    const items = reused_items.map((item): Task => {
      const mapped = taskId(run._id, graph.nodes.get(item.node_id)!.position);
      const own = { _id: itemTaskId(mapped, item.index!), run_id: run._id, created_at: run.created_at };
      return { ...item, ...own };
    });
    const tasks = graph.order.map((nodeId, position): Task => {
      const kept = reused?.get(nodeId);
      const own = { _id: taskId(run._id, position), run_id: run._id, created_at: run.created_at };
      return kept ? { ...kept, ...own } : pendingTask(run, nodeId, version, this.env);
    });
    return [...tasks, ...items];
  }

  private runOf(pinned: PinnedRun, { definition }: PinnedVersion, now = new Date()): Run {
    const { parent } = pinned;
    const traceparent = pinned.traceparent ?? traceparentOfNew(parent?.run);
    return {
      _id: pinned.id ?? newId('run', now.getTime()),
      project_id: pinned.project_id,
      pipeline_id: pinned.pipeline_id,
      pipeline_name: pinned.pipeline_name,
      pipeline_version: pinned.pipeline_version,
      config_version_id: pinned.config_version_id ?? parent?.run.config_version_id ?? null,
      state: 'PENDING',
      params: pinned.params ?? {},
      tags: pinned.tags ?? {},
      priority: pinned.priority ?? 0,
      progress: NOTHING.progress,
      metrics: NOTHING.metrics,
      error: null,
      outputs: null,
      rerun_of: pinned.rerun_of ?? null,
      parent_run_id: parent?.run._id ?? null,
      parent_task_id: parent?.task._id ?? null,
      schedule_id: pinned.schedule_id ?? null,
      trigger_id: pinned.trigger_id ?? null,
      triggered_by_run_id: pinned.triggered_by_run_id ?? null,
      // A sub-run is about the same data.
      scheduled_for: pinned.scheduled_for ?? parent?.run.scheduled_for ?? null,
      data_interval_start: pinned.data_interval_start ?? parent?.run.data_interval_start ?? null,
      data_interval_end: pinned.data_interval_end ?? parent?.run.data_interval_end ?? null,
      timeout_seconds: pinned.timeout_seconds ?? definition.config?.run_timeout_seconds ?? null,
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
        version_id: versionId(pinned.pipeline_id, pinned.pipeline_version),
        depth: parent ? parent.run.engine.depth + 1 : 0,
        max_parallelism: definition.config?.max_parallelism ?? null,
        max_active_runs: definition.config?.max_active_runs ?? null,
        stage: MAIN,
        stop_below: 0,
        outcome: null,
        retention_days: pinned.retention_days ?? this.env.RETENTION_DAYS,
        ...(traceparent && { traceparent }),
        ...(pinned.trigger_depth && { trigger_depth: pinned.trigger_depth }),
        ...(pinned.group && { group: pinned.group }),
        ...(pinned.deadline && { expire_at: pinned.deadline }),
        ...(parent && { check_at: new Date(now.getTime() + FOLLOW_UP_MS) }),
        ...(pinned.notify && { notify: true }),
        ...(pinned.retry_on_failure === false && { one_attempt: true }),
        ...((pinned.fresh ?? parent?.run.engine.fresh) && { fresh: true }),
      },
    };
  }
}

function pin(
  { slot, trigger, config_id: _, ...input }: Omit<CreateRun, 'start'>,
  { project, pipeline, params, config_version_id }: Accepted,
): PinnedRun {
  const { run_id: id, ...given }: Partial<RunSlot & RunTrigger> = slot ?? trigger ?? {};
  return {
    ...input,
    ...given,
    id,
    params,
    config_version_id,
    pipeline_id: pipeline._id,
    pipeline_name: pipeline.name,
    pipeline_version: pipeline.version,
    retention_days: project.retention_days,
    notify: Boolean(project.notifications),
  };
}

/** The first line of a run's log. */
export const startedLine = ({ pipeline_name, pipeline_version }: Run): string =>
  `run started: pipeline ${pipeline_name} version ${pipeline_version}`;
