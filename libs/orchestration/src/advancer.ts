import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { type Run, type Task } from '@tauro/database';
import {
  isTerminalTask,
  type NodeDefinition,
  TERMINAL_TASK_STATES,
  taskId,
  type TaskState,
  verdictOf,
} from '@tauro/domain';
import { Batches } from './batches.js';
import { Collections, FAST } from './collections.js';
import { Dispatcher, type RunRef } from './dispatcher.js';
import { LateMarks } from './late-marks.js';
import { MappingService } from './mapping.service.js';
import { type PinnedVersion, PinnedVersions } from './pinned-versions.js';
import { RunEnd } from './run-end.js';
import { RunStages } from './run-stages.js';
import { allEnded, type RunFacts, RunFactsCache } from './run-facts.js';
import { RunLogWriter } from './run-log.writer.js';
import { RunAdmission } from './slots/run-admission.js';

/** A task that has just become terminal. */
export type EndedTask = Pick<Task, '_id' | 'node_id' | 'index' | 'state'>;

/** The name under which the end of a stage watches its leaves; no node can be called so. */
const END = '$end';

/**
 * What follows the end of a task: the nodes after it become ready, or end without running; after the last one
 * the run ends. Every write is guarded and everything is worked out from terminal states, so doing it twice, or
 * in two processes at once, changes nothing.
 */
@Injectable()
export class Advancer implements OnModuleDestroy {
  private readonly advanced = new LateMarks(this.db, (ids) =>
    this.db.tasks.updateMany(
      { _id: { $in: ids } },
      { $set: { 'engine.advanced': true }, $unset: { 'engine.check_at': 1 } },
      FAST,
    ),
  );

  /** Terminal states of tasks; none of one that is not. Those who ask at the same time mostly ask for the same one. */
  private readonly endings = new Batches<string, TaskState | undefined>(async (ids) => {
    const tasks = await this.db.tasks
      .find({ _id: { $in: [...new Set(ids)] }, state: { $in: [...TERMINAL_TASK_STATES] } })
      .project<Pick<Task, '_id' | 'state'>>({ state: 1 })
      .toArray();
    const byId = new Map(tasks.map(({ _id, state }) => [_id, state]));
    return ids.map((id) => byId.get(id));
  }, 1000);

  constructor(
    private readonly db: Collections,
    private readonly versions: PinnedVersions,
    private readonly facts: RunFactsCache,
    private readonly dispatcher: Dispatcher,
    private readonly stages: RunStages,
    private readonly mapping: MappingService,
    private readonly runEnd: RunEnd,
    private readonly logs: RunLogWriter,
    admission: RunAdmission,
  ) {
    admission.onTurn((run) => this.begin(run));
  }

  /** Starts what may start in a run that has just been admitted or resumed. */
  async begin(run: Run): Promise<void> {
    await this.stages.begin(run);
    const { epoch } = this.db;
    if (run.rerun_of !== null) await this.advance(run, await this.reused(run), { epoch });
    await this.dispatcher.handOverParked(run);
  }

  /**
   * The node that `advance` would keep back once this task has ended so, when that can be told without asking anybody.
   * @param accepts which nodes the caller would execute itself.
   */
  foresee(
    run: RunRef,
    version: PinnedVersion,
    ended: EndedTask,
    accepts: (node: NodeDefinition) => boolean,
  ): string | undefined {
    if (!isTerminalTask(ended.state) || ended.index !== null) return undefined;
    const { nodes } = version.graph;
    const facts = this.facts.of(run._id);
    const state = (id: string): TaskState | undefined =>
      id === ended.node_id ? ended.state : facts.ended.get(id);
    const { children } = nodes.get(ended.node_id)!;
    for (const id of children) {
      const { definition, parents } = nodes.get(id)!;
      for (let place = facts.open.get(id) ?? 0; place < parents.length; place++) {
        if (state(parents[place]!) === undefined) return undefined;
      }
      const standing = parents.map((parent) => ({
        state: state(parent)!,
        definition: nodes.get(parent)!.definition,
      }));
      if (verdictOf(definition, standing) !== 'run') return undefined;
    }
    return this.choose(run, [...children], version, accepts);
  }

  /**
   * @param accepts which nodes the caller would execute itself: of those that have become ready one that no limit
   *   binds is kept back for it, still PENDING. The caller claims it and then calls `markAdvanced`.
   * @param foreseen the node that is kept back, when the caller has tried to claim it already.
   * @param epoch in which the ends were read or written. @throws Error when the database was interrupted since.
   * @returns the node kept back.
   */
  async advance(
    run: RunRef,
    all: EndedTask[],
    {
      epoch = this.db.epoch,
      accepts,
      foreseen,
    }: { epoch?: number; accepts?: (node: NodeDefinition) => boolean; foreseen?: string } = {},
  ): Promise<string | undefined> {
    const version = await this.versions.get(run.engine.version_id);
    this.db.assertEpoch(epoch);
    const facts = this.facts.of(run._id);
    const items = all.filter((task) => task.index !== null);
    const { joined, refused } = await this.mapping.itemsEnded(run, version, items);
    const ended = [...all.filter((task) => task.index === null), ...joined];
    await this.mapping.nodesEnded(run, version, ended);
    for (const task of ended) facts.ended.set(task.node_id, task.state);

    const { ready, resolved } = await this.weigh(run, version, facts, ended);
    this.db.assertEpoch(epoch);
    const written = await this.writeResolved(run, version, resolved);
    // After an item, more than the item leads to what comes next: it goes over the queue.
    const kept =
      foreseen ?? (accepts && items.length === 0 ? this.choose(run, ready, version, accepts) : undefined);
    const released = await this.dispatcher.release(
      run,
      ready.filter((id) => id !== kept),
    );

    // A leaf may be the last task; a refused guard means the run was cancelled under us, then any task may be.
    const last = [...ended.map((task) => task.node_id), ...resolved.keys()].map((id) =>
      version.graph.nodes.get(id)!,
    );
    const stages = new Set(last.filter(({ children }) => children.length === 0).map(({ stage }) => stage));
    let done = !written || !released || refused;
    for (const stage of stages) {
      const { leaves } = version.graph.stages[stage]!;
      done ||= await this.allEnded(run, version, facts, `${END}${stage}`, leaves);
    }
    if (done) await this.runEnd.proceed(run._id);
    if (kept === undefined) this.markAdvanced(epoch, [...ended, ...items]);
    return kept;
  }

  /** Of the ready nodes that are accepted and that no limit binds the one with the highest priority. */
  private choose(
    run: RunRef,
    ready: string[],
    { graph }: PinnedVersion,
    accepts: (node: NodeDefinition) => boolean,
  ): string | undefined {
    const definition = (id: string): NodeDefinition => graph.nodes.get(id)!.definition;
    const priority = (id: string): number => definition(id).priority ?? 0;
    return ready
      .filter((id) => this.dispatcher.isUnbounded(run, definition(id)) && accepts(definition(id)))
      .reduce<string | undefined>(
        (best, id) => (best && priority(best) >= priority(id) ? best : id),
        undefined,
      );
  }

  /** Which nodes after `ended` may run, and which end without running (whose own followers are weighed too). */
  private async weigh(
    run: RunRef,
    version: PinnedVersion,
    facts: RunFacts,
    ended: EndedTask[],
  ): Promise<{ ready: string[]; resolved: Map<string, { state: TaskState; cause: string }> }> {
    const { nodes } = version.graph;
    const ready = new Set<string>();
    const resolved = new Map<string, { state: TaskState; cause: string }>();
    const todo = ended.flatMap((task) => nodes.get(task.node_id)!.children);
    for (let id = todo.pop(); id !== undefined; id = todo.pop()) {
      if (ready.has(id) || resolved.has(id)) continue;
      const node = nodes.get(id)!;
      if (!(await this.allEnded(run, version, facts, id, node.parents))) continue;
      const parents = node.parents.map((parent) => ({
        id: parent,
        state: facts.ended.get(parent)!,
        definition: nodes.get(parent)!.definition,
      }));
      const verdict = verdictOf(node.definition, parents);
      if (verdict === 'run') {
        ready.add(id);
        continue;
      }
      const cause = parents.find(({ state }) => state !== 'SUCCESS' && state !== 'SKIPPED') ?? parents[0]!;
      resolved.set(id, { state: verdict, cause: `'${cause.id}' ended ${cause.state}` });
      facts.ended.set(id, verdict);
      todo.push(...node.children);
    }
    return { ready: [...ready], resolved };
  }

  /** Whether all of `parents` are terminal, asking the database only for what is not known here. */
  private async allEnded(
    run: RunRef,
    version: PinnedVersion,
    facts: RunFacts,
    waiter: string,
    parents: readonly string[],
  ): Promise<boolean> {
    const places = { length: parents.length, keyAt: (place: number) => parents[place]! };
    return allEnded(facts, waiter, places, (asked) =>
      this.learn(
        run,
        version,
        facts,
        asked.map((place) => parents[place]!),
      ),
    );
  }

  private async learn(
    run: RunRef,
    version: PinnedVersion,
    facts: RunFacts,
    nodeIds: string[],
  ): Promise<void> {
    await Promise.all(
      nodeIds.map(async (id) => {
        const state = await this.endings.ask(taskId(run._id, version.graph.nodes.get(id)!.position));
        if (state) facts.ended.set(id, state);
      }),
    );
  }

  /** PENDING -> SKIPPED or UPSTREAM_FAILED. @returns false when a guard refused one. */
  private async writeResolved(
    run: RunRef,
    version: PinnedVersion,
    resolved: Map<string, { state: TaskState; cause: string }>,
  ): Promise<boolean> {
    if (resolved.size === 0) return true;
    const now = new Date();
    for (const [node_id, { state, cause }] of resolved) {
      const origin = {
        task_id: taskId(run._id, version.graph.nodes.get(node_id)!.position),
        node_id,
        attempt: 0,
      };
      this.logs.append(run._id, origin, 'INFO', `task ${node_id} ended ${state}: ${cause}`);
    }
    await this.logs.flush(run._id);
    const { matchedCount } = await this.db.tasks.bulkWrite(
      [...resolved].map(([id, { state, cause }]) => ({
        updateOne: {
          filter: { _id: taskId(run._id, version.graph.nodes.get(id)!.position), state: 'PENDING' as const },
          update: {
            $set: {
              state,
              finished_at: now,
              error:
                state === 'UPSTREAM_FAILED'
                  ? { type: 'UpstreamFailed', message: `not run because ${cause}` }
                  : null,
            },
          },
        },
      })),
      { ordered: false },
    );
    return matchedCount === resolved.size;
  }

  /** Tasks that a rerun took over with their results. */
  private reused(run: Run): Promise<EndedTask[]> {
    return this.db.tasks
      .find({ run_id: run._id, state: { $in: ['SUCCESS', 'SKIPPED'] } })
      .project<EndedTask>({ node_id: 1, index: 1, state: 1 })
      .toArray();
  }

  /** Nothing follows from these tasks any more. Told late and together: until then they would only be weighed again. */
  markAdvanced(epoch: number, ended: Pick<Task, '_id'>[]): void {
    this.advanced.add(epoch, ...ended.map(({ _id }) => _id));
  }

  async onModuleDestroy(): Promise<void> {
    await this.flushMarks();
  }

  /** Stores what `markAdvanced` was told so far. */
  flushMarks(): Promise<void> {
    return this.advanced.flush();
  }
}
