import { type RunLogChunk } from '@tauro/database';

/** What one process keeps of the end of a log, in characters of messages. Who is further behind reads the database. */
const KEPT_CHARS = 2_000_000;
const HEARTBEAT_MS = 15_000;
/** How long a tail trusts that it would have been told. */
const POLL_MS = 1000;
/** A line is told of when it is stored, and can be read a moment later, once it cannot be undone any more. */
const SOON_MS = 25;
const SOON_TRIES = 8;

/** What a tail needs to know of its run. */
export interface TailSource {
  /** The last chunk there is; null while there is none. */
  last(): Promise<RunLogChunk | null>;
  /** Some of the chunks from this line on. */
  from(seq: number): Promise<RunLogChunk[]>;
  exists(): Promise<boolean>;
  /** Calls back when something may have been appended. @returns how to stop that. */
  listen(ring: () => void): () => void;
}

/** The growing end of one run's log: read once, however many follow it. */
export class LogTail {
  private chunks: RunLogChunk[] = [];
  private chars = 0;
  private followers = 0;
  private readonly waiting = new Set<() => void>();
  private rung = false;
  private wake?: () => void;
  private failure?: Error;
  /** The first line that is kept, and the one after the last there is. */
  start = 1;
  end = 1;
  /** Nothing will be appended any more: the log has ended, or its run is gone. */
  over = false;

  constructor(
    private readonly source: TailSource,
    private readonly onIdle: () => void,
  ) {}

  /** Reads on until as many have left as have joined. Resolves once `start` and `end` are known. */
  async join(): Promise<void> {
    if (this.followers++ === 0) this.opened = this.open();
    await this.opened;
  }
  private opened = Promise.resolve();

  leave(): void {
    if (--this.followers > 0) return;
    this.onIdle();
    this.wake?.();
  }

  /** The chunks that have lines from this one on; none when it is the next to come. @throws what reading threw. */
  from(seq: number): RunLogChunk[] {
    if (this.failure) throw this.failure;
    let first = this.chunks.length;
    while (first > 0 && endOf(this.chunks[first - 1]!) > seq) first--;
    return this.chunks.slice(first);
  }

  /** Resolves when there may be more, when the reader leaves, or after a while. */
  async changed(signal: AbortSignal, ms: number): Promise<void> {
    if (signal.aborted || this.over || this.failure) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        this.waiting.delete(done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal.addEventListener('abort', done, { once: true });
      this.waiting.add(done);
    });
  }

  private async open(): Promise<void> {
    const unlisten = this.source.listen(() => {
      this.rung = true;
      this.wake?.();
    });
    try {
      const last = await this.source.last();
      if (last) this.take([last]);
      else if (!(await this.source.exists())) this.over = true;
    } catch (error) {
      unlisten();
      this.fail(error);
      throw error;
    }
    void this.grow().finally(unlisten);
  }

  private async grow(): Promise<void> {
    let soon = 0;
    let heard = performance.now();
    try {
      while (this.followers > 0 && !this.over) {
        const chunks = await this.source.from(this.end);
        if (chunks.length > 0) {
          this.take(chunks);
          heard = performance.now();
          continue;
        }
        if (performance.now() - heard > HEARTBEAT_MS) {
          this.over = !(await this.source.exists());
          heard = performance.now();
          if (this.over) this.tell();
          continue;
        }
        soon = (await this.bell(soon > 0 ? SOON_MS : POLL_MS)) ? SOON_TRIES : Math.max(0, soon - 1);
      }
    } catch (error) {
      this.fail(error);
    }
  }

  private take(chunks: RunLogChunk[]): void {
    if (this.chunks.length === 0) this.start = chunks[0]!.first_seq;
    for (const chunk of chunks) {
      this.chunks.push(chunk);
      this.chars += charsOf(chunk);
      this.end = endOf(chunk);
      if (chunk.final) this.over = true;
    }
    while (this.chars > KEPT_CHARS && this.chunks.length > 1) {
      this.chars -= charsOf(this.chunks.shift()!);
      this.start = this.chunks[0]!.first_seq;
    }
    this.tell();
  }

  private fail(error: unknown): void {
    this.failure = error as Error;
    // Whoever comes now begins anew.
    this.onIdle();
    this.tell();
  }

  private tell(): void {
    for (const done of [...this.waiting]) done();
  }

  /** @returns whether it was rung. */
  private async bell(ms: number): Promise<boolean> {
    if (!this.rung) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        this.wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.wake = undefined;
    }
    const { rung } = this;
    this.rung = false;
    return rung;
  }
}

const endOf = ({ first_seq, count }: RunLogChunk): number => first_seq + count;
const charsOf = ({ lines }: RunLogChunk): number =>
  lines.reduce((sum, { message }) => sum + message.length + 100, 0);
