import { Injectable } from '@nestjs/common';
import { TaskService } from '@tauro/orchestration';
import { WAKE_QUEUE, type WakeJob } from '@tauro/queue';

/** Carries a wake-up to the task it is for. */
@Injectable()
export class WakeProcessor {
  readonly queue = WAKE_QUEUE;

  constructor(private readonly tasks: TaskService) {}

  process({ task_id }: WakeJob): Promise<void> {
    return this.tasks.wake(task_id);
  }
}
