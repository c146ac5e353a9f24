import { Injectable } from '@nestjs/common';
import { Collections } from './collections.js';

/** After so long the time is asked for again. */
const FRESH_MS = 60_000;

/**
 * The database's clock, read without a round trip: asked now and then, and carried on by this process's monotonic
 * one. So all processes agree on what is due, and a wall clock that jumps changes nothing.
 */
@Injectable()
export class Clock {
  private sample?: { time: number; at: number };
  private asking?: Promise<void>;

  constructor(private readonly db: Collections) {}

  async now(): Promise<Date> {
    if (!this.sample) await this.ask();
    else if (performance.now() - this.sample.at > FRESH_MS) void this.ask().catch(() => undefined);
    const { time, at } = this.sample!;
    return new Date(time + performance.now() - at);
  }

  /** Asks the database. @throws when it is away. */
  ask(): Promise<void> {
    this.asking ??= this.read().finally(() => (this.asking = undefined));
    return this.asking;
  }

  private async read(): Promise<void> {
    const before = performance.now();
    const time = (await this.db.now()).getTime();
    // The answer was made somewhere on the way.
    this.sample = { time, at: (before + performance.now()) / 2 };
  }
}
