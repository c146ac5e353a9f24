import { type Check, groupBy, taskEvents, type Violation } from './history.js';

/** How an attempt ends by its own result; back to QUEUED it was given up. */
const COMPLETIONS = ['SUCCESS', 'FAILED', 'SKIPPED', 'RETRYING', 'WAITING'];

/** A claim opens once, and at most one result is accepted for it. */
export const oneCompletionPerClaim: Check = (history) =>
  [...groupBy(taskEvents(history), (event) => event.id)].flatMap(([id, events]) => {
    const violations: Violation[] = [];
    const blame = (detail: string): void =>
      void violations.push({ promise: 'one completion per attempt', detail: `${id}: ${detail}` });
    const opened = new Set<string>();
    events.forEach((event, place) => {
      const before = events[place - 1];
      if (event.state === 'RUNNING') {
        if (event.claim === null) blame('is RUNNING without a claim');
        else if (before?.state !== 'RUNNING') {
          if (opened.has(event.claim)) blame(`claim ${event.claim} was opened twice`);
          opened.add(event.claim);
        } else if (before.claim !== event.claim) blame(`claim ${before.claim} was replaced while it held`);
        return;
      }
      // A WAITING task ends by its alarm, everything else that completes does so from a claim.
      const completes = COMPLETIONS.includes(event.state) && event.state !== before?.state;
      const byAlarm = before?.state === 'WAITING' || before?.state === 'PENDING' || event.state === 'SKIPPED';
      if (completes && before?.state !== 'RUNNING' && !byAlarm)
        blame(`became ${event.state} out of ${before?.state ?? 'nothing'}`);
    });
    return violations;
  });

/** Of one run, no more tasks run at once than its `max_parallelism`, and no slot stays taken at the end. */
export const slotsAreKept: Check = (history) => {
  const limits = new Map<string, { max: number | null; slots: string[] }>();
  const running = new Map<string, Set<string>>();
  const exceeded = new Set<string>();
  for (const event of history.events) {
    if (event.kind === 'run') limits.set(event.id, { max: event.max_parallelism, slots: event.slots });
    if (event.kind !== 'task') continue;
    const now = running.get(event.run_id) ?? new Set<string>();
    running.set(event.run_id, now);
    if (event.state === 'RUNNING') now.add(event.id);
    else now.delete(event.id);
    if (now.size > (limits.get(event.run_id)?.max ?? Infinity)) exceeded.add(event.run_id);
  }
  const promise = 'slots are kept';
  return [
    ...[...exceeded].map((id) => ({ promise, detail: `${id} ran more than its max_parallelism at once` })),
    ...[...limits]
      .filter(([, { slots }]) => slots.length > 0)
      .map(([id, { slots }]) => ({ promise, detail: `${id} still holds the slots of ${slots.join(', ')}` })),
  ];
};
