import { type Check, groupBy, type LogEvent, taskEvents, type Violation } from './history.js';

const blame = (detail: string): Violation => ({ promise: 'logs without gap or double', detail });

/** The numbers of a run's lines go up by one in the order in which they were stored, and end with the run. */
export const numbersWithoutGap: Check = ({ events }) =>
  [...groupBy(logsOf(events), (event) => event.run_id)].flatMap(([run, chunks]) => {
    let next = 1;
    for (const [place, { first_seq, messages, final }] of chunks.entries()) {
      if (first_seq !== next) return [blame(`${run}: line ${first_seq} was stored where ${next} was due`)];
      next += messages.length;
      if (final && place < chunks.length - 1) return [blame(`${run}: lines after the last one`)];
    }
    return [];
  });

/** What the accepted execution of a task has logged is there, each line once; no line at all is there twice. */
export const linesOnce: Check = (history) => {
  const runs = groupBy(logsOf(history.events), (event) => event.run_id);
  const announced = new Map(history.executions.map((one) => [one.execution, one]));
  const counts = new Map<string, Map<string, number>>();
  for (const [run, chunks] of runs) counts.set(run, tally(chunks.flatMap(({ messages }) => messages)));
  const doubled = [...counts].flatMap(([run, lines]) =>
    [...lines]
      .filter(([message, count]) => count > 1 && announced.has(message.split(' ', 1)[0]!))
      .map(([message]) => blame(`${run}: '${message}' is there twice`)),
  );
  const missing = taskEvents(history)
    .filter(({ state, execution }) => state === 'SUCCESS' && execution !== null)
    .flatMap(({ run_id, node_id, execution }) => {
      const lines = announced.get(execution!)?.lines;
      if (lines === undefined) return [blame(`${run_id}: ${node_id} ended by an unknown execution`)];
      const lost = Array.from({ length: lines }, (_, i) => lineOf(execution!, i + 1)).filter(
        (line) => !counts.get(run_id)?.has(line),
      );
      return lost.length > 0 ? [blame(`${run_id}: ${node_id} lost '${lost.join("', '")}'`)] : [];
    });
  return [...doubled, ...new Map(missing.map((one) => [one.detail, one])).values()];
};

/** What a handler of these tests logs as its n-th line. */
export const lineOf = (execution: string, n: number): string => `${execution} line ${n}`;

const logsOf = (events: readonly { kind: string }[]): LogEvent[] =>
  events.filter((one): one is LogEvent => one.kind === 'log');

function tally(messages: string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const message of messages) counts.set(message, (counts.get(message) ?? 0) + 1);
  return counts;
}
