import { Injectable } from '@nestjs/common';
import { type Trigger } from '@tauro/database';
import { DomainError } from '@tauro/domain';
import { Env } from '@tauro/platform';
import { RedisCommands } from '@tauro/queue';
import { WindowCounter } from '../http/rate-limit/window-counter.js';

/** Counts the calls of each trigger. Without Redis every call goes through: a run too many is better than one lost. */
@Injectable()
export class CallLimiter {
  private readonly counter: WindowCounter;

  constructor(
    private readonly env: Env,
    redis: RedisCommands,
  ) {
    this.counter = new WindowCounter(redis, 'calls of hooks');
  }

  /** @throws DomainError RATE_LIMIT_EXCEEDED, with the time after which to try again. */
  async admit({ _id, rate_limit }: Pick<Trigger, '_id' | 'rate_limit'>): Promise<void> {
    if (!rate_limit) return;
    const { calls, per_seconds } = rate_limit;
    const windowMs = Math.ceil(per_seconds * 1000);
    // A limit that was changed counts anew.
    const key = `${this.env.QUEUE_PREFIX}:hook-calls:${_id}:${calls}:${windowMs}`;
    const counted = await this.counter.count(key, windowMs);
    if (counted === undefined || counted.count <= calls) return;
    const seconds = Math.ceil(counted.restMs / 1000);
    const message = `This hook takes ${calls} calls in ${per_seconds} seconds; try again in ${seconds} seconds`;
    throw new DomainError('RATE_LIMIT_EXCEEDED', message, [], seconds);
  }
}
