import { Injectable } from '@nestjs/common';
import { TaskService, TaskSlots } from '@tauro/orchestration';
import { Deliveries } from '../notifications/deliveries.js';
import { WAKE_QUEUE, type WakeJob } from '@tauro/queue';

/** Carries a wake-up to the task, the pool or the notification it is for. */
@Injectable()
export class WakeProcessor {
  readonly queue = WAKE_QUEUE;

  constructor(
    private readonly tasks: TaskService,
    private readonly slots: TaskSlots,
    private readonly deliveries: Deliveries,
  ) {}

  process(job: WakeJob): Promise<void> {
    if ('pool' in job) return this.slots.fill([{ kind: 'pool', id: job.pool }]);
    if ('notification' in job) {
      // Sending takes its time, and wake-ups must not wait for it.
      this.deliveries.take(job.notification);
      return Promise.resolve();
    }
    return this.tasks.wake(job.task_id);
  }
}
