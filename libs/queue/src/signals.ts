import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { Env } from '@tauro/platform';
import { type Redis } from 'ioredis';
import { connectRedis, RedisCommands } from './redis-commands.js';

/** What a run's channel says: something about it changed, or log lines were appended. */
export type RunSignal = 'changed' | 'log';
type Listener = (message: string) => void;

/** A subscriber only listens, so it would never notice that its connection went silent; this asks. */
const ASK_MS = 10_000;

/**
 * Hints between processes over Redis publish/subscribe. A hint makes things fast, never correct: whoever
 * misses one finds the same fact in MongoDB with its next heartbeat or poll.
 */
@Injectable()
export class Signals implements OnModuleDestroy {
  private subscriber?: Redis;
  private asking?: NodeJS.Timeout;
  private readonly listeners = new Map<string, Set<Listener>>();
  private readonly prefix: string;

  constructor(
    @Inject(Env) private readonly env: Env,
    private readonly commands: RedisCommands,
  ) {
    this.prefix = `${env.QUEUE_PREFIX}:signal`;
  }

  /** Asks every worker to stop what it executes, below this stage, of this run or of the items of this mapped task. */
  stopped(id: string, below: number): void {
    this.publish(`${this.prefix}:stop`, `${id} ${below}`);
  }

  onStopped(listener: (runId: string, below: number) => void): () => void {
    return this.listen(`${this.prefix}:stop`, (message) => {
      const [runId, below] = message.split(' ');
      listener(runId!, Number(below));
    });
  }

  /** Tells a worker to look whether it is to take tasks. */
  drain(workerId: string): void {
    this.publish(`${this.prefix}:drain`, workerId);
  }

  onDrain(listener: (workerId: string) => void): () => void {
    return this.listen(`${this.prefix}:drain`, listener);
  }

  /** Tells whoever follows the run. */
  run(runId: string, signal: RunSignal): void {
    this.publish(`${this.prefix}:run:${runId}`, signal);
  }

  onRun(runId: string, listener: (signal: RunSignal) => void): () => void {
    return this.listen(`${this.prefix}:run:${runId}`, listener as Listener);
  }

  /** Round trip to Redis. @throws when it is away. */
  async ping(): Promise<void> {
    await this.commands.client.ping();
  }

  onModuleDestroy(): void {
    clearInterval(this.asking);
    this.subscriber?.disconnect();
  }

  private publish(channel: string, message: string): void {
    this.commands.client.publish(channel, message).catch(() => {
      // Redis is away; the fact is in MongoDB and will be found there.
    });
  }

  private listen(channel: string, listener: Listener): () => void {
    const subscriber = (this.subscriber ??= this.openSubscriber());
    let listeners = this.listeners.get(channel);
    if (!listeners) {
      this.listeners.set(channel, (listeners = new Set()));
      subscriber.subscribe(channel).catch(() => undefined);
    }
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.listeners.get(channel) === listeners) {
        this.listeners.delete(channel);
        subscriber.unsubscribe(channel).catch(() => undefined);
      }
    };
  }

  private openSubscriber(): Redis {
    const subscriber = connectRedis(this.env.REDIS_URL!, { enableReadyCheck: false });
    subscriber.on('message', (channel: string, message: string) => {
      for (const listener of this.listeners.get(channel) ?? []) listener(message);
    });
    this.asking = setInterval(() => void subscriber.ping().catch(() => undefined), ASK_MS);
    return subscriber;
  }
}
