import { Injectable } from '@nestjs/common';
import { isTerminalRun, type RunState } from '@tauro/domain';
import { Collections } from '../collections.js';
import { comparePositions, endOfTime, type Position } from './position.js';
import { isAfter, type StateEvent, StateTail } from './state-tail.js';

const HEARTBEAT_MS = 15_000;

export interface Following {
  /** What was seen already; without it, the stream begins with what happens next. */
  after?: Position;
  /** Also changes of tasks. */
  withTasks: boolean;
  matches: (event: StateEvent) => boolean;
  signal: AbortSignal;
  /** A promise while the reader takes no more. */
  blocked?: () => Promise<void> | undefined;
}

/** What a follower is told: a change; that nothing happened for a while; that some changes cannot be told any more. */
export type StateNews = StateEvent | 'heartbeat' | 'reset';

/** Tells of changes of state as they happen, from what the database itself recorded. */
@Injectable()
export class StateEvents {
  /** One that reads runs alone, and one that reads tasks too; only while somebody follows. */
  private readonly tails = new Map<boolean, StateTail>();

  constructor(private readonly db: Collections) {}

  /**
   * Changes in the order in which they were made, each once; goes on until the reader leaves. `'reset'` when changes were
   * missed, because too many happened since: then the reader looks at the present anew. @throws when the database is away.
   */
  async *follow({ after, withTasks, matches, signal, blocked }: Following): AsyncGenerator<StateNews> {
    const tail = this.tail(withTasks);
    try {
      const since = after ?? endOfTime(await this.db.operationTime());
      await tail.join();
      if (comparePositions(since, tail.beginning) < 0) yield 'reset';
      let number = tail.first;
      let spoke = performance.now();
      while (!signal.aborted) {
        if (number < tail.first) {
          number = tail.first;
          yield 'reset';
        }
        const event = tail.get(number);
        if (!event) {
          await tail.changed(signal, Math.max(0, spoke + HEARTBEAT_MS - performance.now()));
          if (tail.next > number || performance.now() - spoke < HEARTBEAT_MS) continue;
          yield 'heartbeat';
          spoke = performance.now();
          continue;
        }
        number++;
        if (!isAfter(event, since) || !matches(event)) continue;
        yield event;
        spoke = performance.now();
        await blocked?.();
      }
    } finally {
      tail.leave();
    }
  }

  /**
   * How the tasks of a run and the run stand, then every change of them until the run is terminal. A reader who comes back
   * with what it has seen gets the changes since; when they are not known any more, or the run has ended, how things stand.
   */
  async *followRun(
    runId: string,
    { after, signal, blocked }: Omit<Following, 'matches' | 'withTasks'>,
  ): AsyncGenerator<StateEvent | 'heartbeat'> {
    // Nothing more would come of one that has ended.
    let since = after && !(await this.hasEnded(runId)) ? after : undefined;
    const matches = ({ run_id }: StateEvent): boolean => run_id === runId;
    while (!signal.aborted) {
      if (!since) {
        for await (const event of this.snapshot(runId)) {
          yield event;
          if (isEnd(event)) return;
          since = event.at;
          await blocked?.();
        }
        if (!since) return;
      }
      for await (const news of this.follow({ after: since, withTasks: true, matches, signal, blocked })) {
        if (news === 'reset') {
          since = undefined;
          break;
        }
        yield news;
        if (news !== 'heartbeat' && isEnd(news)) return;
      }
    }
  }

  private async hasEnded(runId: string): Promise<boolean> {
    const run = await this.db.runs.findOne({ _id: runId }, { projection: { state: 1 } });
    return !run || isTerminalRun(run.state);
  }

  /** The run, then its tasks, as they were at one moment. */
  private async *snapshot(runId: string): AsyncGenerator<StateEvent> {
    const { time, run, tasks } = await this.db.runAtOneTime(runId);
    if (!run) return;
    const at = endOfTime(time);
    const common = { at, run_id: runId, project_id: run.project_id, pipeline_id: run.pipeline_id };
    const shared = { ...common, schedule_id: run.schedule_id, timestamp: run.updated_at };
    for await (const { _id, node_id, index, state, ...times } of tasks) {
      const timestamp = times.finished_at ?? times.started_at ?? times.queued_at ?? times.created_at;
      yield { ...shared, type: 'task', task_id: _id, node_id, index, state, timestamp };
    }
    // Last, because its end is the end of the stream.
    yield { ...shared, type: 'run', task_id: null, node_id: null, index: null, state: run.state };
  }

  private tail(withTasks: boolean): StateTail {
    const known = this.tails.get(withTasks);
    if (known) return known;
    const tail: StateTail = new StateTail(
      this.db,
      withTasks,
      () => this.tails.get(withTasks) === tail && this.tails.delete(withTasks),
    );
    this.tails.set(withTasks, tail);
    return tail;
  }
}

const isEnd = ({ type, state }: StateEvent): boolean =>
  type === 'run' && (state === null || isTerminalRun(state as RunState));
