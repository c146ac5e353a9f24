/** How late it may be told that something was followed up; far less than the time at which the reconciler looks. */
const MARK_MS = 100;

/** Ids that are told late and together, because nothing but a needless look depends on it. */
export class LateMarks {
  private readonly ids: string[] = [];
  private timer?: NodeJS.Timeout;

  /** @param store may fail: then the reconciler looks once more. */
  constructor(private readonly store: (ids: string[]) => Promise<unknown>) {}

  add(...ids: string[]): void {
    this.ids.push(...ids);
    this.timer ??= setTimeout(() => void this.flush(), MARK_MS).unref();
  }

  /** Resolves once everything that was added is stored. */
  async flush(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    const ids = this.ids.splice(0);
    if (ids.length > 0) await this.store(ids).catch(() => undefined);
  }
}
