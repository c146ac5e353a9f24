import { Injectable } from '@nestjs/common';
import { type RunLogChunk } from '@tauro/database';
import { LOG_LEVELS, type LogLevel, type LogLine } from '@tauro/domain';
import { Signals } from '@tauro/queue';
import { type mongo } from 'mongoose';
import { Collections } from './collections.js';
import { LogTail } from './log-tail.js';

export interface LogFilter {
  /** This level and the more severe ones. */
  level?: LogLevel;
  task_id?: string;
  /** Part of the message, without regard to case. */
  search?: string;
}
export interface LogPage extends LogFilter {
  /** Only lines behind this number exist for the reader. */
  after?: number;
  /** The page lies behind this number, and before that one. */
  from?: number;
  before?: number;
  limit: number;
  offset: number;
  /** The last line first. */
  backwards: boolean;
  /** Whether all lines that match are counted. */
  count: boolean;
}
export type NumberedLine = LogLine & { seq: number };
/** What a follower is told: lines that belong together, or that there were none for a while. */
export type LogEvent = { seq: number; line: LogLine }[] | 'heartbeat';

/** Beyond every line's number. */
const HIGHEST_SEQ = 2 ** 47;
const SEQ = { $add: ['$first_seq', '$place'] };
const SEQ_FROM_END = { $subtract: [{ $add: ['$first_seq', '$count', -1] }, '$place'] };

const HEARTBEAT_MS = 15_000;
/**
 * A follower remembers the number of the last line it got and comes back with it, so it may only be shown what no
 * crash of the database undoes: else another line could take that number.
 */
const DURABLE = { readConcern: 'majority' } as const;
const CHUNKS_PER_READ = 20;
/** What one who is behind may hold of the log, unless a single chunk is larger; and for how long without reading it. */
const MOST_HELD_CHARS = 500_000;
const HELD_MS = 1000;
const CHARS_AT_ONCE = 64_000;

/** Reads the logs of runs. */
@Injectable()
export class RunLogService {
  /** The logs that somebody follows, by run. */
  private readonly tails = new Map<string, LogTail>();

  constructor(
    private readonly db: Collections,
    private readonly signals: Signals,
  ) {}

  /** Lines between two numbers, by page; `total` counts all that the filter matches, when it is asked for. */
  async page(runId: string, query: LogPage): Promise<{ lines: NumberedLine[]; total?: number }> {
    const { after = 0, from = after, before = HIGHEST_SEQ, limit, offset, backwards, count } = query;
    const match: mongo.Document = { seq: { $gt: after } };
    if (query.level) match['lines.level'] = { $in: levelsFrom(query.level) };
    if (query.task_id) match['lines.task_id'] = query.task_id;
    if (query.search) match['lines.message'] = { $regex: escapeRegExp(query.search), $options: 'i' };
    const [page] = await this.db.logs
      .aggregate<{ lines: { seq: number; lines: LogLine }[]; total: { n: number }[] }>([
        { $match: { run_id: runId } },
        { $sort: { first_seq: backwards ? -1 : 1 } },
        ...(backwards ? [{ $set: { lines: { $reverseArray: '$lines' } } }] : []),
        { $unwind: { path: '$lines', includeArrayIndex: 'place' } },
        { $project: { lines: 1, seq: { $toInt: backwards ? SEQ_FROM_END : SEQ } } },
        { $match: match },
        {
          $facet: {
            lines: [{ $match: { seq: { $gt: from, $lt: before } } }, { $skip: offset }, { $limit: limit }],
            total: count ? [{ $count: 'n' }] : [{ $limit: 1 }, { $project: { n: { $literal: 0 } } }],
          },
        },
      ])
      .toArray();
    return {
      lines: page!.lines.map(({ seq, lines }) => ({ seq, ...lines })),
      ...(count && { total: page!.total[0]?.n ?? 0 }),
    };
  }

  /**
   * Every line after number `after`, then new ones as they come; returns when the run's log has ended. A line
   * that does not match the filter is left out, its number too. `'heartbeat'` after 15 s of silence.
   * @param options.blocked a promise while the reader takes no more: then nothing is held in memory for it.
   */
  async *follow(
    runId: string,
    options: LogFilter & { after?: number; signal: AbortSignal; blocked?: () => Promise<void> | undefined },
  ): AsyncGenerator<LogEvent> {
    const { signal, blocked } = options;
    const matches = matcher(options);
    const tail = this.tail(runId);
    let next = (options.after ?? 0) + 1;
    let spoke = performance.now();
    try {
      await tail.join();
      while (!signal.aborted) {
        const behind = next < tail.start;
        let chunks = behind ? await this.chunksAt(runId, next) : tail.from(next);
        if (chunks.length === 0) {
          // Behind the beginning of a tail there is nothing only when the run was removed.
          if (behind || tail.over) return;
          await tail.changed(signal, Math.max(0, spoke + HEARTBEAT_MS - performance.now()));
          if (performance.now() - spoke < HEARTBEAT_MS || tail.end > next) continue;
          yield 'heartbeat';
          spoke = performance.now();
        }
        let chunk: RunLogChunk | undefined;
        while ((chunk = chunks.shift())) {
          while (chunk && next < endOf(chunk)) {
            const lines = some(chunk, next, matches);
            next = lines.next;
            if (lines.told.length === 0) continue;
            yield lines.told;
            spoke = performance.now();
            const waiting = blocked?.();
            if (waiting && !(await within(waiting, HELD_MS))) {
              // Read again when it is wanted, perhaps much later.
              chunks = [];
              chunk = undefined;
              await waiting;
            }
            if (signal.aborted) return;
          }
          if (chunk?.final) return;
        }
      }
    } finally {
      tail.leave();
    }
  }

  private tail(runId: string): LogTail {
    const known = this.tails.get(runId);
    if (known) return known;
    const tail: LogTail = new LogTail(
      {
        last: () => this.db.logs.findOne({ run_id: runId }, { sort: { first_seq: -1 }, ...DURABLE }),
        from: (seq) => this.chunksFrom(runId, seq, CHUNKS_PER_READ),
        exists: async () => (await this.db.runs.findOne({ _id: runId }, { projection: { _id: 1 } })) !== null,
        listen: (ring) => this.signals.onRun(runId, ring),
      },
      () => this.tails.get(runId) === tail && this.tails.delete(runId),
    );
    this.tails.set(runId, tail);
    return tail;
  }

  /** Some chunks, the first of which has this line in it or begins after it. */
  private async chunksAt(runId: string, seq: number): Promise<RunLogChunk[]> {
    const start = await this.startOfChunk(runId, seq);
    const [first] = await this.chunksFrom(runId, start, 1);
    if (!first) return [];
    const chars = first.lines.reduce((sum, { message }) => sum + message.length + 100, 0);
    const more = Math.min(CHUNKS_PER_READ, Math.floor(MOST_HELD_CHARS / chars)) - 1;
    return more > 0
      ? [first, ...(await this.chunksFrom(runId, first.first_seq + first.count, more))]
      : [first];
  }

  private async startOfChunk(runId: string, seq: number): Promise<number> {
    const holder = await this.db.logs.findOne(
      { run_id: runId, first_seq: { $lte: seq } },
      { sort: { first_seq: -1 }, projection: { first_seq: 1 }, ...DURABLE },
    );
    return holder?.first_seq ?? seq;
  }

  private chunksFrom(runId: string, seq: number, limit: number): Promise<RunLogChunk[]> {
    return this.db.logs
      .find({ run_id: runId, first_seq: { $gte: seq } }, DURABLE)
      .sort({ first_seq: 1 })
      .limit(limit)
      .toArray();
  }
}

/** Lines of a chunk from this number on that match, up to what is worth one write; and the number to go on with. */
function some(
  { first_seq, count, lines }: RunLogChunk,
  from: number,
  matches: (line: LogLine) => boolean,
): { told: { seq: number; line: LogLine }[]; next: number } {
  const told: { seq: number; line: LogLine }[] = [];
  let chars = 0;
  let next = Math.max(from, first_seq);
  for (; next < first_seq + count && chars < CHARS_AT_ONCE; next++) {
    const line = lines[next - first_seq]!;
    if (!matches(line)) continue;
    told.push({ seq: next, line });
    chars += line.message.length;
  }
  return { told, next };
}

const endOf = ({ first_seq, count }: RunLogChunk): number => first_seq + count;

/** Whether it is done in time. */
async function within(waiting: Promise<void>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => (timer = setTimeout(() => resolve(false), ms)));
  const done = await Promise.race([waiting.then(() => true as const), late]);
  clearTimeout(timer);
  return done;
}

function matcher(filter: LogFilter): (line: LogLine) => boolean {
  const levels = filter.level && new Set(levelsFrom(filter.level));
  const search = filter.search?.toLowerCase();
  return (line) =>
    (!levels || levels.has(line.level)) &&
    (!filter.task_id || line.task_id === filter.task_id) &&
    (!search || line.message.toLowerCase().includes(search));
}

const levelsFrom = (level: LogLevel): LogLevel[] => LOG_LEVELS.slice(LOG_LEVELS.indexOf(level));
const escapeRegExp = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
