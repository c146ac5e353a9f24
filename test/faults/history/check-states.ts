import {
  isTerminalRun,
  isTerminalTask,
  RUN_TRANSITIONS,
  TASK_TRANSITIONS,
} from '../../../libs/domain/src/index.js';
import { type Check, groupBy, runEvents, taskEvents, type Violation } from './history.js';

interface Step {
  id: string;
  state: string;
}

/** Every acknowledged run is there, was started when that was acknowledged, and stays. */
export const nothingAcknowledgedIsLost: Check = (history) => {
  const runs = groupBy(runEvents(history), (event) => event.id);
  const gone = new Set(history.events.flatMap((one) => (one.kind === 'gone' ? [one.id] : [])));
  const lost = (detail: string): Violation => ({ promise: 'acknowledged writes are kept', detail });
  return history.acknowledgements.flatMap(({ run_id, what }) => {
    const events = runs.get(run_id);
    if (!events || gone.has(run_id)) return [lost(`${run_id} was acknowledged (${what}) and is not there`)];
    if (what === 'start' && !events.some(({ state }) => state !== 'PENDING'))
      return [lost(`${run_id} was started, and is PENDING`)];
    if (what === 'cancel' && !isTerminalRun(events.at(-1)!.state))
      return [lost(`${run_id} was cancelled, and is ${events.at(-1)!.state}`)];
    return [];
  });
};

/** Every started run, and every task of it, has come to its end. */
export const everythingEnds: Check = (history) => {
  const unended = (id: string, state: string): Violation => ({
    promise: 'every run ends',
    detail: `${id} is ${state}`,
  });
  const started = new Set(
    history.acknowledgements.filter(({ what }) => what === 'start').map(({ run_id }) => run_id),
  );
  const runs = [...groupBy(runEvents(history), (event) => event.id).values()].map((all) => all.at(-1)!);
  const tasks = [...groupBy(taskEvents(history), (event) => event.id).values()].map((all) => all.at(-1)!);
  return [
    ...runs.filter(({ id, state }) => started.has(id) && !isTerminalRun(state)),
    ...tasks.filter(({ run_id, state }) => started.has(run_id) && !isTerminalTask(state)),
  ].map(({ id, state }) => unended(id, state));
};

/** A terminal state is final: there is one, and no write changes it. */
export const oneTerminalState: Check = (history) => [
  ...secondEnds(runEvents(history), (state) => isTerminalRun(state as never)),
  ...secondEnds(taskEvents(history), (state) => isTerminalTask(state as never)),
];

/** Only steps that the tables of states know. */
export const onlyLegalTransitions: Check = (history) => [
  ...illegalSteps(runEvents(history), RUN_TRANSITIONS),
  ...illegalSteps(taskEvents(history), TASK_TRANSITIONS),
];

function secondEnds(events: Step[], isTerminal: (state: string) => boolean): Violation[] {
  return [...groupBy(events, (event) => event.id)].flatMap(([id, steps]) => {
    const end = steps.find(({ state }) => isTerminal(state));
    const other = end && steps.slice(steps.indexOf(end)).find(({ state }) => state !== end.state);
    return other
      ? [{ promise: 'one terminal state', detail: `${id} ended ${end.state} and became ${other.state}` }]
      : [];
  });
}

/** What starts at once is QUEUED when it is stored. */
const BORN = ['PENDING', 'QUEUED'];

function illegalSteps(events: Step[], table: Record<string, readonly string[]>): Violation[] {
  return [...groupBy(events, (event) => event.id)].flatMap(([id, steps]) =>
    steps.flatMap(({ state }, place) => {
      const before = steps[place - 1]?.state;
      const legal = before === undefined ? BORN.includes(state) : table[before]!.includes(state);
      if (legal || before === state) return [];
      return [{ promise: 'only legal transitions', detail: `${id} went ${before ?? 'nowhere'} -> ${state}` }];
    }),
  );
}
