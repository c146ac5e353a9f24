import { Logger } from '@nestjs/common';
import { type RedisCommands } from '@tauro/queue';

/** KEYS: counter. ARGV: window in ms. @returns the count, this one included, and the rest of the window in ms. */
const COUNT = `
  local count = redis.call('INCR', KEYS[1])
  if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
  return {count, math.max(redis.call('PTTL', KEYS[1]), 1)}
`;
/** A Redis that hangs must not slow every request down: nobody waits longer, and only one in a while asks at all. */
const PATIENCE_MS = 250;
const BLIND_MS = 5000;

export interface Counted {
  count: number;
  /** Until the window ends and counting begins anew. */
  restMs: number;
}

/**
 * Counts in Redis, for all API processes together. A window begins with the first count after the last one ended.
 * Without Redis nothing is counted: letting too much through does less harm than refusing everybody.
 */
export class WindowCounter {
  private readonly logger = new Logger(WindowCounter.name);
  private blindUntil = 0;
  private told = false;

  /** @param what is not limited while Redis is away, for the log. */
  constructor(
    private readonly redis: RedisCommands,
    private readonly what: string,
  ) {}

  /** @returns undefined while Redis is away. */
  async count(key: string, windowMs: number): Promise<Counted | undefined> {
    if (performance.now() < this.blindUntil) return undefined;
    try {
      const [count, restMs] = await inTime(this.redis.client.eval(COUNT, 1, key, windowMs));
      if (this.told) this.logger.log(`${this.what} are limited again`);
      this.told = false;
      return { count, restMs };
    } catch (error) {
      this.blindUntil = performance.now() + BLIND_MS;
      if (!this.told) this.logger.warn(`${this.what} are not limited: ${(error as Error).message}`);
      this.told = true;
      return undefined;
    }
  }
}

async function inTime(asked: Promise<unknown>): Promise<[number, number]> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Redis did not answer in ${PATIENCE_MS} ms`)), PATIENCE_MS);
  });
  try {
    return (await Promise.race([asked, late])) as [number, number];
  } finally {
    clearTimeout(timer);
  }
}
