import { Injectable } from '@nestjs/common';
import { type Run, type Trigger, type TriggerEvent } from '@tauro/database';
import { DomainError, isAwaited, type JsonObject, MAX_TRIGGER_DEPTH, newId } from '@tauro/domain';
import { Batches } from '../batches.js';
import { Collections } from '../collections.js';
import { traceparentOfRun } from '../run-trace.js';
import { endedRunScope, triggeredParams } from './trigger-params.js';
import { LOOK_MS, TriggerOutbox } from './trigger-outbox.js';

/** A chain of reruns is followed so far back. */
const MOST_RERUNS = 1000;

/**
 * What the end of a run means to the triggers that wait for its pipeline: an event each, under a key that there can be
 * once, so all of this may be repeated. Runs that `pipeline` nodes make mean nothing to them: the run above ends too.
 *
 * Triggers are asked for at each end, together with those of other runs, and not remembered: the one look into an index
 * costs little, and a trigger counts for every run that ends after it was made.
 */
@Injectable()
export class RunTriggers {
  private readonly waiting = new Batches<string, Trigger[]>(async (ids) => {
    const $in = [...new Set(ids)];
    const found = await this.db.triggers.find({ kind: 'PIPELINE', enabled: true, after: { $in } }).toArray();
    return ids.map((id) => found.filter(({ after }) => after!.includes(id)));
  });

  constructor(
    private readonly db: Collections,
    private readonly outbox: TriggerOutbox,
  ) {}

  /** Harmless to repeat. */
  async ended(run: Run): Promise<void> {
    if (run.parent_run_id || run.state === 'CANCELLED') return;
    const found = await this.waiting.ask(run.pipeline_id);
    const triggers = found.filter(
      (one) => one.project_id === run.project_id && isAwaited(one.on!, run.state),
    );
    if (triggers.length === 0) return;
    // A rerun counts only if none of the runs that it repeats did.
    const key = await this.firstOf(run);
    for (const trigger of triggers) await this.happened(trigger, run, key);
  }

  private async happened(trigger: Trigger, run: Run, key: string): Promise<void> {
    const starts = trigger.after!.length === 1;
    const depth = (run.engine.trigger_depth ?? 0) + 1;
    const { scheduled_for, data_interval_start, data_interval_end } = run;
    const params = paramsOf(trigger, run, depth);
    const traceparent = traceparentOfRun(run);
    const { event, added } = await this.outbox.add({
      trigger_id: trigger._id,
      project_id: trigger.project_id,
      key,
      source_run_id: run._id,
      source_pipeline_id: run.pipeline_id,
      request_id: run.request_id,
      starts,
      retention_days: run.engine.retention_days,
      engine: {
        ...{ scheduled_for, data_interval_start, data_interval_end, depth },
        ...(traceparent && { traceparent }),
        ...(starts && !(params instanceof DomainError) && { params }),
      },
    });
    if (event.source_run_id !== run._id) return;
    const joining = event.state === 'WAITING';
    const ready = joining ? await this.join(trigger, event, params) : event;
    if (ready?.state !== 'PENDING') return;
    if (params instanceof DomainError) await this.outbox.fail(ready, params);
    else if (added || joining) await this.outbox.wake(ready);
  }

  /**
   * Uses up the events that wait, if there is one of every pipeline by now; together, so that each counts once.
   * @returns the event that starts the run, which is the one that was missing; null when others are.
   */
  private async join(
    trigger: Trigger,
    event: TriggerEvent,
    params: JsonObject | DomainError,
  ): Promise<TriggerEvent | null> {
    const { trigger_id, source_pipeline_id } = event;
    const events = this.db.triggerEvents;
    // Of several of one pipeline the newest is enough to wait.
    await events.updateMany(
      { trigger_id, source_pipeline_id, state: 'WAITING', _id: { $lt: event._id } },
      {
        $set: {
          state: 'SKIPPED',
          reason: 'another run of its pipeline ended after it',
          updated_at: new Date(),
        },
      },
    );
    let started: TriggerEvent | null = null;
    await this.db.transaction(async (session) => {
      started = null;
      const waiting = await events.find({ trigger_id, state: 'WAITING' }, { session }).toArray();
      const mine = waiting.find(({ _id }) => _id === event._id);
      const there = new Set(waiting.map((one) => one.source_pipeline_id));
      if (!mine || !trigger.after!.every((id) => there.has(id))) return;
      const now = new Date();
      const run_id = newId('run', now.getTime());
      const others = waiting.filter((one) => one !== mine).map(({ _id }) => _id);
      await events.updateMany(
        { _id: { $in: others }, state: 'WAITING' },
        { $set: { state: 'USED', run_id, updated_at: now } },
        { session },
      );
      const set = {
        state: 'PENDING' as const,
        run_id,
        updated_at: now,
        'engine.check_at': new Date(now.getTime() + LOOK_MS),
        ...(!(params instanceof DomainError) && { 'engine.params': params }),
      };
      started = await events.findOneAndUpdate(
        { _id: mine._id, state: 'WAITING' },
        { $set: set },
        { session, returnDocument: 'after' },
      );
    });
    return started;
  }

  private async firstOf(run: Run): Promise<string> {
    let [id, before] = [run._id, run.rerun_of];
    for (let steps = 0; before && steps < MOST_RERUNS; steps++) {
      id = before;
      const earlier = await this.db.runs.findOne({ _id: id }, { projection: { rerun_of: 1 } });
      before = earlier?.rerun_of ?? null;
    }
    return id;
  }
}

/** The params, or why there are none. */
function paramsOf(trigger: Trigger, run: Run, depth: number): JsonObject | DomainError {
  if (depth > MAX_TRIGGER_DEPTH) {
    const message = `${MAX_TRIGGER_DEPTH} runs have triggered one another before it; do their triggers go in a circle?`;
    return new DomainError('CONFLICT', message);
  }
  try {
    return triggeredParams(trigger, endedRunScope(run));
  } catch (error) {
    if (error instanceof DomainError) return error;
    throw error;
  }
}
