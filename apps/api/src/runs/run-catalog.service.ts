import { Injectable } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import { Pipeline, type Public, Run, Task, toPublic } from '@tauro/database';
import { isId, notFound } from '@tauro/domain';
import { Collections, RunReader, RunService } from '@tauro/orchestration';
import { type Model } from 'mongoose';
import { Page } from '../http/envelope.js';
import { findPage } from '../http/paging/find-page.js';
import { type ListQuery } from '../http/paging/list-query.js';
import { type Condition } from '../http/paging/list-spec.js';
import { Batcher } from './batcher.js';
import { RUN_LIST, TASK_LIST } from './run.list.js';

/** A task as clients see it: `index` is there only for a task of a mapped node. */
export type PublicTask = Omit<Public<Task>, 'index'> & { index?: number };

/** Fields that cost a look at the tasks. */
const LIVE_FIELDS = ['progress', 'metrics'];
const EXPLAINED_FIELD = 'waiting_reason';

/** Runs and their tasks as the API shows them. */
@Injectable()
export class RunCatalog {
  constructor(
    @InjectModel(Run.name) private readonly runs: Model<Run>,
    @InjectModel(Task.name) private readonly tasks: Model<Task>,
    @InjectModel(Pipeline.name) private readonly pipelines: Model<Pipeline>,
    private readonly service: RunService,
    private readonly reader: RunReader,
    private readonly stored: Collections,
  ) {}

  private readonly single = new Batcher((ids) => this.live(ids));

  async list(query: ListQuery): Promise<Page<Partial<Public<Run>>>> {
    const wanted = (field: string): boolean => !query.fields || query.fields.includes(field);
    const complete = async (runs: Run[]): Promise<Run[]> => {
      const live = LIVE_FIELDS.some(wanted) ? await this.service.withProgress(runs) : runs;
      return wanted(EXPLAINED_FIELD) ? this.reader.explainRuns(live) : live;
    };
    const base = await this.ofPipeline(query.values.pipeline_id as string | undefined);
    return findPage(this.runs, RUN_LIST, query, base, complete);
  }

  /** With live progress, and why it is not moving. @throws DomainError NOT_FOUND */
  async get(id: string): Promise<Public<Run>> {
    const run = await this.single.get(id);
    if (!run) throw notFound('run', id);
    return this.show(run);
  }

  /** A run as it was just returned by the engine. */
  async show(run: Run): Promise<Public<Run>> {
    return (await this.showAll([run]))[0]!;
  }

  async showAll(runs: Run[]): Promise<Public<Run>[]> {
    return (await this.reader.explainRuns(runs)).map((run) => toPublic(run));
  }

  async listTasks(runId: string, query: ListQuery): Promise<Page<Partial<PublicTask>>> {
    const run = await this.existing(runId);
    const explain = (tasks: Task[]): Promise<Task[]> => this.reader.explainTasks(run, tasks);
    const page = await findPage(this.tasks, TASK_LIST, query, { run_id: runId }, explain);
    return new Page(page.data.map(withoutEmptyIndex), page.meta);
  }

  /** @param ref the task's id, or the id of its node. @throws DomainError NOT_FOUND */
  async getTask(runId: string, ref: string): Promise<PublicTask> {
    const run = await this.existing(runId);
    const byId = isId('task', ref) ? [{ _id: ref }] : [];
    const task = await this.tasks
      .findOne({ run_id: runId, $or: [...byId, { node_id: ref }] })
      .sort({ index: 1 })
      .lean<Task | null>();
    if (!task) throw notFound('task', ref, `in run '${runId}'`);
    return this.showTask(task, run);
  }

  /** A task as it was just returned by the engine. */
  async showTask(task: Task, run?: Run): Promise<PublicTask> {
    const [explained] = await this.reader.explainTasks(run ?? (await this.existing(task.run_id)), [task]);
    return withoutEmptyIndex(toPublic(explained!)) as PublicTask;
  }

  /** @throws DomainError NOT_FOUND */
  async existing(id: string): Promise<Run> {
    const run = await this.runs.findById(id).lean<Run | null>();
    if (!run) throw notFound('run', id);
    return run;
  }

  private async live(ids: string[]): Promise<Map<string, Run>> {
    const runs = await this.service.withProgress(
      await this.stored.runs.find({ _id: { $in: ids } }).toArray(),
    );
    return new Map(runs.map((run) => [run._id, run]));
  }

  /** Of the pipeline with this id, or of all that have or had this name: projects may each have their own. */
  private async ofPipeline(ref: string | undefined): Promise<Condition> {
    if (ref === undefined) return {};
    const named = await this.pipelines
      .find({ name_key: ref.toLowerCase() }, { _id: 1 })
      .limit(1000)
      .lean<{ _id: string }[]>();
    const ids = [...named.map(({ _id }) => _id), ...(isId('pipe', ref) ? [ref] : [])];
    // A pipeline that is gone is still named in its runs.
    const gone = { pipeline_name: ref };
    return ids.length > 0 ? { $or: [{ pipeline_id: { $in: ids } }, gone] } : gone;
  }
}

function withoutEmptyIndex(task: Partial<Public<Task>>): Partial<PublicTask> {
  const { index, ...rest } = task;
  return typeof index === 'number' ? { ...rest, index } : rest;
}
