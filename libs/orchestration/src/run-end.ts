import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { type Failure, type Run, type Task } from '@tauro/database';
import { isTerminalRun, type JsonObject, MAIN, nextStage } from '@tauro/domain';
import { Signals } from '@tauro/queue';
import { Collections, FAST } from './collections.js';
import { DatasetRecorder } from './lineage/dataset-recorder.js';
import { LineageEvents } from './lineage/lineage-events.js';
import { Dispatcher } from './dispatcher.js';
import { RunNotifier } from './notifications/run-notifier.js';
import { movedMarks, type NodeMark } from './marks/moved-marks.js';
import { PinnedVersions } from './pinned-versions.js';
import { timedOut } from './overdue.js';
import { RunFactsCache } from './run-facts.js';
import { type LastLine, RunLogWriter } from './run-log.writer.js';
import { LateMarks } from './late-marks.js';
import { nodesInOutputs, outputsOf } from './run-outputs.js';
import { type EndedTask, RunStore } from './run-store.js';
import { SlotEnd } from './schedules/slot-end.js';
import { RunTriggers } from './triggers/run-triggers.js';
import { RunAdmission } from './slots/run-admission.js';
import { groupOf, summarise } from './run-progress.js';
import { traceEnded } from './run-trace.js';
import { type RunOutcome, RunStages } from './run-stages.js';

/** When the reconciler finishes what follows a terminal write that nobody followed up. */
const FOLLOW_UP_MS = 10_000;

/** The last transition of a run, and what follows it. */
@Injectable()
export class RunEnd implements OnModuleDestroy {
  private readonly advanced = new LateMarks(this.db, (ids) =>
    this.db.runs.updateMany(
      { _id: { $in: ids } },
      { $set: { 'engine.advanced': true }, $unset: { 'engine.check_at': 1 } },
      FAST,
    ),
  );

  constructor(
    private readonly db: Collections,
    private readonly store: RunStore,
    private readonly versions: PinnedVersions,
    private readonly facts: RunFactsCache,
    private readonly stages: RunStages,
    private readonly logs: RunLogWriter,
    private readonly signals: Signals,
    private readonly admission: RunAdmission,
    private readonly dispatcher: Dispatcher,
    private readonly datasets: DatasetRecorder,
    private readonly notifier: RunNotifier,
    private readonly lineage: LineageEvents,
    private readonly slotEnd: SlotEnd,
    private readonly triggers: RunTriggers,
  ) {}

  async onModuleDestroy(): Promise<void> {
    await this.flushMarks();
  }

  /** Stores what ends were followed up so far. */
  flushMarks(): Promise<void> {
    return this.advanced.flush();
  }

  /**
   * Goes on when the tasks of a stage are all terminal: opens the next one, and ends the run after the last. Racing
   * callers are harmless: each step is one guarded write. @returns whether the run has ended.
   */
  async proceed(runId: string): Promise<boolean> {
    for (let tries = 0; tries < 10; tries++) {
      const epoch = this.db.epoch;
      const found = await this.store.load(runId);
      if (!found || isTerminalRun(found.run.state)) return false;
      const { run, tasks } = found;
      const { graph } = await this.versions.get(run.engine.version_id);
      const step = nextStage(
        tasks.map(({ node_id, state }) => ({ state, stage: graph.nodes.get(node_id)?.stage ?? MAIN })),
      );
      if (step.do === 'wait') return false;
      this.db.assertEpoch(epoch);
      if (step.do === 'end') {
        const ended = await this.end(run, tasks, epoch);
        if (!ended) continue;
        await this.followUp(ended.run, ended.closed);
        return true;
      }
      const opened = await this.stages.open(
        run,
        step.stage,
        run.engine.outcome ?? (await this.outcome(run, tasks)),
      );
      if (opened === 'executes') return false;
    }
    return false;
  }

  private async end(
    run: Run,
    tasks: EndedTask[],
    epoch: number,
  ): Promise<{ run: Run; closed: boolean } | null> {
    const main = run.engine.outcome;
    const { state, error, outputs } =
      main === null || main.state === 'SUCCESS'
        ? await this.outcome(run, tasks, main?.outputs)
        : { ...main, ...(run.cancel_requested_at && { state: 'CANCELLED' as const, error: null }) };
    const now = new Date();
    const set = {
      ...summarise(tasks.map(groupOf)),
      state,
      error,
      outputs,
      finished_at: now,
      updated_at: now,
      duration_seconds: run.started_at ? (now.getTime() - run.started_at.getTime()) / 1000 : null,
      expires_at: new Date(now.getTime() + run.engine.retention_days * 86_400_000),
    };
    const check_at = new Date(now.getTime() + FOLLOW_UP_MS);
    const datasets = tasks.some(({ engine }) => engine.datasets !== undefined);
    const written = {
      ...set,
      ...(datasets && { 'engine.datasets': true }),
      'engine.advanced': false,
      'engine.counted': false,
      'engine.check_at': check_at,
    };
    const { graph } = await this.versions.get(run.engine.version_id);
    const { moves, held } = state === 'SUCCESS' ? movedMarks(tasks, graph) : { moves: [], held: [] };
    const ended = { ...run, ...set, ...(datasets && { engine: { ...run.engine, datasets } }) };
    const lastLines =
      moves.length + held.length === 0 ? this.logs.lastLines(run._id, lastWords(ended)) : undefined;
    const became = await this.store.end({ run, epoch, set: written, marks: moves, lastLines });
    if (!became.ended) return null;
    this.tellMarks(run, held, 'its rows were not taken on by every node after it');
    this.tellMarks(run, became.stayed, 'it was moved or reset since this run has read it');
    traceEnded(ended);
    return { run: ended, closed: became.closed };
  }

  private tellMarks(run: Run, marks: readonly NodeMark[], why: string): void {
    for (const { node_id, value } of marks) {
      const message = `the mark of ${node_id} is not moved to '${value}': ${why}`;
      this.logs.append(run._id, null, 'WARNING', message);
    }
  }

  /** How a run whose tasks are these has ended, as things stand. @param known its outputs, when they are. */
  private async outcome(run: Run, tasks: EndedTask[], known?: JsonObject | null): Promise<RunOutcome> {
    if (run.cancel_requested_at) return { state: 'CANCELLED', error: null, outputs: null };
    // What had ended by itself when the time was over is not failed for it.
    if (run.engine.expired && tasks.some((task) => task.state === 'CANCELLED')) {
      return { state: 'FAILED', error: timedOut(run), outputs: null };
    }
    let error = await this.firstFailure(run, tasks);
    if (!error && known !== undefined) return { state: 'SUCCESS', error: null, outputs: known };
    if (!error) {
      const left = await this.outputsOf(run);
      if ('outputs' in left) return { state: 'SUCCESS', error: null, outputs: left.outputs };
      error = left.failure;
    }
    return { state: 'FAILED', error, outputs: null };
  }

  /**
   * What a terminal run still owes: its slots, the last line of its log, its datasets, its notifications and events, what it triggers, and word to
   * the task that waits for it.
   * Repeating it is harmless. @param closed whether the log has its last line.
   */
  async followUp(run: Run, closed = false): Promise<void> {
    const { epoch } = this.db;
    this.facts.forget(run._id);
    await this.admission.leave(run);
    if (closed) this.logs.closed(run._id);
    else await this.logs.close(run._id, lastWords(run));
    await this.datasets.record(run);
    await this.notifier.ended(run);
    await this.lineage.ended(run);
    await Promise.all([this.slotEnd.ended(run), this.triggers.ended(run)]);
    if (run.parent_task_id && run.parent_run_id) {
      await this.dispatcher.wakeAt({ _id: run.parent_task_id, run_id: run.parent_run_id }, new Date());
    }
    this.advanced.add(epoch, run._id);
    this.signals.run(run._id, 'changed');
  }

  private async outputsOf(run: Run): Promise<ReturnType<typeof outputsOf>> {
    const { definition } = await this.versions.get(run.engine.version_id);
    const named = nodesInOutputs(definition);
    const tasks =
      named.length === 0
        ? []
        : await this.db.tasks
            .find({ run_id: run._id, node_id: { $in: named }, index: null })
            .project<Pick<Task, 'node_id' | 'state' | 'output'>>({ node_id: 1, state: 1, output: 1 })
            .toArray();
    const nodes = tasks.map(({ node_id, state, output }) => [node_id, { state, output }] as const);
    return outputsOf(definition, run, Object.fromEntries(nodes));
  }

  private async firstFailure(run: Run, tasks: EndedTask[]): Promise<Failure | null> {
    const { graph } = await this.versions.get(run.engine.version_id);
    const failures = tasks
      // What the items of a mapped node come to is said by the node's own task.
      .filter(
        (task) =>
          task.state === 'FAILED' &&
          task.index === null &&
          !graph.nodes.get(task.node_id)?.definition.allow_failure,
      )
      .sort((a, b) => (a.finished_at?.getTime() ?? 0) - (b.finished_at?.getTime() ?? 0));
    const first = failures[0];
    if (!first) return null;
    return { type: 'Failed', message: 'no message', ...first.error, node_id: first.node_id };
  }
}

/** The last lines of the log of a run that has ended. */
function lastWords({ state, error, duration_seconds }: Run): LastLine[] {
  const seconds = duration_seconds === null ? '' : ` after ${duration_seconds.toFixed(2)} s`;
  const last: LastLine = { level: 'INFO', message: `run ended ${state}${seconds}` };
  if (!error) return [last];
  const why = error.node_id ? ` because ${error.node_id} did` : '';
  return [{ level: 'ERROR', message: `run failed${why}: ${error.message}` }, last];
}
