import { Injectable } from '@nestjs/common';
import { type Run, type Task } from '@tauro/database';
import {
  DomainError,
  type ErrorCode,
  isStopped,
  isTerminalRun,
  isTerminalTask,
  type NodeDefinition,
  subRunId,
} from '@tauro/domain';
import { outputFault, type SubRunRequest } from '@tauro/nodes';
import { Env } from '@tauro/platform';
import { Advancer } from './advancer.js';
import { Collections, FAST } from './collections.js';
import { Dispatcher } from './dispatcher.js';
import { PinnedVersions } from './pinned-versions.js';
import { RunLogWriter } from './run-log.writer.js';
import { RunCreation } from './run-creation.service.js';
import { RunService } from './run.service.js';
import { attemptEnd, type Outcome, settlementOf } from './settlement.js';
import { totalDeadline } from './task-policy.js';

/** Runs that start runs that start runs: so many below the first. */
export const MAX_DEPTH = 10;
/** As for the params of any run. */
const MAX_PARAMS_BYTES = 262_144;
/** How often the reconciler looks whether a sub-run has ended without anybody hearing of it. */
const LOOK_MS = 15_000;
/** Its own tasks say what went in and out. */
const NO_FLOW = { rows_in: 0, bytes_in: 0, rows_out: 0, bytes_out: 0 };
/** What is wrong with the request stays wrong however often it is tried. */
const REFUSALS: Partial<Record<ErrorCode, string>> = {
  NOT_FOUND: 'PipelineNotFound',
  CONFLICT: 'PipelineNotFound',
  VALIDATION_ERROR: 'InvalidParams',
};

/**
 * Runs that are made by a `pipeline` node. The sub-run is stored before its task waits for it, under an id that
 * follows from the task and its failures: repeated after a crash it is the same run. From then on a look at the two
 * decides what is to be done (start it, cancel it, end the task with it), whoever looks and however often: after
 * the settlement, by the wake-up that the end of the sub-run sends, and by the reconciler.
 */
@Injectable()
export class SubRunService {
  constructor(
    private readonly db: Collections,
    private readonly env: Env,
    private readonly versions: PinnedVersions,
    private readonly runs: RunService,
    private readonly creation: RunCreation,
    private readonly dispatcher: Dispatcher,
    private readonly advancer: Advancer,
    private readonly logs: RunLogWriter,
  ) {}

  /** Stores the run that a task asks for. @returns why it cannot be; nothing when it exists. */
  async plant(
    { run, task, node }: { run: Run; task: Task; node: NodeDefinition },
    wanted: SubRunRequest,
  ): Promise<Outcome | undefined> {
    const refused = (type: string, message: string): Outcome => ({
      kind: 'failure',
      error: { type, message },
      retryable: false,
    });
    if (run.engine.depth >= MAX_DEPTH) {
      const message = `this run is ${run.engine.depth} runs below the first, and ${MAX_DEPTH} are allowed`;
      return refused('TooDeep', message);
    }
    const bytes = Buffer.byteLength(JSON.stringify(wanted.params));
    if (bytes > MAX_PARAMS_BYTES) {
      return refused(
        'InvalidParams',
        `config.params has ${bytes} bytes, at most ${MAX_PARAMS_BYTES} are allowed`,
      );
    }
    try {
      await this.creation.createSub(run, task, {
        ...wanted,
        timeout_seconds: node.timeout_seconds,
        deadline: totalDeadline(node, task),
      });
      return undefined;
    } catch (error) {
      const type = error instanceof DomainError ? REFUSALS[error.code] : undefined;
      if (type === undefined) throw error;
      const { message, details = [] } = error as DomainError;
      if (details.length === 0) return refused(type, message);
      const faults = details.map((fault) =>
        fault.message.startsWith(fault.field) ? fault.message : `${fault.field}: ${fault.message}`,
      );
      return refused(type, `pipeline '${wanted.pipeline_id}': ${faults.join('; ')}`);
    }
  }

  /** What a task and the run it waits for need next. Harmless to repeat. */
  async look(run: Run, task: Task): Promise<void> {
    const sub = await this.db.runs.findOne({ _id: task.sub_run_id! });
    if (sub && !isTerminalRun(sub.state)) {
      await this.db.tasks.updateOne(
        { _id: task._id, state: 'WAITING', sub_run_id: sub._id },
        { $set: { 'engine.check_at': new Date(Date.now() + LOOK_MS) } },
        FAST,
      );
    }
    const stopped = await this.isStopped(run, task);
    if (!sub || isTerminalRun(sub.state)) await this.end(run, task, sub, stopped);
    else if (stopped) await this.runs.cancelIfActive(sub._id);
    else if (sub.state === 'PENDING') await this.runs.start(sub._id);
  }

  /** A sub-run that nobody has started: by a worker that died, or was given up, before its task waited for it. */
  async adopt(sub: Run): Promise<void> {
    const task = await this.db.tasks.findOne({ _id: sub.parent_task_id! });
    const run = task && (await this.db.runs.findOne({ _id: task.run_id }));
    if (run && task?.state === 'WAITING' && task.sub_run_id === sub._id) return this.look(run, task);
    const expected = task && !isTerminalTask(task.state) && subRunId(task) === sub._id;
    if (!expected) return this.runs.cancelIfActive(sub._id);
    // The attempt is repeated; should it come to another end, nobody needs this run.
    const later = { $set: { 'engine.check_at': new Date(Date.now() + LOOK_MS) } };
    await this.db.runs.updateOne({ _id: sub._id, state: 'PENDING' }, later, FAST);
  }

  private async isStopped(run: Run, task: Task): Promise<boolean> {
    if (task.engine.stop) return true;
    const current = await this.db.runs.findOne({ _id: run._id }, { projection: { 'engine.stop_below': 1 } });
    return !current || isStopped(current, task);
  }

  /** WAITING -> what the sub-run has come to. */
  private async end(run: Run, task: Task, sub: Run | null, stopped: boolean): Promise<void> {
    const version = await this.versions.get(run.engine.version_id);
    const node = version.graph.nodes.get(task.node_id)!.definition;
    let outcome = outcomeOf(task, sub, stopped);
    if (outcome.kind === 'success') {
      const unlike = outputFault(node, outcome.output);
      if (unlike) {
        const message = `the output is not as declared: ${unlike}`;
        outcome = { kind: 'failure', error: { type: 'InvalidOutput', message }, retryable: false };
      }
    }
    const settlement = settlementOf(outcome, { task, node, version }, this.env);
    const origin = { task_id: task._id, node_id: task.node_id, attempt: task.attempt };
    if (settlement.cause) this.logs.append(run._id, origin, 'ERROR', settlement.cause);
    this.logs.append(run._id, origin, settlement.level, settlement.message);
    await this.logs.flush(run._id);
    const { epoch } = this.db;
    const { matchedCount } = await this.db.tasks.updateOne(
      { _id: task._id, state: 'WAITING', sub_run_id: task.sub_run_id },
      { $set: attemptEnd(task, settlement) },
      FAST,
    );
    if (matchedCount === 0) return;
    const { state } = settlement;
    if (state === 'RETRYING') await this.dispatcher.wakeAt(task, settlement.set['engine.wake_at'] as Date);
    else await this.advancer.advance(run, [{ ...task, state }], { epoch });
  }
}

function outcomeOf(task: Task, sub: Run | null, stopped: boolean): Outcome {
  if (sub?.state === 'SUCCESS') {
    const { rows_processed: rows, bytes_processed: bytes } = sub.metrics;
    const output = { run_id: sub._id, state: sub.state, outputs: sub.outputs ?? {} };
    return { kind: 'success', output, metrics: { ...NO_FLOW, rows, bytes } };
  }
  if (stopped) return { kind: 'cancelled' };
  const failure = (type: string, what: string, retryable: boolean): Outcome => ({
    kind: 'failure',
    error: { type, message: `run ${task.sub_run_id} ${what}` },
    retryable,
  });
  if (!sub) return failure('SubRunLost', 'was deleted', true);
  if (sub.state === 'CANCELLED') return failure('SubRunCancelled', 'was cancelled', false);
  const { node_id, message = 'no message' } = sub.error ?? {};
  return failure('SubRunFailed', `failed${node_id ? ` because ${node_id} did` : ''}: ${message}`, true);
}
