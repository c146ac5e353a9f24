import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { type RunLogChunk } from '@tauro/database';
import { type LogLevel, type LogLine } from '@tauro/domain';
import { Signals } from '@tauro/queue';
import { mongo } from 'mongoose';
import { Batches } from './batches.js';
import { Collections, DUPLICATE_KEY, FAST } from './collections.js';

/** Lines of a living process are stored at least this often; its death loses no more than these. */
const FLUSH_MS = 200;
/** After this long without a line the place of the next one is forgotten, and looked up when it is needed. */
const IDLE_MS = 5000;
const MAX_CHUNK_LINES = 1000;
const MAX_CHUNK_CHARS = 4_000_000;
const MAX_MESSAGE_CHARS = 32_768;
/** Lines of one run that may wait in memory; what is beyond is counted and said. */
const MAX_BUFFERED = 20_000;

/** Chunks of several runs that are stored together; each may have megabytes. */
const MOST_JOINED = 20;
/** After so long a write is journalled for certain; MongoDB does it every 100 ms. */
const JOURNALLED_MS = 1000;

/** Lines that go into one document, under an id that stays the same however often they are offered. */
interface Chunk {
  _id: mongo.ObjectId;
  lines: LogLine[];
}

interface Buffer {
  /** Monotonic time of the last line. */
  usedAt: number;
  lines: LogLine[];
  dropped: number;
  /** Go before the lines: an insert that got no answer, and what a crash of the database may have undone. */
  offered: Chunk[];
  /** Stored a moment ago, and perhaps not journalled yet. */
  fresh: (Chunk & { storedAt: number })[];
  /** Where the next chunk begins, as far as this process knows; 0 when it does not. */
  next: number;
  /** The epoch of the database in which `fresh` and `next` were learnt. */
  epoch: number;
  writing: Promise<void>;
}

/** Which task and attempt a line belongs to; none for a line of the run itself. */
export type LineOrigin = { task_id: string; node_id: string; attempt: number } | null;

/** Stores a chunk. @returns false when its place is taken. */
export type StoreChunk = (chunk: RunLogChunk) => Promise<boolean>;

export type LastLine = Pick<LogLine, 'level' | 'message'>;

/** Writes the logs of runs: many lines per insert, in order, numbered without gaps. */
@Injectable()
export class RunLogWriter implements OnModuleDestroy {
  private readonly logger = new Logger(RunLogWriter.name);
  private readonly buffers = new Map<string, Buffer>();
  private readonly inserts = new Batches<RunLogChunk, boolean>(
    (chunks) => this.insertAll(chunks),
    MOST_JOINED,
    () => this.db.epoch,
  );
  private readonly timer: NodeJS.Timeout;

  constructor(
    private readonly db: Collections,
    private readonly signals: Signals,
  ) {
    this.timer = setInterval(() => {
      const now = performance.now();
      for (const [runId, buffer] of this.buffers) {
        if (this.isDue(buffer)) void this.flush(runId).catch(() => undefined);
        // A worker does not remember every run it ever touched.
        else if (now - buffer.usedAt > IDLE_MS) this.buffers.delete(runId);
      }
    }, FLUSH_MS);
    this.timer.unref();
  }

  /**
   * Saves the first look for the end of a run's log. @param next what the next line's number may be at most: 1 before
   * anything is stored, 2 for whoever sees the run begin.
   */
  open(runId: string, next: 1 | 2): void {
    const buffer = this.buffer(runId);
    if (buffer.next === 0) buffer.next = next;
  }

  /** The first line of a run that is not stored yet, to be stored before it: whoever sees the run finds it, and others after it. */
  firstLine(runId: string, message: string): RunLogChunk {
    this.open(runId, 2);
    const lines = [runLine({ level: 'INFO', message })];
    return { _id: new mongo.ObjectId(), run_id: runId, first_seq: 1, count: 1, lines };
  }

  append(runId: string, origin: LineOrigin, level: LogLevel, message: string): void {
    const buffer = this.buffer(runId);
    if (buffer.lines.length >= MAX_BUFFERED) {
      buffer.dropped++;
      return;
    }
    const shown =
      message.length > MAX_MESSAGE_CHARS
        ? `${message.slice(0, MAX_MESSAGE_CHARS)}… (${message.length} characters)`
        : message;
    const { task_id = null, node_id = null, attempt = null } = origin ?? {};
    buffer.lines.push({ timestamp: new Date(), level, message: shown, task_id, node_id, attempt });
  }

  /**
   * Resolves once every line appended before the call is stored. @param board asked, when the last of these lines are
   * taken, for what stores them together with something else that the caller has to write; it returns false when their
   * place is taken, and is then asked again. @throws when the database is away.
   */
  flush(runId: string, board?: () => StoreChunk | undefined): Promise<void> {
    const buffer = this.buffers.get(runId);
    if (!buffer) return Promise.resolve();
    const flushed = buffer.writing.then(() => this.write(runId, buffer, board));
    // The next flush waits for this one whatever became of it: its lines are kept and go first.
    buffer.writing = flushed.catch((error: Error) => {
      this.logger.debug(`log lines of ${runId} kept for later: ${error.message}`);
    });
    return flushed;
  }

  /** Stores the last lines of a run's log and marks its end, once: a log that has ended stays as it is. */
  async close(runId: string, last: LastLine[]): Promise<void> {
    await this.flush(runId);
    const chunk = { _id: new mongo.ObjectId(), lines: last.map(runLine) };
    await this.insert(runId, this.buffer(runId), chunk, { final: true });
    this.closed(runId);
  }

  /**
   * The last lines of a run's log, to be stored with its end; undefined unless this process knows their place and holds no
   * others. Once they are stored `closed` follows; where their place was taken, `close` does it.
   */
  lastLines(runId: string, last: LastLine[]): RunLogChunk | undefined {
    const buffer = this.buffers.get(runId);
    if (!buffer || buffer.next === 0 || buffer.epoch !== this.db.epoch || this.isDue(buffer))
      return undefined;
    const lines = last.map(runLine);
    const place = { first_seq: buffer.next, count: lines.length };
    return { _id: new mongo.ObjectId(), lines, run_id: runId, ...place, final: true };
  }

  closed(runId: string): void {
    this.buffers.delete(runId);
  }

  async onModuleDestroy(): Promise<void> {
    clearInterval(this.timer);
    await Promise.allSettled([...this.buffers.keys()].map((runId) => this.flush(runId)));
  }

  private buffer(runId: string): Buffer {
    let buffer = this.buffers.get(runId);
    if (!buffer) {
      buffer = {
        usedAt: 0,
        lines: [],
        dropped: 0,
        offered: [],
        fresh: [],
        next: 0,
        epoch: this.db.epoch,
        writing: Promise.resolve(),
      };
      this.buffers.set(runId, buffer);
    }
    buffer.usedAt = performance.now();
    return buffer;
  }

  private isDue({ lines, offered, fresh, epoch }: Buffer): boolean {
    return lines.length + offered.length > 0 || (fresh.length > 0 && epoch !== this.db.epoch);
  }

  private async write(runId: string, buffer: Buffer, board?: () => StoreChunk | undefined): Promise<void> {
    if (buffer.dropped > 0) {
      const message = `${buffer.dropped} log lines dropped: they came faster than they could be stored`;
      buffer.lines.push(runLine({ level: 'WARNING', message }));
      buffer.dropped = 0;
    }
    let wrote = false;
    this.offerAgain(buffer);
    while (buffer.offered.length + buffer.lines.length > 0) {
      if (buffer.offered.length === 0)
        buffer.offered.push({ _id: new mongo.ObjectId(), lines: takeChunk(buffer.lines) });
      const chunk = buffer.offered[0]!;
      const last = buffer.offered.length === 1 && buffer.lines.length === 0;
      await this.insert(runId, buffer, chunk, { store: last ? board?.() : undefined });
      buffer.offered.shift();
      const now = performance.now();
      buffer.fresh = buffer.fresh.filter(({ storedAt }) => now - storedAt < JOURNALLED_MS);
      buffer.fresh.push({ ...chunk, storedAt: now });
      wrote = true;
      // What was appended meanwhile is for a later flush, which boards what belongs to it.
      if (last && board) break;
    }
    if (wrote) this.signals.run(runId, 'log');
  }

  /** A database that was interrupted may have lost what it had not journalled; what it still has stays as it is. */
  private offerAgain(buffer: Buffer): void {
    if (buffer.epoch === this.db.epoch) return;
    buffer.offered.unshift(...buffer.fresh.splice(0).map(({ _id, lines }) => ({ _id, lines })));
    buffer.next = 0;
    buffer.epoch = this.db.epoch;
  }

  /**
   * Takes the place after the last chunk; when another process was faster, the place after that one. A log that has
   * ended takes no more: readers have left, and what still comes is of an attempt that was given up.
   */
  private async insert(
    runId: string,
    buffer: Buffer,
    chunk: Chunk,
    { final = false, store = (stored) => this.inserts.ask(stored) }: { final?: boolean; store?: StoreChunk },
  ): Promise<void> {
    const { lines } = chunk;
    for (;;) {
      const first_seq = buffer.next || (await this.end(runId));
      if (first_seq === null) return;
      // Whatever goes wrong, what this process knew of the end is no longer to be trusted.
      buffer.next = 0;
      const count = lines.length;
      const stored = { ...chunk, run_id: runId, first_seq, count, ...(final && { final }) };
      if (await store(stored)) {
        buffer.next = first_seq + count;
        return;
      }
      if (await this.db.logs.findOne({ _id: chunk._id }, { projection: { _id: 1 } })) return;
    }
  }

  /** @returns of each whether it was stored; if not, its place is taken. */
  private async insertAll(chunks: RunLogChunk[]): Promise<boolean[]> {
    try {
      if (chunks.length === 1) await this.db.logs.insertOne(chunks[0]!, FAST);
      else await this.db.logs.insertMany(chunks, { ordered: false, ...FAST });
      return chunks.map(() => true);
    } catch (error) {
      const { code, writeErrors = [] } = error as Partial<mongo.MongoBulkWriteError>;
      if (code !== DUPLICATE_KEY) throw error;
      const faults = [writeErrors].flat();
      if (faults.some((fault) => fault.code !== DUPLICATE_KEY)) throw error;
      const taken = new Set(chunks.length === 1 ? [0] : faults.map(({ index }) => index));
      return chunks.map((_, index) => !taken.has(index));
    }
  }

  /** The number after the run's last stored line; null when the log has ended. */
  private async end(runId: string): Promise<number | null> {
    const last = await this.db.logs.findOne(
      { run_id: runId },
      { sort: { first_seq: -1 }, projection: { first_seq: 1, count: 1, final: 1 } },
    );
    if (last?.final) return null;
    return last ? last.first_seq + last.count : 1;
  }
}

/** A line of the run itself. */
const runLine = ({ level, message }: LastLine): LogLine => ({
  timestamp: new Date(),
  level,
  message,
  task_id: null,
  node_id: null,
  attempt: null,
});

function takeChunk(lines: LogLine[]): LogLine[] {
  let chars = 0;
  let count = 0;
  while (count < lines.length && count < MAX_CHUNK_LINES && (count === 0 || chars < MAX_CHUNK_CHARS)) {
    chars += lines[count++]!.message.length;
  }
  return lines.splice(0, count);
}
