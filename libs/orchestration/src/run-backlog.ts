import { Injectable } from '@nestjs/common';
import { DomainError } from '@tauro/domain';
import { Env } from '@tauro/platform';
import { Collections } from './collections.js';

/** How old the count of queued runs may be. */
const FRESH_MS = 1000;

/**
 * Keeps the queue of started runs from growing without bound: whoever asks for a start from outside asks here first.
 * What the engine starts by itself is not asked, since a run that waits for it is in the queue already.
 */
@Injectable()
export class RunBacklog {
  private counted?: { at: number; queued: Promise<number> };
  /** Starts let through since the last count, so that a burst does not pass as a whole. */
  private since = 0;

  constructor(
    private readonly db: Collections,
    private readonly env: Env,
  ) {}

  /**
   * @param wanted how many runs are to be started, or which, when they exist: one that is not PENDING needs no room,
   *   because starting it again changes nothing.
   * @throws DomainError SERVICE_UNAVAILABLE when `MAX_QUEUED_RUNS` started runs wait already, or would then. It may let
   *   through a few more, as many as other API processes start within a second.
   */
  async assertRoom(wanted: number | string[] = 1): Promise<void> {
    const most = this.env.MAX_QUEUED_RUNS;
    if (most === 0) return;
    if (await this.take(typeof wanted === 'number' ? wanted : wanted.length, most)) return;
    if (typeof wanted !== 'number' && (await this.take(await this.pendingOf(wanted), most))) return;
    throw new DomainError(
      'SERVICE_UNAVAILABLE',
      `The queue is full: ${most} started runs may wait to begin (MAX_QUEUED_RUNS), so nothing was ${typeof wanted === 'number' ? 'created' : 'started'}; try again later`,
    );
  }

  private async take(count: number, most: number): Promise<boolean> {
    if (count > 0 && (await this.queued(most)) + this.since + count > most) return false;
    this.since += count;
    return true;
  }

  /** How many runs are QUEUED, counted in an index and no further than it matters. */
  private queued(most: number): Promise<number> {
    if (!this.counted || performance.now() - this.counted.at > FRESH_MS) {
      const queued = this.db.runs.countDocuments({ state: 'QUEUED' }, { limit: most });
      this.counted = { at: performance.now(), queued };
      this.since = 0;
      queued.catch(() => (this.counted = undefined));
    }
    return this.counted.queued;
  }

  private pendingOf(ids: string[]): Promise<number> {
    return this.db.runs.countDocuments({ _id: { $in: ids }, state: 'PENDING' });
  }
}
