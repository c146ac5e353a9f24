import { accessSync, constants, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

import { withLock } from './lock.js';
import { type Log } from './run-tool.js';

/** A folder outside the checkout, so that downloads survive a new clone and are shared by all checkouts. */
export class DownloadCache {
  readonly root: string;

  constructor(root = defaultRoot()) {
    this.root = root;
  }

  /** Where an entry is, or undefined when it has not been made yet. */
  find(name: string): string | undefined {
    const path = join(this.root, name);
    return existsSync(path) ? path : undefined;
  }

  /**
   * The folder of an entry, made by `produce` when absent. It appears at once and complete, or not at all; of
   * several processes that need it, one makes it and the others wait.
   */
  async once(name: string, log: Log, produce: (folder: string) => Promise<void>): Promise<string> {
    this.prepare();
    const final = join(this.root, name);
    if (existsSync(final)) return final;
    return withLock(`${final}.lock`, log, async () => {
      if (existsSync(final)) return final;
      const making = mkdtempSync(`${final}.making-`);
      try {
        await produce(making);
        renameSync(making, final);
      } finally {
        rmSync(making, { recursive: true, force: true });
      }
      return final;
    });
  }

  private prepare(): void {
    try {
      mkdirSync(this.root, { recursive: true });
      accessSync(this.root, constants.W_OK);
    } catch (error) {
      const why = (error as Error).message;
      throw new Error(`the cache folder cannot be used (${why}); set TAURO_CACHE_DIR`, { cause: error });
    }
  }
}

function defaultRoot(): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'tauro');
}
