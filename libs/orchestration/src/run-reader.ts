import { Injectable } from '@nestjs/common';
import { type Run, type Task } from '@tauro/database';
import { isTerminalRun, isTerminalTask, taskId } from '@tauro/domain';
import { Collections } from './collections.js';
import { PinnedVersions } from './pinned-versions.js';
import { SlotReasons } from './slots/slot-reasons.js';
import { taskWaitingReason, runWaitingReason, type Situation } from './waiting-reason.js';
import { WorkerRegistry } from './worker-registry.js';

/** Adds to what is stored what can only be said at the moment of reading: why something is not moving. */
@Injectable()
export class RunReader {
  constructor(
    private readonly db: Collections,
    private readonly versions: PinnedVersions,
    private readonly workers: WorkerRegistry,
    private readonly slots: SlotReasons,
  ) {}

  /** Runs with `waiting_reason`. A page of terminal runs costs nothing. */
  async explainRuns(runs: Run[]): Promise<Run[]> {
    const admissions = await this.slots.ofRuns(runs.filter((run) => run.waiting_reason === undefined));
    return Promise.all(
      runs.map(async (run) => {
        if (run.waiting_reason !== undefined) return run;
        if (isTerminalRun(run.state)) return { ...run, waiting_reason: null };
        if (run.state === 'PENDING') return { ...run, waiting_reason: 'not started yet' };
        const moving = await this.db.tasks
          .find({ run_id: run._id, state: { $in: ['QUEUED', 'RUNNING', 'RETRYING', 'WAITING'] } })
          .limit(50)
          .toArray();
        const situation = await this.situation(run, moving, admissions.get(run._id));
        return { ...run, waiting_reason: runWaitingReason(run, moving, situation) };
      }),
    );
  }

  /** Tasks of one run with `waiting_reason`. */
  async explainTasks(run: Run, tasks: Task[]): Promise<Task[]> {
    if (tasks.every((task) => isTerminalTask(task.state))) {
      return tasks.map((task) => ({ ...task, waiting_reason: null }));
    }
    const admission = (await this.slots.ofRuns([run])).get(run._id);
    const situation = await this.situation(run, tasks, admission);
    return tasks.map((task) => ({ ...task, waiting_reason: taskWaitingReason(task, situation) }));
  }

  private async situation(
    run: Run,
    tasks: Pick<Task, 'node_id' | 'index' | 'state' | 'engine'>[],
    admission?: string,
  ): Promise<Situation> {
    const { graph } = await this.versions.get(run.engine.version_id);
    const states = new Map(
      tasks.filter((task) => task.index === null).map((task) => [task.node_id, task.state]),
    );
    const parents = tasks
      .filter((task) => task.state === 'PENDING' && task.index === null)
      .flatMap((task) => graph.nodes.get(task.node_id)?.parents ?? [])
      .filter((id) => !states.has(id));
    if (parents.length > 0) {
      const ids = [...new Set(parents)].map((id) => taskId(run._id, graph.nodes.get(id)!.position));
      const found = await this.db.tasks
        .find({ _id: { $in: ids } }, { projection: { node_id: 1, state: 1 } })
        .toArray();
      for (const task of found) states.set(task.node_id, task.state);
    }
    const [workers, limits] = await Promise.all([this.workers.live(), this.slots.ofTasks(tasks)]);
    return { run, graph, states, workers, admission, limits };
  }
}
