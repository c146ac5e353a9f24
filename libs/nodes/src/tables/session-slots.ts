import { availableParallelism } from 'node:os';

/**
 * Lets only so many sessions of this process work at once that each has cores to run on; the others wait their
 * turn. Without it a wide fan-out would multiply the memory of one session and finish no sooner.
 */
export class SessionSlots {
  private taken = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(private readonly cores = availableParallelism()) {}

  /** Resolves with the function that gives the slot back. @throws the signal's reason when aborted meanwhile */
  async take(threads: number, signal?: AbortSignal): Promise<() => void> {
    const most = Math.max(2, Math.floor(this.cores / threads));
    if (this.taken < most) this.taken++;
    else await this.turn(signal);
    let given = false;
    return () => {
      if (given) return;
      given = true;
      const next = this.waiting.shift();
      if (next) next();
      else this.taken--;
    };
  }

  /** Waits until somebody hands over a slot. */
  private turn(signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const abandon = (): void => {
        this.waiting.splice(this.waiting.indexOf(proceed), 1);
        reject(signal!.reason as Error);
      };
      const proceed = (): void => {
        signal?.removeEventListener('abort', abandon);
        resolve();
      };
      signal?.addEventListener('abort', abandon, { once: true });
      this.waiting.push(proceed);
    });
  }
}
