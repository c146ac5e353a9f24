import { Injectable, Logger } from '@nestjs/common';
import { type Verdict } from '@tauro/nodes';
import { Env } from '@tauro/platform';
import { RedisCommands } from '@tauro/queue';
import { randomUUID } from 'node:crypto';
import { ADMIT, REPORT } from './breaker-scripts.js';

/** A call that may go out; whoever gets one reports how it ended. */
export interface Pass {
  target: string;
  /** Fences the probe: one that was taken for dead has no say any more. */
  id: string;
  /** Whether it is the one call that a half-open breaker lets through. */
  probe: boolean;
}

/** A breaker that is not closed, for those who watch. */
export interface OpenBreaker {
  target: string;
  state: 'open' | 'half_open';
}

/** The target of a call is unwell, so the call was not made. */
export class CircuitOpen extends Error {
  constructor(
    readonly target: string,
    /** When to ask again, by this process's clock. */
    readonly until: Date,
  ) {
    super(`circuit breaker of ${target} is open until ${until.toISOString()}`);
    this.name = 'CircuitOpen';
  }
}

/** How long a breaker that nobody asks for any more is remembered. */
const FORGET_MS = 3_600_000;
/** More open breakers than these are not listed. */
const MAX_LISTED = 100;

/**
 * Circuit breakers, one per external target for all workers together. `BREAKER_FAILURES` in a row open one: no
 * call goes out for `BREAKER_OPEN_SECONDS`, then one at a time may try; its success closes the breaker, its failure
 * opens it again. They live in Redis alone: without it every call goes out, as if there were no breaker.
 */
@Injectable()
export class Breakers {
  private readonly logger = new Logger(Breakers.name);
  private readonly key: (target: string) => string;
  private readonly index: string;
  private blind = false;

  constructor(
    private readonly env: Env,
    private readonly redis: RedisCommands,
  ) {
    this.key = (target) => `${env.QUEUE_PREFIX}:breaker:${target}`;
    this.index = `${env.QUEUE_PREFIX}:breakers`;
  }

  /** @throws CircuitOpen when the call must not be made now. */
  async admit(target: string): Promise<Pass> {
    const id = randomUUID();
    if (this.env.BREAKER_FAILURES === 0) return { target, id, probe: false };
    const askAgain = Math.max(1000, this.openMs / 10);
    const answer = await this.seeing(
      // The probe's lease: another may try after it, so that one which dies with its worker locks nothing.
      this.redis.client.eval(ADMIT, 1, this.key(target), id, this.openMs, askAgain),
    );
    const [pass, waitMs] = (answer ?? [1, 0]) as [0 | 1 | 2, number];
    if (pass === 0) throw new CircuitOpen(target, new Date(Date.now() + waitMs));
    return { target, id, probe: pass === 2 };
  }

  /** Says what the end of a call tells about its target. Never throws. */
  async report({ target, id, probe }: Pass, verdict: Verdict): Promise<void> {
    if (this.env.BREAKER_FAILURES === 0 || (verdict === 'unknown' && !probe)) return;
    const change = await this.seeing(
      this.redis.client.eval(
        REPORT,
        2,
        this.key(target),
        this.index,
        id,
        verdict,
        this.env.BREAKER_FAILURES,
        this.openMs,
        FORGET_MS,
        target,
      ),
    );
    if (change === 'closed') this.logger.log(`circuit breaker of ${target} closed: it answers again`);
    else if (change) {
      const why = change === 'opened' ? `${this.env.BREAKER_FAILURES} failures in a row` : 'it failed again';
      const seconds = this.env.BREAKER_OPEN_SECONDS;
      this.logger.warn(`circuit breaker of ${target} opened: ${why}; tried again in ${seconds} s`);
    }
  }

  /** The breakers that are not closed, 100 at most. @throws when Redis is away. */
  async open(): Promise<OpenBreaker[]> {
    const [seconds, micros] = await this.redis.client.time();
    const now = Number(seconds) * 1000 + Number(micros) / 1000;
    const forgotten = now - FORGET_MS;
    const found = await this.redis.client.zrange(
      this.index,
      '+inf',
      `(${forgotten}`,
      'BYSCORE',
      'REV',
      'LIMIT',
      0,
      MAX_LISTED,
      'WITHSCORES',
    );
    return Array.from({ length: found.length / 2 }, (_, i) => ({
      target: found[2 * i]!,
      state: Number(found[2 * i + 1]) > now ? 'open' : 'half_open',
    }));
  }

  private get openMs(): number {
    return Math.ceil(this.env.BREAKER_OPEN_SECONDS * 1000);
  }

  /** What Redis answers; undefined, and a warning the first time, when it does not. */
  private async seeing(asked: Promise<unknown>): Promise<unknown> {
    try {
      const answer = await asked;
      this.blind = false;
      return answer;
    } catch (error) {
      if (!this.blind) this.logger.warn(`calls go out unguarded: ${(error as Error).message}`);
      this.blind = true;
      return undefined;
    }
  }
}
