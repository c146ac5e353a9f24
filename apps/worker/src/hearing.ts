import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { Env } from '@tauro/platform';
import { Consumers, type Ear } from './consumers.js';

/** So many looks in a row must find a consumer deaf. Counted, not timed: a process that was frozen has looked but once. */
const LOOKS = 6;

/**
 * Notices when this worker is deaf: Redis answers, jobs wait, slots are free, and still none is taken. The queue's
 * client is then stuck in a way that only a new process cures, so the worker says that it is not ready, and ends.
 */
@Injectable()
export class Hearing implements OnModuleDestroy {
  private readonly logger = new Logger(Hearing.name);
  private readonly found = new Map<Ear, { taken: number; looks: number }>();
  private timer?: NodeJS.Timeout;

  constructor(
    private readonly env: Env,
    private readonly consumers: Consumers,
  ) {}

  /** @param onDeaf called once, when there is no doubt left. */
  start(onDeaf: (why: string) => void): void {
    const seconds = this.env.DEAF_SECONDS;
    if (seconds === 0) return;
    const next = (): void => {
      this.timer = setTimeout(() => void this.look().then(judge), (seconds * 1000) / LOOKS);
    };
    const judge = (): void => {
      const looks = Math.max(0, ...[...this.found.values()].map((one) => one.looks));
      if (looks >= LOOKS) onDeaf(`no job was taken for ${seconds} s, though jobs wait and slots are free`);
      else if (this.timer) next();
    };
    next();
  }

  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  onModuleDestroy(): void {
    this.stop();
  }

  /** False from when half of the looks found a consumer deaf. */
  get well(): boolean {
    return [...this.found.values()].every(({ looks }) => looks < LOOKS / 2);
  }

  private async look(): Promise<void> {
    await Promise.all(
      this.consumers.ears().map(async (ear) => {
        const last = this.found.get(ear) ?? { taken: ear.taken, looks: 0 };
        // Asked before the count of what was taken is read: what waited at that moment may be taken by then.
        const waiting = await ear.waiting().catch(() => 0);
        const deaf = waiting > 0 && ear.free && ear.taken === last.taken;
        const looks = deaf ? last.looks + 1 : 0;
        if (looks === LOOKS / 2) this.logger.warn(`${ear.queue}: ${waiting} jobs wait and none is taken`);
        this.found.set(ear, { taken: ear.taken, looks });
      }),
    );
  }
}
