import { Injectable } from '@nestjs/common';
import { type Run, type Task } from '@tauro/database';
import { conflict, invalid, isTerminalRun, MAIN, newId, type PipelineGraph } from '@tauro/domain';
import { ArtifactStore } from '@tauro/nodes';
import { Env } from '@tauro/platform';
import { Collections } from './collections.js';
import { PinnedVersions } from './pinned-versions.js';
import { RunService } from './run.service.js';

/** Runs again what did not succeed, or what comes from a node on, and takes over the rest. */
@Injectable()
export class RerunService {
  private readonly artifacts: ArtifactStore;

  constructor(
    private readonly db: Collections,
    private readonly versions: PinnedVersions,
    private readonly runs: RunService,
    env: Env,
  ) {
    this.artifacts = new ArtifactStore(env.ARTIFACTS_URL);
  }

  /**
   * A new run of the same version, params and tags, started at once and linked by `rerun_of`.
   * @param from `failed`: everything that did not end SUCCESS; `start`: everything; or a node id: that node,
   *   all that comes after it, and what did not succeed elsewhere. The last two take nothing from the cache.
   * @throws DomainError CONFLICT for a run that has not ended, VALIDATION_ERROR for an unknown node.
   */
  async rerun(id: string, from: string, requestId?: string | null): Promise<Run> {
    const run = await this.runs.get(id);
    if (!isTerminalRun(run.state)) {
      throw conflict(`run '${id}' is ${run.state}; a run can be repeated once it has ended`);
    }
    const { graph } = await this.versions.get(run.engine.version_id);
    const again = nodesToRepeat(graph, from);
    const ended =
      from === 'start'
        ? []
        : await this.db.tasks.find({ run_id: id, state: 'SUCCESS', index: null }).toArray();
    const runId = newId('run');
    const reused = new Map<string, Task>();
    for (const task of ended) {
      // What follows the end of a run follows the end of each.
      const repeated = again.has(task.node_id) || graph.nodes.get(task.node_id)!.stage !== MAIN;
      const taken = repeated ? null : await this.takeOver(task, runId);
      if (taken) reused.set(task.node_id, taken);
    }
    const created = await this.runs.insert({
      id: runId,
      project_id: run.project_id,
      pipeline_id: run.pipeline_id,
      pipeline_name: run.pipeline_name,
      pipeline_version: run.pipeline_version,
      params: run.params,
      tags: run.tags,
      priority: run.priority,
      timeout_seconds: run.timeout_seconds ?? undefined,
      request_id: requestId,
      rerun_of: id,
      reused,
      retention_days: run.engine.retention_days,
      // Whoever names where to begin wants it done again; what failed may just as well be found in the cache.
      fresh: from !== 'failed',
    });
    return this.runs.start(created._id);
  }

  /**
   * The task for the new run: its result and story stand, its work stays counted where it was done. The new run
   * gets its own hold on the table, so that deleting the old run takes nothing from it.
   * @returns null when the table is gone; then the node has to run again.
   */
  private async takeOver(task: Task, runId: string): Promise<Task | null> {
    const { check_at: _, ...engine } = task.engine;
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

/** The nodes that run again even if they succeeded. */
function nodesToRepeat(graph: PipelineGraph, from: string): Set<string> {
  if (from === 'failed' || from === 'start') return new Set();
  if (!graph.nodes.has(from)) {
    const message = `must be 'failed', 'start' or a node of the run's pipeline version; it has no node '${from}'`;
    throw invalid([{ field: 'from', message, type: 'unknown_node' }]);
  }
  const again = new Set<string>([from]);
  const todo = [from];
  for (let id = todo.pop(); id !== undefined; id = todo.pop()) {
    for (const child of graph.nodes.get(id)!.children) {
      if (!again.has(child)) {
        again.add(child);
        todo.push(child);
      }
    }
  }
  return again;
}
