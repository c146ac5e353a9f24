import { Inject, Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { Env } from '@tauro/platform';
import { SILENCE_MS } from './queues.js';
import { Redis, type RedisOptions } from 'ioredis';

/**
 * This process's connection for short commands. While Redis is away they fail at once instead of waiting in memory:
 * what is asked of Redis here makes things fast or gentle, never correct.
 */
@Injectable()
export class RedisCommands implements OnModuleDestroy {
  readonly client: Redis;

  constructor(@Inject(Env) env: Env) {
    this.client = connectRedis(env.REDIS_URL!, { enableOfflineQueue: false, commandTimeout: 2000 });
  }

  onModuleDestroy(): void {
    this.client.disconnect();
  }
}

/** A connection that comes back by itself, and says in the log when it goes and comes. */
export function connectRedis(url: string, options: RedisOptions): Redis {
  const logger = new Logger('Redis');
  const redis = new Redis(url, {
    maxRetriesPerRequest: null,
    socketTimeout: SILENCE_MS.command,
    retryStrategy: (times: number) => Math.min(100 * times, 2000),
    ...options,
  });
  let away = false;
  redis.on('error', (error: Error) => {
    if (!away) logger.warn(`Redis is away: ${error.message}`);
    away = true;
  });
  redis.on('ready', () => {
    if (away) logger.log('Redis is back');
    away = false;
  });
  return redis;
}
