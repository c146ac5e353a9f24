import { InjectQueue } from '@nestjs/bullmq';
import { Injectable, Logger } from '@nestjs/common';
import { type Notification } from '@tauro/database';
import { backoffSeconds, conflict, notFound } from '@tauro/domain';
import { Env } from '@tauro/platform';
import { WAKE_QUEUE, type WakeJob } from '@tauro/queue';
import { type Queue } from 'bullmq';
import { randomUUID } from 'node:crypto';
import { Collections, FAST, tolerateDuplicates } from '../collections.js';
import { NotificationSources } from './sources.js';

const DAY_MS = 86_400_000;
const MAX_BACKOFF_SECONDS = 3600;
/** A reason is for people; what an answer of a receiver may add to it is bounded. */
const MAX_ERROR_LENGTH = 1000;

/** A notification that this process has taken up, and may send. */
export interface ClaimedNotification {
  notification: Notification;
  claim: string;
}

/** Whoever sends what is due. */
export interface Deliverer {
  /** How many it can take up now. */
  readonly free: number;
  /** Receivers that it has enough under way for. */
  readonly crowded: string[];
  take(id: string): void;
}

/** How an attempt that failed was recorded. */
export interface FailedAttempt {
  state: 'PENDING' | 'DEAD';
  /** Until the next attempt. */
  seconds: number;
}

/**
 * Notifications on their way out. Each is a document first and a hint on the queue second; a document whose
 * `next_attempt_at` has passed is found by the reconciler of any worker. Taking one up moves that time ahead by as long
 * as an attempt may take, in one guarded write: so nobody else takes it meanwhile, and one that was never heard of again
 * is due once more.
 */
@Injectable()
export class NotificationOutbox {
  private readonly logger = new Logger(NotificationOutbox.name);
  private deliverer?: Deliverer;

  constructor(
    private readonly db: Collections,
    private readonly env: Env,
    private readonly sources: NotificationSources,
    @InjectQueue(WAKE_QUEUE) private readonly wakes: Queue<WakeJob>,
  ) {}

  /** Stores new ones and hands them over; those that are there already stay as they are. */
  async add(notifications: Notification[]): Promise<void> {
    if (notifications.length === 0) return;
    await tolerateDuplicates(this.db.notifications.insertMany(notifications, { ordered: false }));
    await Promise.all(notifications.map(({ _id }) => this.wake(_id)));
  }

  /**
   * Takes one up. @param crowded receivers that it must not be for.
   * @returns null when it is for one of those, is not due, or somebody else was faster.
   */
  async claim(id: string, crowded: string[] = []): Promise<ClaimedNotification | null> {
    const claim = randomUUID();
    // Long enough that whoever sends has given up by itself before.
    const leaseMs = (this.env.NOTIFICATION_TIMEOUT_SECONDS + this.env.LEASE_SECONDS) * 1000;
    const notification = await this.db.notifications.findOneAndUpdate(
      {
        _id: id,
        state: 'PENDING',
        'engine.receiver': { $nin: crowded },
        $expr: { $lte: ['$next_attempt_at', '$$NOW'] },
      },
      [
        {
          $set: {
            attempt: { $add: ['$attempt', 1] },
            next_attempt_at: { $add: ['$$NOW', leaseMs] },
            updated_at: '$$NOW',
            'engine.claim': claim,
            'engine.tries': { $add: ['$engine.tries', 1] },
          },
        },
      ],
      { ...FAST, returnDocument: 'after' },
    );
    return notification && { notification, claim };
  }

  /** PENDING -> SENT, if the claim still holds. */
  async sent(claimed: ClaimedNotification): Promise<void> {
    await this.settle(claimed, {
      ...this.ended(claimed),
      state: 'SENT',
      sent_at: '$$NOW',
    });
  }

  /**
   * The attempt failed: PENDING again for later, or DEAD.
   * @param final whether another attempt cannot help. @returns null when the claim was lost meanwhile.
   */
  async failed(claimed: ClaimedNotification, error: string, final: boolean): Promise<FailedAttempt | null> {
    const { _id, engine } = claimed.notification;
    const last_error = { $literal: error.slice(0, MAX_ERROR_LENGTH) };
    if (final || engine.tries >= this.env.NOTIFICATION_ATTEMPTS) {
      const held = await this.settle(claimed, { ...this.ended(claimed), state: 'DEAD', last_error });
      return held ? { state: 'DEAD', seconds: 0 } : null;
    }
    const policy = {
      backoff_seconds: this.env.NOTIFICATION_RETRY_SECONDS,
      max_backoff_seconds: MAX_BACKOFF_SECONDS,
      jitter: true,
    };
    const seconds = backoffSeconds(policy, engine.tries, Math.random());
    const next_attempt_at = { $add: ['$$NOW', seconds * 1000] };
    if (!(await this.settle(claimed, { next_attempt_at, last_error }))) return null;
    await this.wake(_id, seconds * 1000);
    return { state: 'PENDING', seconds };
  }

  /**
   * DEAD -> PENDING, with all attempts before it, and signed with the secret that its webhook has by now.
   * @throws DomainError NOT_FOUND, CONFLICT
   */
  async retry(id: string): Promise<Notification> {
    const dead = await this.db.notifications.findOne({ _id: id });
    if (!dead) throw notFound('notification', id);
    const sealed = dead.channel === 'webhook' ? await this.sources.secretFor(dead) : null;
    const notification = await this.db.notifications.findOneAndUpdate(
      { _id: id, state: 'DEAD' },
      [
        {
          $set: {
            state: 'PENDING',
            next_attempt_at: '$$NOW',
            updated_at: '$$NOW',
            expires_at: null,
            'engine.tries': 0,
            ...(sealed && { 'engine.sealed': sealed }),
          },
        },
      ],
      { returnDocument: 'after' },
    );
    if (!notification) {
      const state = dead.state === 'DEAD' ? 'PENDING by now' : dead.state;
      throw conflict(`notification '${id}' is ${state}; only a DEAD one can be sent again`);
    }
    await this.wake(id);
    return notification;
  }

  /** From now on what is due here is handed to this one. */
  deliverBy(deliverer: Deliverer): void {
    this.deliverer = deliverer;
  }

  /** Hands over what is due and nobody has in hand, as much as can be taken. @param now by the database's clock. */
  async handOut(now: Date): Promise<void> {
    const { free = 0, crowded = [] } = this.deliverer ?? {};
    if (free <= 0) return;
    const due = await this.db.notifications
      .find({ state: 'PENDING', next_attempt_at: { $lte: now }, 'engine.receiver': { $nin: crowded } })
      .sort({ next_attempt_at: 1 })
      .limit(free)
      .project<{ _id: string }>({ _id: 1 })
      .toArray();
    for (const { _id } of due) this.deliverer!.take(_id);
  }

  private ended({ notification }: ClaimedNotification): Record<string, unknown> {
    const { retention_days } = notification.engine;
    return { next_attempt_at: null, expires_at: { $add: ['$$NOW', retention_days * DAY_MS] } };
  }

  /** @returns whether the claim still held. */
  private async settle(
    { notification, claim }: ClaimedNotification,
    set: Record<string, unknown>,
  ): Promise<boolean> {
    const { matchedCount } = await this.db.notifications.updateOne(
      { _id: notification._id, state: 'PENDING', 'engine.claim': claim },
      [{ $set: { ...set, updated_at: '$$NOW', 'engine.claim': null } }],
      FAST,
    );
    return matchedCount === 1;
  }

  private async wake(id: string, delay = 0): Promise<void> {
    try {
      await this.wakes.add('notify', { notification: id }, { delay, jobId: `${id}-${randomUUID()}` });
    } catch (error) {
      this.logger.warn(`not enqueued, the reconciler will find it: ${(error as Error).message}`);
    }
  }
}
