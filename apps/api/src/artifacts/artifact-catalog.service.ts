import { Injectable } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import { Run, Task } from '@tauro/database';
import { isId, notFound, type TableRef, taskLabel } from '@tauro/domain';
import { ArtifactStore } from '@tauro/nodes';
import { Env } from '@tauro/platform';
import { type Model } from 'mongoose';
import { type Page } from '../http/envelope.js';
import { findPage } from '../http/paging/find-page.js';
import { type ListQuery } from '../http/paging/list-query.js';
import { type Artifact } from './artifact.dto.js';
import { ARTIFACT_LIST, type Part } from './artifact.list.js';

/** A published table and where it lies. */
export interface FoundTable {
  artifact: Artifact;
  part: Part;
  /** Absolute path of the Parquet file. */
  path: string;
}

/** The tables that a run's tasks have published: their records, and whether they are still there. */
@Injectable()
export class ArtifactCatalog {
  private readonly store: ArtifactStore;

  constructor(
    @InjectModel(Run.name) private readonly runs: Model<Run>,
    @InjectModel(Task.name) private readonly tasks: Model<Task>,
    env: Env,
  ) {
    this.store = new ArtifactStore(env.ARTIFACTS_URL);
  }

  /** @throws DomainError NOT_FOUND */
  async list(runId: string, query: ListQuery): Promise<Page<Partial<Artifact>>> {
    const run = await this.run(runId);
    const published = { run_id: runId, 'engine.artifact': { $ne: null } };
    const show = (tasks: Task[]): Promise<Task[]> =>
      Promise.all(
        tasks.map(async (task) => {
          const { id: _id, ...rest } = await this.shown(run, task, task.engine.artifact!);
          // The page takes its place in the list from the tasks, and needs nothing of these but the id.
          return { _id, ...rest } as unknown as Task;
        }),
      );
    return (await findPage(this.tasks, ARTIFACT_LIST, query, published, show)) as Page<Partial<Artifact>>;
  }

  /**
   * A table that is there to be read. @param ref the id of its node, or of its task.
   * @throws DomainError NOT_FOUND, also when it was published and is gone
   */
  async find(
    runId: string,
    ref: string,
    { index, part }: { index?: number; part: Part },
  ): Promise<FoundTable> {
    const run = await this.run(runId);
    const byId = isId('task', ref) ? [{ _id: ref }] : [];
    const named = { run_id: runId, $or: [...byId, { node_id: ref, index: index ?? null }] };
    const task = await this.tasks.findOne(named).lean<Task | null>();
    if (!task) throw notFound('task', index === undefined ? ref : `${ref}[${index}]`, `in run '${runId}'`);
    const table = part === 'table' ? task.engine.artifact : task.engine.quarantine;
    if (!table && part === 'quarantine') {
      const why = `: its checks have taken none out; GET /api/v1/runs/${runId}/quality lists what they found`;
      throw notFound('quarantine of task', taskLabel(task), `in run '${runId}'${why}`);
    }
    if (!table) {
      const why = `which is ${task.state}; GET /api/v1/runs/${runId}/artifacts lists those that did publish one`;
      throw notFound('table of task', taskLabel(task), `in run '${runId}', ${why}`);
    }
    const artifact = await this.shown(run, task, table);
    if (!artifact.available) throw gone(runId, task);
    return { artifact, part, path: this.store.path(table.artifact) };
  }

  private async run(id: string): Promise<Run> {
    const run = await this.runs.findById(id, { expires_at: 1 }).lean<Run | null>();
    if (!run) throw notFound('run', id);
    return run;
  }

  private async shown(run: Run, task: Task, table: TableRef): Promise<Artifact> {
    const { artifact, rows, bytes, columns } = table;
    return {
      id: task._id,
      run_id: task.run_id,
      node_id: task.node_id,
      ...(task.index !== null && { index: task.index }),
      attempt: task.attempt,
      rows,
      bytes,
      columns,
      created_at: task.finished_at,
      expires_at: run.expires_at,
      available: await this.store.isWhole(artifact, bytes),
    };
  }
}

const gone = (runId: string, task: Task): Error =>
  notFound(
    'table of task',
    taskLabel(task),
    `in run '${runId}': it was published, but its file is not in the artifact store any more; a rerun from this node makes it again`,
  );
