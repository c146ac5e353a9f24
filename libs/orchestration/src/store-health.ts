import { Injectable } from '@nestjs/common';
import { Signals } from '@tauro/queue';
import { Collections } from './collections.js';

export type StoreState = 'ok' | 'error';
const TIMEOUT_MS = 1500;

/** Whether the stores answer, asked for real each time and never for longer than 1.5 s. */
@Injectable()
export class StoreHealth {
  constructor(
    private readonly db: Collections,
    private readonly signals: Signals,
  ) {}

  async check(): Promise<{ database: StoreState; redis: StoreState }> {
    const [database, redis] = await Promise.all([
      answers(() => this.db.ping()),
      answers(() => this.signals.ping()),
    ]);
    return { database, redis };
  }
}

async function answers(ping: () => Promise<void>): Promise<StoreState> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('no answer')), TIMEOUT_MS);
  });
  try {
    await Promise.race([ping(), late]);
    return 'ok';
  } catch {
    return 'error';
  } finally {
    clearTimeout(timer);
  }
}
