import { Injectable } from '@nestjs/common';
import { type Failure, type Run, type Task } from '@tauro/database';
import { conflict, isStopped, type Json, notFound, taskLabel } from '@tauro/domain';
import { Advancer } from './advancer.js';
import { Collections } from './collections.js';
import { RunLogWriter } from './run-log.writer.js';

/** What a person decided about an `approval` node. */
export interface Decision {
  approved: boolean;
  comment?: string | null;
  /** Who decided. */
  by?: string | null;
}

/** How a wait ends. */
interface End {
  state: 'SUCCESS' | 'FAILED';
  /** Replaces the task's output. */
  output?: Json;
  error?: Failure;
  /** What the log says about it. */
  message: string;
}

/** When the reconciler advances the run if whoever ended the wait did not. */
const FOLLOW_UP_MS = 5000;

/**
 * The end of a task that WAITS: its time has come, or a person decided. It holds no claim and no slot, so the one
 * guarded write WAITING -> terminal decides every race, between two people or between a person and the deadline.
 */
@Injectable()
export class WaitService {
  constructor(
    private readonly db: Collections,
    private readonly advancer: Advancer,
    private readonly logs: RunLogWriter,
  ) {}

  /** The time of a wait has come: an `approval` nobody decided fails, any other wait has done what it should. */
  async over(run: Run, task: Task): Promise<void> {
    const name = `task ${taskLabel(task)}`;
    if (!task.engine.approval) {
      await this.end(run, task, { state: 'SUCCESS', message: `${name} ended SUCCESS after its wait` });
      return;
    }
    const message = `nobody decided until ${task.engine.wake_at!.toISOString()}`;
    await this.end(run, task, {
      state: 'FAILED',
      error: { type: 'ApprovalTimeout', message },
      message: `${name} failed: ${message}`,
    });
  }

  /**
   * Approves or rejects a task that waits for it.
   * @param ref the task's id, or the id of its node. @throws DomainError NOT_FOUND; CONFLICT, naming the state,
   *   when it does not wait for approval, or no longer.
   */
  async decide(runId: string, ref: string, { approved, comment, by }: Decision): Promise<Task> {
    const run = await this.db.runs.findOne({ _id: runId });
    if (!run) throw notFound('run', runId);
    const task = await this.db.tasks.findOne(
      { run_id: runId, $or: [{ _id: ref }, { node_id: ref }] },
      { sort: { index: 1 } },
    );
    if (!task) throw notFound('task', ref, `in run '${runId}'`);
    if (isStopped(run, task) && task.state === 'WAITING') {
      throw conflict(`task '${ref}' is ${task.state}, but its run is being cancelled`);
    }
    if (task.state !== 'WAITING' || !task.engine.approval) throw undecidable(task, ref);

    const what = approved ? 'approved' : 'rejected';
    const decided_at = new Date();
    const output = {
      approved,
      comment: comment ?? null,
      by: by ?? null,
      decided_at: decided_at.toISOString(),
    };
    const told = `${what}${by ? ` by ${by}` : ''}${comment ? `: ${comment}` : ''}`;
    const ended = await this.end(run, task, {
      state: approved ? 'SUCCESS' : 'FAILED',
      output,
      ...(!approved && { error: { type: 'Rejected', message: told } }),
      message: `task ${taskLabel(task)} was ${told}`,
    });
    const after = await this.db.tasks.findOne({ _id: task._id });
    if (!after) throw notFound('task', ref, `in run '${runId}'`);
    if (!ended) throw undecidable(after, ref);
    return after;
  }

  /** WAITING -> terminal, and what follows. @returns false when somebody else was first. */
  private async end(run: Run, task: Task, { state, output, error, message }: End): Promise<boolean> {
    const now = new Date();
    const last = `attempts.${task.attempts.length - 1}`;
    const origin = { task_id: task._id, node_id: task.node_id, attempt: task.attempt };
    // Stored before the state is, so that whoever sees the state can read the whole story.
    this.logs.append(run._id, origin, error ? 'ERROR' : 'INFO', message);
    if (task.engine.approval)
      this.logs.append(run._id, origin, 'INFO', `task ${taskLabel(task)} ended ${state}`);
    await this.logs.flush(run._id);
    const { epoch } = this.db;
    const { matchedCount } = await this.db.tasks.updateOne(
      { _id: task._id, state: 'WAITING', 'engine.wake_at': task.engine.wake_at },
      {
        $set: {
          state,
          ...(output !== undefined && { output }),
          ...(error && { error }),
          finished_at: now,
          [`${last}.state`]: state,
          [`${last}.finished_at`]: now,
          [`${last}.error`]: error ?? null,
          'engine.wake_at': null,
          'engine.advanced': false,
          'engine.check_at': new Date(now.getTime() + FOLLOW_UP_MS),
        },
        $inc: { 'engine.failures': error ? 1 : 0 },
      },
    );
    if (matchedCount === 0) {
      this.logs.append(run._id, origin, 'WARNING', `task ${taskLabel(task)}: too late, it has ended already`);
      return false;
    }
    await this.advancer.advance(run, [{ ...task, state }], { epoch });
    return true;
  }
}

function undecidable(task: Task, ref: string): Error {
  return task.state === 'WAITING'
    ? conflict(`task '${ref}' is WAITING, but for a time: only an 'approval' node is approved or rejected`)
    : conflict(`task '${ref}' is ${task.state}; only a task that waits for approval is approved or rejected`);
}
