import { groupBy, type History, taskEvents, type TaskEvent } from './history.js';

/** A worker that was killed: the beginning of its id, and when. */
export interface Kill {
  worker: string;
  at: number;
  /** When it went on, if it did: what it takes from then on is not in question. */
  until?: number;
}

/** From the claim of a task to the write that ended it. */
interface Holding {
  task: string;
  worker: string;
  from: number;
  to: number;
}

/** What the killed workers had in their hands when they died. */
export function inFlightAt(history: History, kills: readonly Kill[]): { task: string; at: number }[] {
  const holdings = holdingsOf(history);
  return kills.flatMap(({ worker, at, until = Infinity }) =>
    holdings
      .filter(({ worker: holder, from, to }) => holder.startsWith(`${worker}-`) && to > at && from < until)
      .map(({ task }) => ({ task, at })),
  );
}

/** How many claims were taken from their holders, whatever the reason: each may be executed once more. */
export function givenUp(history: History): number {
  return [...groupBy(taskEvents(history), ({ id }) => id).values()].flatMap((events) =>
    events.filter(({ state }, place) => state === 'QUEUED' && events[place - 1]?.state === 'RUNNING'),
  ).length;
}

/** Milliseconds from each kill to the moment when somebody else had taken up what it interrupted. */
export function recoveryTimes(history: History, kills: readonly Kill[]): number[] {
  const claims = groupBy(holdingsOf(history), ({ task }) => task);
  return inFlightAt(history, kills).flatMap(({ task, at }) => {
    const next = claims.get(task)!.find(({ from, to }) => from > at && to > at);
    return next ? [next.from - at] : [];
  });
}

/** Executions beyond one per attempt that counts: the work that was done again. */
export function reexecutions({ executions }: Pick<History, 'executions'>): number {
  return executions.length - new Set(executions.map(({ run_id, node_id }) => `${run_id} ${node_id}`)).size;
}

/** The smallest value that at least this share of all does not exceed; 0 of none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
}

function holdingsOf(history: History): Holding[] {
  return [...groupBy(taskEvents(history), ({ id }) => id).values()].flatMap((events) => {
    const holdings: Holding[] = [];
    let open: { event: TaskEvent } | undefined;
    for (const event of events) {
      if (event.state === 'RUNNING' && open?.event.claim === event.claim) continue;
      if (open) holdings.push(held(open.event, event.at));
      open = event.state === 'RUNNING' ? { event } : undefined;
    }
    if (open) holdings.push(held(open.event, Infinity));
    return holdings;
  });
}

const held = ({ id, worker, at }: TaskEvent, to: number): Holding => ({
  task: id,
  worker: worker ?? '',
  from: at,
  to,
});
