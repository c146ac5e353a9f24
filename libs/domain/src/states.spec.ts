import {
  ACTIVE_RUN_STATES,
  ACTIVE_TASK_STATES,
  isTerminalRun,
  isTerminalTask,
  RUN_STATES,
  RUN_TRANSITIONS,
  runStatesBefore,
  TASK_STATES,
  TASK_TRANSITIONS,
  taskStatesBefore,
  TERMINAL_RUN_STATES,
  TERMINAL_TASK_STATES,
} from './states.js';

/** Every state that can be reached from one, over any number of transitions. */
function reachable(table: Readonly<Record<string, readonly string[]>>, from: string): Set<string> {
  const found = new Set<string>();
  const visit = (state: string): void => {
    for (const next of table[state]!) if (!found.has(next)) visit((found.add(next), next));
  };
  visit(from);
  return found;
}

describe.each([
  ['a run', RUN_STATES, RUN_TRANSITIONS, ['SUCCESS', 'FAILED', 'CANCELLED']],
  ['a task', TASK_STATES, TASK_TRANSITIONS, ['SUCCESS', 'FAILED', 'SKIPPED', 'UPSTREAM_FAILED', 'CANCELLED']],
] as const)('the states of %s', (_, states, transitions, final) => {
  const table: Readonly<Record<string, readonly string[]>> = transitions;

  it('can all be reached from PENDING', () => {
    expect(reachable(table, 'PENDING')).toEqual(new Set(states.filter((state) => state !== 'PENDING')));
  });

  it('never change once they are final', () => {
    expect(states.filter((state) => table[state]!.length === 0)).toEqual(final);
  });

  it('can be cancelled until they are final', () => {
    for (const state of states) expect(table[state]!.includes('CANCELLED')).toBe(table[state]!.length > 0);
  });

  it('lead to an end from everywhere, and nowhere to themselves', () => {
    for (const state of states) {
      expect(table[state]).not.toContain(state);
      if (table[state]!.length > 0)
        expect([...reachable(table, state)]).toEqual(expect.arrayContaining(['SUCCESS', 'FAILED']));
    }
  });
});

it('final and active states are two halves of all', () => {
  expect([...TERMINAL_RUN_STATES, ...ACTIVE_RUN_STATES].sort()).toEqual([...RUN_STATES].sort());
  expect([...TERMINAL_TASK_STATES, ...ACTIVE_TASK_STATES].sort()).toEqual([...TASK_STATES].sort());
  expect(RUN_STATES.filter(isTerminalRun)).toEqual(['SUCCESS', 'FAILED', 'CANCELLED']);
  expect(TASK_STATES.filter(isTerminalTask)).toHaveLength(5);
});

it('the guard of a write names every state it may come from, and no final one', () => {
  expect(runStatesBefore('CANCELLED')).toEqual(['PENDING', 'QUEUED', 'RUNNING', 'PAUSED']);
  expect(runStatesBefore('PENDING')).toEqual([]);
  expect(taskStatesBefore('RUNNING')).toEqual(['PENDING', 'QUEUED']);
  for (const to of RUN_STATES) expect(runStatesBefore(to).some(isTerminalRun)).toBe(false);
  for (const to of TASK_STATES) expect(taskStatesBefore(to).some(isTerminalTask)).toBe(false);
});
