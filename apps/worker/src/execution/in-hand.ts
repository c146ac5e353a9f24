import { Inject, Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { mappedTaskId } from '@tauro/domain';
import { type ClaimedTask, LeaseService } from '@tauro/orchestration';
import { Env } from '@tauro/platform';
import { Signals } from '@tauro/queue';
import { WORKER_ID } from '../worker-id.js';

/** Why an executor is told to stop. */
export type StopReason = 'cancelled' | 'timeout' | 'claim lost' | 'worker stops';

/** An attempt under way in this process. */
export interface InHand {
  claimed: ClaimedTask;
  /** Its signal's `reason` is a `StopReason`. */
  abort: AbortController;
  /** Monotonic time of the last heartbeat that the database confirmed. */
  renewedAt: number;
  /** Its executor has ended, and how is being stored: nothing is left to be stopped. */
  ended: boolean;
}

/** Left of a lease when a worker that cannot renew it stops its task, before somebody else may start it. */
const MARGIN_MS = 2000;

/**
 * What this worker executes at the moment: it renews the leases of all of it with one write per heartbeat, and
 * aborts what was cancelled, what it lost, and what it can no longer prove to own.
 */
@Injectable()
export class TasksInHand implements OnModuleInit, OnModuleDestroy {
  private readonly logger = new Logger(TasksInHand.name);
  private readonly held = new Map<string, InHand>();
  /** False while this worker drains: it finishes what it has and takes nothing new. */
  accepting = true;
  private timer?: NodeJS.Timeout;
  private unlisten?: () => void;

  constructor(
    private readonly leases: LeaseService,
    private readonly signals: Signals,
    private readonly env: Env,
    @Inject(WORKER_ID) private readonly workerId: string,
  ) {}

  onModuleInit(): void {
    this.unlisten = this.signals.onStopped((id, below) => this.abortRuns(new Map([[id, below]])));
    this.schedule();
  }

  onModuleDestroy(): void {
    clearTimeout(this.timer);
    this.unlisten?.();
  }

  get count(): number {
    return this.held.size;
  }

  tasks(): { task_id: string; run_id: string; node_id: string }[] {
    return [...this.held.values()].map(({ claimed: { task } }) => ({
      task_id: task._id,
      run_id: task.run_id,
      node_id: task.node_id,
    }));
  }

  take(claimed: ClaimedTask): InHand {
    const inHand: InHand = {
      claimed,
      abort: new AbortController(),
      renewedAt: performance.now(),
      ended: false,
    };
    this.held.set(claimed.claimId, inHand);
    return inHand;
  }

  release(claimId: string): void {
    this.held.delete(claimId);
  }

  /** Whether the lease may be trusted to be ours still. */
  owns(inHand: InHand): boolean {
    return performance.now() - inHand.renewedAt < this.env.LEASE_SECONDS * 1000 - MARGIN_MS / 2;
  }

  abortAll(reason: StopReason): void {
    for (const inHand of this.held.values()) inHand.abort.abort(reason);
  }

  /** @param stopped below which stage each run, or the items of each mapped task, were told to stop. */
  private abortRuns(stopped: ReadonlyMap<string, number>): void {
    for (const inHand of this.held.values()) {
      const { run, task } = inHand.claimed;
      const item = task.index === null ? 0 : (stopped.get(mappedTaskId(task._id)) ?? 0);
      if (task.engine.stage < Math.max(item, stopped.get(run._id) ?? 0))
        inHand.abort.abort('cancelled' satisfies StopReason);
    }
  }

  private schedule(): void {
    const interval = Math.min(this.env.HEARTBEAT_SECONDS, this.env.LEASE_SECONDS / 3) * 1000;
    this.timer = setTimeout(() => {
      void this.heartbeat().finally(() => {
        if (this.unlisten) this.schedule();
      });
    }, interval);
  }

  private async heartbeat(): Promise<void> {
    const all = [...this.held.values()];
    if (all.length === 0) return;
    const sentAt = performance.now();
    try {
      const claims = all.map(({ claimed }) => ({ taskId: claimed.task._id, claimId: claimed.claimId }));
      const [owned, stopped] = await Promise.all([
        this.leases.renew(this.workerId, claims),
        // Whoever missed the signal finds out here.
        this.leases.stopped([...new Set(all.map(({ claimed }) => claimed.run._id))]),
      ]);
      for (const inHand of all) {
        if (owned.has(inHand.claimed.claimId)) inHand.renewedAt = sentAt;
        else if (this.held.has(inHand.claimed.claimId)) this.giveUp(inHand);
      }
      this.abortRuns(stopped);
    } catch (error) {
      this.logger.warn(`heartbeat failed: ${(error as Error).message}`);
      for (const inHand of all) {
        if (performance.now() - inHand.renewedAt > this.env.LEASE_SECONDS * 1000 - MARGIN_MS)
          this.giveUp(inHand);
      }
    }
  }

  private giveUp({ claimed, abort, ended }: InHand): void {
    if (ended) return;
    this.logger.warn(
      { run_id: claimed.run._id, project_id: claimed.run.project_id },
      `${claimed.task._id}: the claim is lost, stopping it`,
    );
    abort.abort('claim lost' satisfies StopReason);
  }
}
