import { Injectable } from '@nestjs/common';
import { TaskService, TaskSlots, TriggeredRuns } from '@tauro/orchestration';
import { Deliveries } from '../notifications/deliveries.js';
import { WAKE_QUEUE, type WakeJob } from '@tauro/queue';

/** Carries a wake-up to the task, the pool, the notification or the event it is for. */
@Injectable()
export class WakeProcessor {
  readonly queue = WAKE_QUEUE;

  constructor(
    private readonly tasks: TaskService,
    private readonly slots: TaskSlots,
    private readonly deliveries: Deliveries,
    private readonly triggered: TriggeredRuns,
  ) {}

  process(job: WakeJob): Promise<void> {
    if ('pool' in job) return this.slots.fill([{ kind: 'pool', id: job.pool }]);
    if ('notification' in job) {
      // Sending takes its time, and wake-ups must not wait for it.
      this.deliveries.take(job.notification);
      return Promise.resolve();
    }
    if ('trigger_event' in job) return this.triggered.carryOut(job.trigger_event);
    return this.tasks.wake(job.task_id);
  }
}
