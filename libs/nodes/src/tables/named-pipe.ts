import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { constants, openSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** How often it is looked whether the other end has been opened. */
const POLL_MS = 2;

/**
 * A file system's pipe between this process and its DuckDB, which takes it for a file: rows pass through memory, however
 * many there are. Neither end ever blocks a thread of this process.
 */
export class NamedPipe {
  private constructor(readonly path: string) {}

  static async create(directory: string): Promise<NamedPipe> {
    await mkdir(directory, { recursive: true });
    const pipe = new NamedPipe(join(directory, `pipe-${randomUUID()}`));
    await run('mkfifo', ['-m', '600', pipe.path]);
    return pipe;
  }

  /**
   * The end to write to, once somebody has opened the other one: what is written and closed before would be lost.
   * @param signal given up on when it is aborted.
   */
  async writer(signal: AbortSignal): Promise<Socket> {
    for (;;) {
      signal.throwIfAborted();
      try {
        const fd = openSync(this.path, constants.O_WRONLY | constants.O_NONBLOCK);
        return new Socket({ fd, readable: false, writable: true });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENXIO') throw error;
      }
      await sleep(POLL_MS, undefined, { signal });
    }
  }

  /** The end to read from. It ends when whoever opened the other one closes it. */
  reader(): Socket {
    const fd = openSync(this.path, constants.O_RDONLY | constants.O_NONBLOCK);
    return new Socket({ fd, readable: true, writable: false });
  }

  remove(): Promise<void> {
    return rm(this.path, { force: true });
  }
}
