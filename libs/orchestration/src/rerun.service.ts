import { Injectable } from '@nestjs/common';
import { type Run, type Task } from '@tauro/database';
import {
  conflict,
  type ForEach,
  invalid,
  isTerminalRun,
  MAIN,
  newId,
  type PipelineGraph,
} from '@tauro/domain';
import { ArtifactStore } from '@tauro/nodes';
import { Env } from '@tauro/platform';
import { Collections } from './collections.js';
import { PinnedVersions } from './pinned-versions.js';
import { RunCreation } from './run-creation.service.js';
import { RunService } from './run.service.js';

/** Runs again what did not succeed, or what comes from a node on, and takes over the rest. */
@Injectable()
export class RerunService {
  private readonly artifacts: ArtifactStore;

  constructor(
    private readonly db: Collections,
    private readonly versions: PinnedVersions,
    private readonly runs: RunService,
    private readonly creation: RunCreation,
    env: Env,
  ) {
    this.artifacts = new ArtifactStore(env.ARTIFACTS_URL);
  }

  /**
   * A new run of the same version, params, tags and times of data, started at once and linked by `rerun_of`.
   * @param from `failed`: what did not end well, and all that comes after it; `start`: everything; or a node id: that
   *   node, all that comes after it, and likewise what did not end well elsewhere. The last two take nothing from the cache.
   * @throws DomainError CONFLICT for a run that has not ended, VALIDATION_ERROR for an unknown node.
   */
  async rerun(id: string, from: string, requestId?: string | null): Promise<Run> {
    const run = await this.runs.get(id);
    if (!isTerminalRun(run.state)) {
      throw conflict(`run '${id}' is ${run.state}; a run can be repeated once it has ended`);
    }
    const { graph } = await this.versions.get(run.engine.version_id);
    if (from !== 'failed' && from !== 'start' && !graph.nodes.has(from)) {
      const message = `must be 'failed', 'start' or a node of the run's pipeline version; it has no node '${from}'`;
      throw invalid([{ field: 'from', message, type: 'unknown_node' }]);
    }
    const runId = newId('run');
    const reused = from === 'start' ? new Map<string, Task>() : await this.reuse(run, graph, from, runId);
    const created = await this.creation.insert({
      id: runId,
      project_id: run.project_id,
      pipeline_id: run.pipeline_id,
      pipeline_name: run.pipeline_name,
      pipeline_version: run.pipeline_version,
      config_version_id: run.config_version_id,
      params: run.params,
      tags: run.tags,
      schedule_id: run.schedule_id,
      trigger_id: run.trigger_id,
      triggered_by_run_id: run.triggered_by_run_id,
      trigger_depth: run.engine.trigger_depth,
      scheduled_for: run.scheduled_for,
      data_interval_start: run.data_interval_start,
      data_interval_end: run.data_interval_end,
      priority: run.priority,
      timeout_seconds: run.timeout_seconds ?? undefined,
      request_id: requestId,
      rerun_of: id,
      reused,
      reused_items: from === 'start' ? [] : await this.reuseItems(run, graph, from, reused, runId),
      retention_days: run.engine.retention_days,
      notify: run.engine.notify,
      // Whoever names where to begin wants it done again; what failed may just as well be found in the cache.
      fresh: from !== 'failed',
    });
    return this.runs.start(created._id);
  }

  /**
   * The tasks whose results stand: those that ended well and whose parents' results stand too, since below a node that
   * is repeated everything may be different, even whether a node is skipped. By node id.
   */
  private async reuse(
    { _id: run_id }: Run,
    graph: PipelineGraph,
    from: string,
    runId: string,
  ): Promise<Map<string, Task>> {
    const well = await this.db.tasks
      .find({ run_id, state: { $in: ['SUCCESS', 'SKIPPED'] }, index: null })
      .toArray();
    const ended = new Map(well.map((task) => [task.node_id, task]));
    const reused = new Map<string, Task>();
    for (const id of graph.order) {
      const { parents, stage } = graph.nodes.get(id)!;
      const task = ended.get(id);
      // What follows the end of a run follows the end of each.
      const stands = id !== from && stage === MAIN && parents.every((parent) => reused.has(parent));
      const taken = task && stands ? await this.takeOver(task, runId) : null;
      if (taken) reused.set(id, taken);
    }
    return reused;
  }

  /**
   * Items of mapped nodes that did not end well as a whole: those that did need not run again as long as the list is
   * the same, which it is when everything it comes from stands.
   */
  private async reuseItems(
    { _id: run_id }: Run,
    graph: PipelineGraph,
    from: string,
    reused: ReadonlyMap<string, Task>,
    runId: string,
  ): Promise<Task[]> {
    const mapped = [...graph.nodes.values()].filter(
      ({ definition: { id, for_each }, parents, stage }) =>
        for_each !== undefined &&
        !namesRun(for_each) &&
        !reused.has(id) &&
        id !== from &&
        stage === MAIN &&
        parents.every((parent) => reused.has(parent)),
    );
    if (mapped.length === 0) return [];
    const node_id = { $in: mapped.map(({ definition }) => definition.id) };
    const well = this.db.tasks.find({ run_id, node_id, index: { $ne: null }, state: 'SUCCESS' });
    const taken: Task[] = [];
    for await (const item of well) {
      const own = await this.takeOver(item, runId);
      if (own) taken.push(own);
    }
    return taken;
  }

  /**
   * The task for the new run: its result and story stand, its work stays counted where it was done. The new run
   * gets its own hold on the table, so that deleting the old run takes nothing from it.
   * @returns null when the table is gone; then the node has to run again.
   */
  private async takeOver(task: Task, runId: string): Promise<Task | null> {
    const { check_at: _, datasets: _used, ...engine } = task.engine;
    let { artifact } = engine;
    if (artifact) {
      const key = artifact.artifact.replace(`runs/${task.run_id}/`, `runs/${runId}/`);
      if (!(await this.artifacts.share(artifact.artifact, key))) return null;
      artifact = { ...artifact, artifact: key };
    }
    return {
      ...task,
      metrics: null,
      engine: { ...engine, artifact, claim: null, failures: 0, losses: 0, advanced: true },
    };
  }
}

/** Whether a list may be another one in another run. */
const namesRun = ({ items }: ForEach): boolean => /\{\{[^}]*\brun\b/.test(JSON.stringify(items));
