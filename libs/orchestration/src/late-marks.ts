import { type Collections } from './collections.js';

/** How late it may be told that something was followed up; far less than the time at which the reconciler looks. */
const MARK_MS = 100;

/**
 * Ids that are told late and together, because nothing but a needless look depends on it. What was followed up before the
 * database was interrupted may have been undone since: then nothing is told, and the reconciler looks.
 */
export class LateMarks {
  private ids: string[] = [];
  /** In which the oldest of them was added. */
  private epoch = 0;
  private timer?: NodeJS.Timeout;
  private storing: Promise<unknown> = Promise.resolve();

  /** @param store may fail: then the reconciler looks once more. */
  constructor(
    private readonly db: Collections,
    private readonly store: (ids: string[]) => Promise<unknown>,
  ) {}

  /** @param epoch in which the follow-up began. */
  add(epoch: number, ...ids: string[]): void {
    if (epoch !== this.db.epoch) return;
    if (this.ids.length > 0 && this.epoch !== epoch) this.ids = [];
    this.epoch = epoch;
    this.ids.push(...ids);
    this.timer ??= setTimeout(() => void this.flush(), MARK_MS).unref();
  }

  /** Resolves once everything that was added is stored. */
  async flush(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    const ids = this.ids;
    this.ids = [];
    if (ids.length > 0 && this.epoch === this.db.epoch) {
      this.storing = Promise.all([this.storing, this.store(ids).catch(() => undefined)]);
    }
    await this.storing;
  }
}
