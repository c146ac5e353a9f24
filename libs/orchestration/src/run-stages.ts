import { Injectable } from '@nestjs/common';
import { type Run, type Task } from '@tauro/database';
import { executes, STAGES } from '@tauro/domain';
import { Collections } from './collections.js';
import { Dispatcher } from './dispatcher.js';
import { PinnedVersions } from './pinned-versions.js';
import { RunLogWriter } from './run-log.writer.js';

export type RunOutcome = NonNullable<Run['engine']['outcome']>;

/** When the reconciler looks whether a stage that was opened has begun. */
const FOLLOW_UP_MS = 10_000;

/** Opens the `on_failure` and `finally` stages of a run, once what comes before them has ended. */
@Injectable()
export class RunStages {
  constructor(
    private readonly db: Collections,
    private readonly versions: PinnedVersions,
    private readonly dispatcher: Dispatcher,
    private readonly logs: RunLogWriter,
  ) {}

  /**
   * Writes down how the main nodes ended, with the time at which the reconciler looks whether the rest followed;
   * then hands the first tasks of the stage to the workers, or skips all of them. Repeating it is harmless.
   * @returns `changed` when the run was told to stop meanwhile, or has nothing to execute here: look at it again.
   */
  async open(run: Run, stage: number, outcome: RunOutcome): Promise<'executes' | 'changed'> {
    if (run.engine.stage < stage) {
      const { matchedCount } = await this.db.runs.updateOne(
        {
          _id: run._id,
          state: run.state,
          'engine.stage': run.engine.stage,
          'engine.stop_below': run.engine.stop_below,
        },
        {
          $set: {
            'engine.stage': stage,
            'engine.outcome': outcome,
            'engine.check_at': new Date(Date.now() + FOLLOW_UP_MS),
            // All tasks before are terminal; a cancel may have left slots with them.
            ...(run.engine.limit && { 'engine.limit.holders': [] }),
          },
        },
      );
      if (matchedCount === 0) return 'changed';
    }
    return (await this.begin(run, stage, outcome)) ? 'executes' : 'changed';
  }

  /**
   * Starts what may start in a stage that is open, or skips it as a whole. Repeating it is harmless.
   * @returns whether it executes, as far as its guards let it.
   */
  async begin(run: Run, stage = run.engine.stage, outcome = run.engine.outcome): Promise<boolean> {
    if (outcome && !executes(stage, outcome.state)) {
      await this.skip(run, stage);
      return false;
    }
    const { graph } = await this.versions.get(run.engine.version_id);
    return this.dispatcher.release(run, [...graph.stages[stage]!.roots]);
  }

  private async skip(run: Run, stage: number): Promise<void> {
    const pending = { run_id: run._id, state: 'PENDING' as const, 'engine.stage': stage };
    const tasks = await this.db.tasks
      .find(pending)
      .project<Pick<Task, '_id' | 'node_id'>>({ node_id: 1 })
      .toArray();
    for (const { _id, node_id } of tasks) {
      const origin = { task_id: _id, node_id, attempt: 0 };
      this.logs.append(
        run._id,
        origin,
        'INFO',
        `task ${node_id} ended SKIPPED: nothing failed (${STAGES[stage]})`,
      );
    }
    await this.logs.flush(run._id);
    await this.db.tasks.updateMany(pending, {
      $set: { state: 'SKIPPED', finished_at: new Date(), 'engine.advanced': true },
    });
  }
}
