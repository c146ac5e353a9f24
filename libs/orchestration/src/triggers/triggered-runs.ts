import { Injectable, Logger } from '@nestjs/common';
import { type TriggerEvent } from '@tauro/database';
import { conflict, DomainError } from '@tauro/domain';
import { Collections } from '../collections.js';
import { RunCreation } from '../run-creation.service.js';
import { carriedOut } from './trigger-metrics.js';
import { LOOK_MS, TriggerOutbox } from './trigger-outbox.js';

/** Most events looked at per sweep; the rest follows with the next. */
const BATCH = 200;

/** Makes the runs that events want. The run's id is in the event, so however often this is done, there is one run. */
@Injectable()
export class TriggeredRuns {
  private readonly logger = new Logger(TriggeredRuns.name);

  constructor(
    private readonly db: Collections,
    private readonly creation: RunCreation,
    private readonly outbox: TriggerOutbox,
  ) {}

  /** Makes the run of an event that wants one, or notes why there is none. Harmless to repeat. */
  async carryOut(id: string): Promise<void> {
    const event = await this.db.triggerEvents.findOne({ _id: id, state: 'PENDING' });
    if (event) await this.start(event);
  }

  /** The same for an event at hand. @returns why there is no run, if so. */
  async start(event: TriggerEvent): Promise<DomainError | undefined> {
    const { params } = event.engine;
    // Whoever wrote it has not said yet what is wrong with it, and will.
    if (!params) return undefined;
    const exists = await this.db.runs.countDocuments({ _id: event.run_id! }, { limit: 1 });
    const failure = exists ? undefined : await this.create(event, params);
    const kind = event.source_run_id ? 'PIPELINE' : 'WEBHOOK';
    if (failure) {
      await this.outbox.fail(event, failure);
      carriedOut.inc({ kind, outcome: 'failed' });
      return failure;
    }
    const { modifiedCount } = await this.db.triggerEvents.updateOne(
      { _id: event._id, state: 'PENDING', run_id: event.run_id },
      {
        $set: { state: 'STARTED', updated_at: new Date() },
        $unset: { 'engine.check_at': 1, 'engine.params': 1 },
      },
    );
    if (modifiedCount > 0) carriedOut.inc({ kind, outcome: 'started' });
    return undefined;
  }

  /** Takes up what is due and nobody seems to have in hand. @param now by the database's clock. */
  async sweep(now: Date): Promise<void> {
    const due = { 'engine.check_at': { $lte: now } };
    const events = await this.db.triggerEvents
      .find(due)
      .sort({ 'engine.check_at': 1 })
      .limit(BATCH)
      .project<{ _id: string }>({ _id: 1 })
      .toArray();
    if (events.length === 0) return;
    const until = new Date(now.getTime() + LOOK_MS);
    const $in = events.map(({ _id }) => _id);
    await this.db.triggerEvents.updateMany({ _id: { $in }, ...due }, { $set: { 'engine.check_at': until } });
    for (const { _id } of events) {
      await this.carryOut(_id).catch((error: Error) => this.logger.warn(`${_id} put off: ${error.message}`));
    }
  }

  private async create(
    event: TriggerEvent,
    params: NonNullable<TriggerEvent['engine']['params']>,
  ): Promise<DomainError | undefined> {
    const trigger = await this.db.triggers.findOne({ _id: event.trigger_id });
    if (!trigger) return conflict('its trigger was deleted');
    const { scheduled_for, data_interval_start, data_interval_end, depth, traceparent } = event.engine;
    try {
      await this.creation.create({
        project_id: trigger.project_id,
        pipeline_id: trigger.pipeline_id,
        params,
        tags: { ...trigger.tags, triggered_by: 'trigger' },
        start: true,
        request_id: event.request_id,
        trigger: {
          ...{ scheduled_for, data_interval_start, data_interval_end },
          run_id: event.run_id!,
          repeated: true,
          trigger_id: trigger._id,
          triggered_by_run_id: event.source_run_id,
          trigger_depth: depth,
          traceparent,
        },
      });
    } catch (error) {
      // Its pipeline is gone, say, or does not take these params: the next event may do better.
      if (error instanceof DomainError) return error;
      throw error;
    }
    return undefined;
  }
}
