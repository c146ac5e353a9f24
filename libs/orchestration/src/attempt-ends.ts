import { Injectable } from '@nestjs/common';
import { type QualityResult, type Run, type RunLogChunk, type Task } from '@tauro/database';
import { Env } from '@tauro/platform';
import { Batches } from './batches.js';
import { Collections, DUPLICATE_KEY, MUST_MATCH, NO_MATCH, type OrderedWrite } from './collections.js';
import { RunLogWriter } from './run-log.writer.js';
import { claimable, claimed, claiming, type ClaimRequest, lookAt } from './task-claims.js';

/** What is written when an attempt ends, in this order, each step only if all before it were. */
export interface AttemptEnd {
  taskId: string;
  /** Must still hold. */
  claimId: string;
  set: Record<string, unknown>;
  /** Leaves the task as if the attempt had never been claimed. */
  unbegun?: boolean;
  /** What checks have found, to be stored with it or not at all; nothing is claimed with such an end. */
  quality?: QualityResult[];
  /** A task that this worker goes on with. */
  next?: Continuation;
}

/** A claim on a task that has become ready by the end of another, of which this process knows everything already. */
export interface Continuation {
  request: ClaimRequest;
  /** As it must be stored for the claim. */
  pending: Task;
  run: Run;
  /** In which it was found ready; in a later one it is not claimed. */
  epoch: number;
}

/** What became of an `AttemptEnd`. */
export interface AttemptEnded {
  /** Whether the claim still held; if not, nothing else was done. */
  settled: boolean;
  /** The next task, if it was claimed. */
  next: Task | null;
  /** Whether its run is under way, as it was right after the claim. */
  goesOn: boolean;
}

/** Ends of one run that are stored behind the same lines of its log. */
interface Group {
  chunk?: RunLogChunk;
  ends: Waiting[];
}

interface Waiting {
  end: AttemptEnd;
  /** Whether it is under way or done. */
  sent: boolean;
  /** Once it is known. */
  ended?: AttemptEnded | Error;
}

type Step = 'log' | 'settle' | 'claim' | 'look';

/** With what the database refuses a step for a reason that is known. */
const REFUSALS: Partial<Record<Step, number>> = { log: DUPLICATE_KEY, settle: NO_MATCH };

/** Groups that are stored together; the log of each may have megabytes. */
const MOST_JOINED = 20;

/**
 * Where an attempt ends. Its last log lines, its end and the claim on what the worker goes on with are one round trip,
 * which ends of the same run that come up together, and other runs, share.
 */
@Injectable()
export class AttemptEnds {
  private readonly waiting = new Map<string, Waiting[]>();
  private readonly groups = new Batches<Group, boolean>((all) => this.storeAll(all), MOST_JOINED);

  constructor(
    private readonly db: Collections,
    private readonly env: Env,
    private readonly logs: RunLogWriter,
  ) {}

  /** Stores an end behind every line that was appended to its run's log before. @throws when the database is away. */
  async store(runId: string, end: AttemptEnd): Promise<AttemptEnded> {
    if (end.quality) return this.storeWithQuality(runId, end, end.quality);
    const mine: Waiting = { end, sent: false };
    this.waiting.set(runId, [...(this.waiting.get(runId) ?? []), mine]);
    try {
      await this.logs.flush(runId, () => {
        const ends = this.board(runId);
        return ends.length > 0 ? (chunk) => this.send(ends, chunk) : undefined;
      });
      // Its lines are stored: with another flush, or there were none, or the log has ended.
      while (mine.ended === undefined) {
        if (mine.sent) await this.logs.flush(runId);
        else await this.send([mine]);
      }
    } finally {
      const others = this.board(runId).filter((one) => one !== mine);
      if (others.length > 0) this.waiting.set(runId, others);
    }
    if (mine.ended instanceof Error) throw mine.ended;
    return mine.ended!;
  }

  /** A claim that is lost stores no results, and a crash never one without the other. */
  private async storeWithQuality(
    runId: string,
    end: AttemptEnd,
    quality: QualityResult[],
  ): Promise<AttemptEnded> {
    await this.logs.flush(runId);
    const { filter, update } = settling(end);
    let settled = false;
    await this.db.transaction(async (session) => {
      const { matchedCount } = await this.db.tasks.updateOne(filter, update, { session });
      settled = matchedCount === 1;
      if (settled) await this.db.quality.insertMany(quality, { session });
    });
    return { settled, next: null, goesOn: false };
  }

  /** Everything of a run whose lines are before now. */
  private board(runId: string): Waiting[] {
    const ends = this.waiting.get(runId) ?? [];
    this.waiting.delete(runId);
    return ends;
  }

  private async send(all: Waiting[], chunk?: RunLogChunk): Promise<boolean> {
    const ends = all.filter(({ sent }) => !sent);
    for (const one of ends) one.sent = true;
    try {
      return await this.groups.ask({ chunk, ends });
    } finally {
      for (const one of ends) one.sent = one.ended !== undefined;
    }
  }

  /** @returns of each whether its lines were stored; if not, their place is taken, and nothing of it was done. */
  private async storeAll(groups: Group[]): Promise<boolean[]> {
    const refused = new Set<Group>();
    let left = groups.flatMap((group): { group: Group; one?: Waiting }[] => [
      ...(group.chunk ? [{ group }] : []),
      ...group.ends.map((one) => ({ group, one })),
    ]);
    // A write that is refused is the last of its request, so what stands behind it is sent again.
    while (left.length > 0) {
      const sent = left.map(({ group, one }) => (one ? this.stepsOf(one.end) : [this.logStep(group.chunk!)]));
      const { updates, failed } = await this.db.inOrder(sent.flat().map(([, write]) => write));
      let first = 0;
      for (const steps of sent) {
        const at = failed ? failed.at - first : steps.length;
        if (at < 0) break;
        const { group, one } = left.shift()!;
        const refusal = steps[at]?.[0];
        const known = refusal === undefined || failed?.code === REFUSALS[refusal];
        const done = new Set(
          steps.filter((_, i) => i < at && updates.get(first + i)?.matchedCount).map(([step]) => step),
        );
        if (one) one.ended = known ? this.endedOf(one.end, done) : failed!.error;
        else if (!known) throw failed!.error;
        else if (refusal) {
          refused.add(group);
          left = left.filter((other) => other.group !== group);
        }
        if (refusal) break;
        first += steps.length;
      }
    }
    return groups.map((group) => !refused.has(group));
  }

  private endedOf({ next }: AttemptEnd, done: ReadonlySet<Step>): AttemptEnded {
    return {
      settled: done.has('settle'),
      next: next && done.has('claim') ? claimed(next.pending, next.request, this.env) : null,
      goesOn: done.has('look'),
    };
  }

  private logStep(document: RunLogChunk): [Step, OrderedWrite] {
    return ['log', { name: 'insertOne', namespace: this.db.logs.namespace, document }];
  }

  private stepsOf(end: AttemptEnd): [Step, OrderedWrite][] {
    const { filter, update } = settling(end);
    const next = end.next?.epoch === this.db.epoch ? end.next : undefined;
    const settle: OrderedWrite = {
      name: 'updateOne',
      namespace: this.db.tasks.namespace,
      filter,
      update: { ...update, ...(next && { $setOnInsert: MUST_MATCH.onInsert }) },
      upsert: next !== undefined,
    };
    if (!next) return [['settle', settle]];
    const { request, pending, run } = next;
    const { attempt, max_attempts } = pending;
    const claim: OrderedWrite = {
      name: 'updateOne',
      namespace: this.db.tasks.namespace,
      filter: { ...claimable(request), attempt, max_attempts },
      update: claiming(request, this.env),
    };
    // After the claim, as any look at the run must come.
    const look: OrderedWrite = {
      name: 'updateOne',
      namespace: this.db.runs.namespace,
      ...lookAt(run._id, pending.engine.stage),
    };
    return [
      ['settle', settle],
      ['claim', claim],
      ['look', look],
    ];
  }
}

/** The guarded write that ends an attempt. */
const settling = ({ taskId, claimId, set, unbegun }: AttemptEnd) => ({
  filter: { _id: taskId, state: 'RUNNING', 'engine.claim.id': claimId } as const,
  update: {
    $set: { ...set, 'engine.claim': null, 'engine.settled': claimId } as object,
    ...(unbegun && { $inc: { attempt: -1 }, $pop: { attempts: 1 } as const }),
  },
});
