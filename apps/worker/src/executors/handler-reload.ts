import { stat } from 'node:fs/promises';
import { findHandlerFiles } from '@tauro/handlers';
import { type HandlerPool } from './handler-pool.js';

/** Watching would be sooner, but misses network and container volumes. */
const LOOK_EVERY_MS = 1000;

interface Told {
  log(message: string): void;
  error(message: string): void;
}

/**
 * Has handlers loaded anew when a file of theirs has changed, for people who are writing them. A file that is broken
 * changes nothing: the handlers stay as they were until it is put right.
 */
export class HandlerReload {
  private timer?: NodeJS.Timeout;
  private stopped = false;
  /** What the loaded handlers were made of, and what the last look found. */
  private loaded = '';
  private last = '';

  constructor(
    private readonly handlers: HandlerPool,
    private readonly paths: readonly string[],
    private readonly logger: Told,
    private readonly everyMs = LOOK_EVERY_MS,
  ) {}

  async start(): Promise<void> {
    this.loaded = this.last = await this.stamps();
    this.next();
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  private next(): void {
    if (!this.stopped)
      this.timer = setTimeout(() => void this.look().finally(() => this.next()), this.everyMs).unref();
  }

  private async look(): Promise<void> {
    const found = await this.stamps();
    // Who saves several files is waited for.
    const settled = found === this.last;
    this.last = found;
    if (!settled || found === this.loaded || this.stopped) return;
    this.loaded = found;
    try {
      await this.handlers.reload();
      this.logger.log(`handlers loaded anew: ${this.handlers.names().join(', ') || 'none'}`);
    } catch (error) {
      if (this.stopped) return;
      this.logger.error(`the handlers stay as they were: ${(error as Error).message}`);
    }
  }

  private async stamps(): Promise<string> {
    const files = await findHandlerFiles(this.paths).catch(() => []);
    const stamps = files.map(async (file) => {
      const found = await stat(file).catch(() => undefined);
      return `${file} ${found?.mtimeMs}:${found?.size}:${found?.ino}`;
    });
    return (await Promise.all(stamps)).join('\n');
  }
}
