import { InjectQueue } from '@nestjs/bullmq';
import { Injectable, Logger } from '@nestjs/common';
import { type TriggerEvent } from '@tauro/database';
import { type DomainError, newId } from '@tauro/domain';
import { WAKE_QUEUE, type WakeJob } from '@tauro/queue';
import { type Queue } from 'bullmq';
import { randomUUID } from 'node:crypto';
import { Collections, DUPLICATE_KEY } from '../collections.js';

const DAY_MS = 86_400_000;
/** When somebody looks for the run of an event that nobody seems to make. */
export const LOOK_MS = 5000;

/** An event before it is stored. */
export type NewTriggerEvent = Pick<
  TriggerEvent,
  'trigger_id' | 'project_id' | 'key' | 'source_run_id' | 'source_pipeline_id' | 'request_id'
> & {
  /** Whether a run is decided upon: PENDING, else WAITING for other events. */
  starts: boolean;
  engine: Omit<TriggerEvent['engine'], 'check_at'>;
  retention_days: number;
};

/**
 * Events of triggers. Each is a document first, with the id of the run it wants, and a hint on the queue second; one
 * whose run is not there when it should be is found by the reconciler of any worker.
 */
@Injectable()
export class TriggerOutbox {
  private readonly logger = new Logger(TriggerOutbox.name);

  constructor(
    private readonly db: Collections,
    @InjectQueue(WAKE_QUEUE) private readonly wakes: Queue<WakeJob>,
  ) {}

  /** Stores an event, unless its trigger has it already. @returns the stored one, and whether it is new. */
  async add(wanted: NewTriggerEvent): Promise<{ event: TriggerEvent; added: boolean }> {
    const { starts, retention_days, engine, ...rest } = wanted;
    const now = new Date();
    const event: TriggerEvent = {
      _id: newId('evt', now.getTime()),
      ...rest,
      state: starts ? 'PENDING' : 'WAITING',
      reason: null,
      run_id: starts ? newId('run', now.getTime()) : null,
      created_at: now,
      updated_at: now,
      expires_at: new Date(now.getTime() + retention_days * DAY_MS),
      engine: { ...engine, ...(starts && { check_at: new Date(now.getTime() + LOOK_MS) }) },
    };
    try {
      await this.db.triggerEvents.insertOne(event);
      return { event, added: true };
    } catch (error) {
      if ((error as { code?: number }).code !== DUPLICATE_KEY) throw error;
    }
    const { trigger_id, key } = event;
    const same = [{ key }, ...(engine.signature ? [{ 'engine.signature': engine.signature }] : [])];
    const existing = await this.db.triggerEvents.findOne({ trigger_id, $or: same });
    if (!existing) throw new Error(`the event ${key} of ${trigger_id} is there, and is not`);
    return { event: existing, added: false };
  }

  /** No run can be made for it, nor for those that were to count for the same run. Harmless to repeat. */
  async fail({ trigger_id, run_id, key }: TriggerEvent, why: DomainError | string): Promise<void> {
    const reason = typeof why === 'string' ? why : reasonOf(why);
    this.logger.warn({ trigger_id }, `no run for ${key}: ${reason}`);
    await this.db.triggerEvents.updateMany(
      { trigger_id, run_id, state: { $in: ['PENDING', 'USED'] } },
      {
        $set: { state: 'FAILED', reason, run_id: null, updated_at: new Date() },
        $unset: { 'engine.check_at': 1, 'engine.params': 1 },
      },
    );
  }

  /** Has a worker make the run of an event. */
  async wake({ _id }: TriggerEvent): Promise<void> {
    try {
      await this.wakes.add('trigger', { trigger_event: _id }, { jobId: `${_id}-${randomUUID()}` });
    } catch (error) {
      this.logger.warn(`not enqueued, the reconciler will find it: ${(error as Error).message}`);
    }
  }
}

function reasonOf({ message, details }: DomainError): string {
  const parts = details.map(({ field, message: what }) => `${field}: ${what}`);
  return [...new Set([message, ...parts])].join('; ').slice(0, 1000);
}
