import { Injectable } from '@nestjs/common';
import { type RunLogChunk } from '@tauro/database';
import { LOG_LEVELS, type LogLevel, type LogLine } from '@tauro/domain';
import { Signals } from '@tauro/queue';
import { type mongo } from 'mongoose';
import { Collections } from './collections.js';

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
export type LogEvent = { seq: number; line: LogLine } | 'heartbeat';

/** Beyond every line's number. */
const HIGHEST_SEQ = 2 ** 47;
const SEQ = { $add: ['$first_seq', '$place'] };
const SEQ_FROM_END = { $subtract: [{ $add: ['$first_seq', '$count', -1] }, '$place'] };

const HEARTBEAT_MS = 15_000;
/** How long a follower trusts that it would have been told. */
const POLL_MS = 1000;
/** A line is told of when it is stored, and can be read a moment later, once it cannot be undone any more. */
const SOON_MS = 25;
const SOON_TRIES = 8;
/**
 * A follower remembers the number of the last line it got and comes back with it, so it may only be shown what no
 * crash of the database undoes: else another line could take that number.
 */
const DURABLE = { readConcern: 'majority' } as const;
const CHUNKS_PER_READ = 20;

/** Reads the logs of runs. */
@Injectable()
export class RunLogService {
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
   */
  async *follow(
    runId: string,
    options: LogFilter & { after?: number; signal: AbortSignal },
  ): AsyncGenerator<LogEvent> {
    const { signal } = options;
    const matches = matcher(options);
    const bell = new Bell(signal);
    const unlisten = this.signals.onRun(runId, () => bell.ring());
    let next = (options.after ?? 0) + 1;
    let spoke = Date.now();
    let soon = 0;
    try {
      // Only a resumed reader can begin inside a chunk; from then on it goes from chunk to chunk.
      let chunks = await this.chunksFrom(runId, await this.startOfChunk(runId, next));
      if (chunks.length === 0 && !(await this.mayGrow(runId))) return;
      while (!signal.aborted) {
        for (const chunk of chunks) {
          for (const [place, line] of chunk.lines.entries()) {
            const seq = chunk.first_seq + place;
            if (seq < next || !matches(line)) continue;
            yield { seq, line };
            spoke = Date.now();
          }
          next = Math.max(next, chunk.first_seq + chunk.count);
          if (chunk.final) return;
        }
        if (chunks.length < CHUNKS_PER_READ) {
          if (Date.now() - spoke >= HEARTBEAT_MS) {
            yield 'heartbeat';
            spoke = Date.now();
            if (!(await this.mayGrow(runId))) return;
          }
          soon = (await bell.wait(soon > 0 ? SOON_MS : POLL_MS)) ? SOON_TRIES : Math.max(0, soon - 1);
        }
        chunks = await this.chunksFrom(runId, next);
      }
    } finally {
      unlisten();
    }
  }

  private async startOfChunk(runId: string, seq: number): Promise<number> {
    const holder = await this.db.logs.findOne(
      { run_id: runId, first_seq: { $lte: seq } },
      { sort: { first_seq: -1 }, projection: { first_seq: 1 }, ...DURABLE },
    );
    return holder?.first_seq ?? seq;
  }

  private chunksFrom(runId: string, seq: number): Promise<RunLogChunk[]> {
    return this.db.logs
      .find({ run_id: runId, first_seq: { $gte: seq } }, DURABLE)
      .sort({ first_seq: 1 })
      .limit(CHUNKS_PER_READ)
      .toArray();
  }

  /** False once the run is gone, or its log has ended at or before where the reader is. */
  private async mayGrow(runId: string): Promise<boolean> {
    const run = await this.db.runs.findOne({ _id: runId }, { projection: { _id: 1 } });
    if (!run) return false;
    const last = { run_id: runId, final: true };
    return !(await this.db.logs.findOne(last, { projection: { _id: 1 }, ...DURABLE }));
  }
}

/** Wakes one waiter, early when rung. */
class Bell {
  private rung = false;
  private wake?: () => void;

  constructor(private readonly signal: AbortSignal) {}

  ring(): void {
    this.rung = true;
    this.wake?.();
  }

  /** @returns whether it was rung. */
  async wait(ms: number): Promise<boolean> {
    if (!this.rung && !this.signal.aborted) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        this.wake = () => {
          clearTimeout(timer);
          resolve();
        };
        this.signal.addEventListener('abort', this.wake, { once: true });
      });
      this.signal.removeEventListener('abort', this.wake!);
      this.wake = undefined;
    }
    const { rung } = this;
    this.rung = false;
    return rung;
  }
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
