import { Injectable } from '@nestjs/common';
import { Env } from '@tauro/platform';
import { Collections, FAST } from './collections.js';

/** What a worker asks with every heartbeat. */
@Injectable()
export class LeaseService {
  constructor(
    private readonly db: Collections,
    private readonly env: Env,
  ) {}

  /**
   * Renews the leases of what a worker has in hand.
   * @returns the claims it still owns; it must stop the others.
   */
  async renew(workerId: string, claims: { taskId: string; claimId: string }[]): Promise<Set<string>> {
    const lease = { $add: ['$$NOW', this.env.LEASE_SECONDS * 1000] };
    const mine = {
      _id: { $in: claims.map(({ taskId }) => taskId) },
      state: 'RUNNING' as const,
      'engine.claim.worker_id': workerId,
      'engine.claim.id': { $in: claims.map(({ claimId }) => claimId) },
    };
    await this.db.tasks.updateMany(
      mine,
      [{ $set: { 'engine.claim.lease_until': lease, 'engine.check_at': lease } }],
      FAST,
    );
    const owned = await this.db.tasks
      .find(mine)
      .project<{ engine: { claim: { id: string } } }>({ 'engine.claim.id': 1 })
      .toArray();
    return new Set(owned.map(({ engine }) => engine.claim.id));
  }

  /** Which of these runs were told to stop, and below which stage, for a worker that missed the signal. */
  async stopped(runIds: string[]): Promise<Map<string, number>> {
    const runs = await this.db.runs
      .find({ _id: { $in: runIds }, 'engine.stop_below': { $gt: 0 } })
      .project<{ _id: string; engine: { stop_below: number } }>({ 'engine.stop_below': 1 })
      .toArray();
    return new Map(runs.map(({ _id, engine }) => [_id, engine.stop_below]));
  }
}
