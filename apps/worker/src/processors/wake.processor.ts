import { Injectable } from '@nestjs/common';
import { TaskService, TaskSlots } from '@tauro/orchestration';
import { WAKE_QUEUE, type WakeJob } from '@tauro/queue';

/** Carries a wake-up to the task or the pool it is for. */
@Injectable()
export class WakeProcessor {
  readonly queue = WAKE_QUEUE;

  constructor(
    private readonly tasks: TaskService,
    private readonly slots: TaskSlots,
  ) {}

  process(job: WakeJob): Promise<void> {
    if ('pool' in job) return this.slots.fill([{ kind: 'pool', id: job.pool }]);
    return this.tasks.wake(job.task_id);
  }
}
