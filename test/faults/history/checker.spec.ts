import { buildGraph, type PipelineDefinition, type TaskState } from '@tauro/domain';
import { lineOf } from './check-logs.js';
import { checkHistory } from './checker.js';
import { type History, type HistoryEvent, type RunEvent, type TaskEvent } from './history.js';
import { givenUp, inFlightAt, quantile, recoveryTimes, reexecutions } from './measures.js';

const DEFINITION: PipelineDefinition = {
  name: 'p',
  nodes: [
    { id: 'a', type: 'task' },
    { id: 'b', type: 'task', depends_on: ['a'] },
  ],
};

const run = (state: RunEvent['state'], rest: Partial<RunEvent> = {}): RunEvent => ({
  kind: 'run',
  at: 0,
  id: 'run_1',
  state,
  version_id: 'v',
  max_parallelism: null,
  slots: [],
  ...rest,
});
const task = (node_id: string, state: TaskState, rest: Partial<TaskEvent> = {}): TaskEvent => ({
  kind: 'task',
  at: 0,
  id: `task_${node_id}`,
  run_id: 'run_1',
  node_id,
  state,
  attempt: 1,
  claim: state === 'RUNNING' ? `claim of ${node_id}` : null,
  worker: state === 'RUNNING' ? 'w1-abc' : null,
  execution: null,
  ...rest,
});
const log = (first_seq: number, messages: string[], final = false): HistoryEvent => ({
  kind: 'log',
  at: 0,
  run_id: 'run_1',
  first_seq,
  messages,
  final,
});

/** A run of two tasks in which everything is as it should be. */
const good = (): HistoryEvent[] => [
  task('a', 'PENDING'),
  task('b', 'PENDING'),
  run('PENDING'),
  run('QUEUED'),
  task('a', 'QUEUED'),
  task('a', 'RUNNING'),
  run('RUNNING'),
  log(1, ['run started', lineOf('x1', 1)]),
  log(3, [lineOf('x1', 2)]),
  task('a', 'SUCCESS', { execution: 'x1' }),
  task('b', 'QUEUED'),
  task('b', 'RUNNING'),
  task('b', 'SUCCESS'),
  run('SUCCESS'),
  log(4, ['run ended'], true),
];

const history = (events: HistoryEvent[], rest: Partial<History> = {}): History => ({
  events,
  acknowledgements: [
    { run_id: 'run_1', what: 'create', at: 0 },
    { run_id: 'run_1', what: 'start', at: 0 },
  ],
  executions: [{ execution: 'x1', run_id: 'run_1', node_id: 'a', lines: 2 }],
  graphs: new Map([['v', buildGraph(DEFINITION)]]),
  ...rest,
});

/** The good history with the events at a place replaced. */
const spoilt = (find: (event: HistoryEvent) => boolean, ...instead: HistoryEvent[]): History => {
  const events = good();
  events.splice(events.findIndex(find), 1, ...instead);
  return history(events);
};
const isTask = (node: string, state: string) => (event: HistoryEvent) =>
  event.kind === 'task' && event.node_id === node && event.state === state;
const isRun = (state: string) => (event: HistoryEvent) => event.kind === 'run' && event.state === state;
const isLog = (seq: number) => (event: HistoryEvent) => event.kind === 'log' && event.first_seq === seq;

it('a run without fault breaks no promise', () => {
  expect(checkHistory(history(good()))).toEqual([]);
});

it('neither does one that started when it was stored', () => {
  const rest = good().filter((event) => !isRun('PENDING')(event) && !isRun('QUEUED')(event));
  const later = rest.filter(
    (event) => event.kind !== 'task' || (event.state !== 'PENDING' && !isTask('a', 'QUEUED')(event)),
  );
  const born = (b: TaskState): History =>
    history([task('a', 'QUEUED'), task('b', b), run('QUEUED'), ...later]);
  expect(checkHistory(born('PENDING'))).toEqual([]);
  const told = checkHistory(born('QUEUED')).map(({ detail }) => detail);
  expect(told).toContain('task_b: b became QUEUED while a had not ended');
});

it.each<[promise: string, history: History]>([
  ['acknowledged writes', history(good().filter(({ kind }) => kind !== 'run'))],
  ['acknowledged writes', history([...good(), { kind: 'gone', at: 0, what: 'run', id: 'run_1' }])],
  ['every run ends', spoilt(isRun('SUCCESS'))],
  ['every run ends', spoilt(isTask('b', 'SUCCESS'))],
  ['one terminal state', spoilt(isLog(4), run('FAILED'))],
  ['one terminal state', spoilt(isLog(4), task('b', 'QUEUED'))],
  ['only legal transitions', spoilt(isTask('b', 'RUNNING'))],
  ['only legal transitions', spoilt(isRun('QUEUED'))],
  ['one completion', spoilt(isTask('b', 'RUNNING'))],
  [
    'one completion',
    spoilt(isTask('b', 'SUCCESS'), task('b', 'QUEUED'), task('b', 'RUNNING'), task('b', 'SUCCESS')),
  ],
  [
    'one completion',
    spoilt(isTask('b', 'SUCCESS'), task('b', 'RUNNING', { claim: 'other' }), task('b', 'SUCCESS')),
  ],
  ['before its turn', spoilt(isTask('a', 'QUEUED'), task('a', 'QUEUED'), task('b', 'QUEUED'))],
  ['before its turn', spoilt(isTask('b', 'QUEUED'), task('b', 'UPSTREAM_FAILED'))],
  ['gap', spoilt(isLog(3), log(4, [lineOf('x1', 2)]))],
  ['gap', spoilt(isLog(4), log(4, ['run ended'], true), log(5, ['too late']))],
  ["lost 'x1 line 2'", spoilt(isLog(3), log(3, ['something else']))],
  ['there twice', spoilt(isLog(3), log(3, [lineOf('x1', 2), lineOf('x1', 2)]))],
  ['unknown execution', spoilt(isTask('a', 'SUCCESS'), task('a', 'SUCCESS', { execution: 'x9' }))],
  ['slots', spoilt(isRun('SUCCESS'), run('SUCCESS', { slots: ['task_b'] }))],
  [
    'more than its max_parallelism',
    history(good().map((event) => (event.kind === 'run' ? { ...event, max_parallelism: 0 } : event))),
  ],
])('is told: %s', (promise, broken) => {
  const told = checkHistory(broken).map((violation) => `${violation.promise}: ${violation.detail}`);
  expect(told.join('\n')).toContain(promise);
});

describe('measures', () => {
  const lost = history([
    task('a', 'RUNNING', { at: 10 }),
    task('b', 'RUNNING', { at: 10, worker: 'w2-abc' }),
    task('a', 'QUEUED', { at: 80 }),
    task('a', 'RUNNING', { at: 100, claim: 'second', worker: 'w2-abc' }),
    task('a', 'SUCCESS', { at: 120 }),
    task('b', 'SUCCESS', { at: 20 }),
  ]);

  it('what a killed worker held, and how long until somebody else did', () => {
    const kills = [{ worker: 'w1', at: 50 }];
    expect(inFlightAt(lost, kills)).toEqual([{ task: 'task_a', at: 50 }]);
    expect(recoveryTimes(lost, kills)).toEqual([50]);
    expect(givenUp(lost)).toBe(1);
    expect(inFlightAt(lost, [{ worker: 'w2', at: 50 }])).toEqual([{ task: 'task_a', at: 50 }]);
    expect(inFlightAt(lost, [{ worker: 'w2', at: 50, until: 60 }])).toEqual([]);
    expect(inFlightAt(lost, [{ worker: 'w3', at: 50 }])).toEqual([]);
  });

  it('work that was done again', () => {
    const once = { execution: 'x', run_id: 'r', node_id: 'n', lines: 1 };
    expect(reexecutions({ executions: [once, { ...once, execution: 'y' }] })).toBe(1);
  });

  it('quantiles', () => {
    expect(quantile([3, 1, 2, 4], 0.5)).toBe(2);
    expect(quantile([3, 1, 2, 4], 0.95)).toBe(4);
    expect(quantile([], 0.5)).toBe(0);
  });
});
