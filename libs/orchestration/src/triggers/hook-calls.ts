import { Injectable } from '@nestjs/common';
import { type Trigger, type TriggerEvent } from '@tauro/database';
import { conflict, type JsonObject, newId } from '@tauro/domain';
import { Env } from '@tauro/platform';
import { Collections } from '../collections.js';
import { traceparentOfNew } from '../run-trace.js';
import { LOOK_MS, TriggerOutbox } from './trigger-outbox.js';
import { TriggeredRuns } from './triggered-runs.js';

/** A call that is genuine, and what it asks for. */
export interface HookCall {
  /** What the sender calls it; one that has been here before starts nothing. Null: it is never the same as another. */
  delivery: string | null;
  /** SHA-256 of its body. */
  digest: string;
  /** SHA-256 of a signature that covers the time. */
  signature?: string;
  params: JsonObject;
  request_id: string;
}

/** Calls that start runs, each once however often it comes. */
@Injectable()
export class HookCalls {
  constructor(
    private readonly db: Collections,
    private readonly env: Env,
    private readonly outbox: TriggerOutbox,
    private readonly runs: TriggeredRuns,
  ) {}

  /**
   * Starts the run that a call asks for, and none if it was here before; one that came to nothing then is tried again.
   * @returns the event, and whether it was here before.
   * @throws DomainError CONFLICT for another call of the same id, or whatever keeps the run from being made.
   */
  async accept(trigger: Trigger, call: HookCall): Promise<{ event: TriggerEvent; repeated: boolean }> {
    const { delivery, digest, signature, params, request_id } = call;
    const traceparent = traceparentOfNew();
    const none = { scheduled_for: null, data_interval_start: null, data_interval_end: null };
    const { event, added } = await this.outbox.add({
      trigger_id: trigger._id,
      project_id: trigger.project_id,
      key: delivery ?? newId('req'),
      source_run_id: null,
      source_pipeline_id: null,
      request_id,
      starts: true,
      retention_days: this.env.RETENTION_DAYS,
      engine: {
        ...{ ...none, depth: 0, params, digest },
        ...(signature && { signature }),
        ...(traceparent && { traceparent }),
      },
    });
    if (event.engine.digest !== digest) {
      throw conflict(`delivery '${event.key}' was here before, with another body`);
    }
    const current = event.state === 'FAILED' ? await this.revive(event, params) : event;
    if (current.state === 'PENDING') {
      const failure = await this.runs.start(current);
      if (failure) throw failure;
    }
    return { event: current, repeated: !added };
  }

  /** FAILED -> PENDING, for another run. */
  private async revive(event: TriggerEvent, params: JsonObject): Promise<TriggerEvent> {
    const now = new Date();
    const revived = await this.db.triggerEvents.findOneAndUpdate(
      { _id: event._id, state: 'FAILED' },
      {
        $set: {
          state: 'PENDING',
          reason: null,
          run_id: newId('run', now.getTime()),
          updated_at: now,
          'engine.params': params,
          'engine.check_at': new Date(now.getTime() + LOOK_MS),
        },
      },
      { returnDocument: 'after' },
    );
    if (!revived) throw conflict(`delivery '${event.key}' is being taken by another call; try again`);
    return revived;
  }
}
