const FIRST_MS = 1_000;
const LONGEST_MS = 30_000;
const STABLE_MS = 60_000;

/** How long to wait before a crashed process is started again: 1, 2, 4 ... 30 s, from the start after a quiet minute. */
export class RestartPolicy {
  private crashes = 0;

  /** @param livedMs how long the process ran before it crashed @returns milliseconds */
  delayAfter(livedMs: number): number {
    if (livedMs >= STABLE_MS) this.crashes = 0;
    return Math.min(LONGEST_MS, FIRST_MS * 2 ** this.crashes++);
  }
}
