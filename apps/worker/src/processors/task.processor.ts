import { type TaskJob, TASK_QUEUE } from '@tauro/queue';
import { Inject, Injectable } from '@nestjs/common';
import { TaskService } from '@tauro/orchestration';
import { type TaskHandlers } from '@tauro/nodes';
import { TaskRunner } from '../execution/task-runner.js';
import { HANDLERS } from '../tokens.js';

/** Carries a job to the runner. */
@Injectable()
export class TaskProcessor {
  readonly queue = TASK_QUEUE;

  constructor(
    private readonly runner: TaskRunner,
    private readonly tasks: TaskService,
    @Inject(HANDLERS) private readonly handlers: TaskHandlers,
  ) {}

  async process({ task_id, handler }: TaskJob): Promise<void> {
    if (handler && !this.handlers.names().includes(handler)) return this.tasks.passOn(task_id);
    await this.runner.run(task_id);
  }
}
