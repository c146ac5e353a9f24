import { type TaskJob, TASK_QUEUE } from '@tauro/queue';
import { Inject, Injectable } from '@nestjs/common';
import { TaskService } from '@tauro/orchestration';
import { type TaskHandlers } from '@tauro/nodes';
import { Env } from '@tauro/platform';
import { TasksInHand } from '../execution/in-hand.js';
import { TaskRunner } from '../execution/task-runner.js';
import { HANDLERS } from '../tokens.js';

/** Carries a job to the runner. */
@Injectable()
export class TaskProcessor {
  readonly queue = TASK_QUEUE;

  constructor(
    private readonly runner: TaskRunner,
    private readonly tasks: TaskService,
    private readonly env: Env,
    private readonly inHand: TasksInHand,
    @Inject(HANDLERS) private readonly handlers: TaskHandlers,
  ) {}

  async process({ task_id, run_id, handler, requires = [] }: TaskJob): Promise<void> {
    const able = !handler || this.handlers.names().includes(handler);
    const offers = requires.every((tag) => this.env.WORKER_TAGS.includes(tag));
    if (!able || !offers || !this.inHand.accepting) return this.tasks.passOn(task_id);
    await this.runner.run(task_id, run_id);
  }
}
