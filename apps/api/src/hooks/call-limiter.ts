import { Injectable, Logger } from '@nestjs/common';
import { DomainError } from '@tauro/domain';
import { Env } from '@tauro/platform';
import { RedisCommands } from '@tauro/queue';
import { type Trigger } from '@tauro/database';

/** KEYS: counter. ARGV: most calls, window in ms. @returns how long to wait, in ms; 0 to go on. */
const COUNT = `
  local calls = redis.call('INCR', KEYS[1])
  if calls == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
  return calls <= tonumber(ARGV[1]) and 0 or math.max(redis.call('PTTL', KEYS[1]), 1)
`;

/**
 * Counts the calls of each trigger in Redis, for all API processes together. A window begins with the first call after
 * the last one ended. Without Redis every call goes through: a run too many does less harm than a call lost.
 */
@Injectable()
export class CallLimiter {
  private readonly logger = new Logger(CallLimiter.name);
  private blind = false;

  constructor(
    private readonly env: Env,
    private readonly redis: RedisCommands,
  ) {}

  /** @throws DomainError RATE_LIMIT_EXCEEDED, with the time after which to try again. */
  async admit({ _id, rate_limit }: Pick<Trigger, '_id' | 'rate_limit'>): Promise<void> {
    if (!rate_limit) return;
    const { calls, per_seconds } = rate_limit;
    const waitMs = await this.count(_id, calls, Math.ceil(per_seconds * 1000));
    if (waitMs === 0) return;
    const seconds = Math.ceil(waitMs / 1000);
    const message = `This hook takes ${calls} calls in ${per_seconds} seconds; try again in ${seconds} seconds`;
    throw new DomainError('RATE_LIMIT_EXCEEDED', message, [], seconds);
  }

  private async count(id: string, calls: number, windowMs: number): Promise<number> {
    // A limit that was changed counts anew.
    const key = `${this.env.QUEUE_PREFIX}:hook-calls:${id}:${calls}:${windowMs}`;
    try {
      const wait = (await this.redis.client.eval(COUNT, 1, key, calls, windowMs)) as number;
      this.blind = false;
      return wait;
    } catch (error) {
      if (!this.blind) this.logger.warn(`calls of hooks are not limited: ${(error as Error).message}`);
      this.blind = true;
      return 0;
    }
  }
}
