import { buildGraph, type TaskState } from '@tauro/domain';
import { runWaitingReason, type Situation, taskWaitingReason } from './waiting-reason.js';

const graph = buildGraph({
  name: 'p',
  nodes: [
    { id: 'a', type: 'task', config: { handler: 'resize' } },
    { id: 'b', type: 'wait', config: { seconds: 1 } },
    { id: 'c', type: 'wait', config: { seconds: 1 }, depends_on: ['a', 'b'] },
  ],
});
const engine = {
  claim: null,
  dispatch: 'd',
  failures: 0,
  losses: 0,
  priority: 0,
  stage: 0,
  artifact: null,
  wake_at: null,
};
const task = (
  node_id: string,
  state: TaskState,
  more: object = {},
): Parameters<typeof taskWaitingReason>[0] => ({
  node_id,
  index: null,
  state,
  attempt: 1,
  max_attempts: 3,
  error: null,
  sub_run_id: null,
  engine,
  ...more,
});
const situation = (more: Partial<Situation> = {}): Situation => ({
  run: {
    state: 'RUNNING',
    cancel_requested_at: null,
    engine: {
      version_id: 'v',
      depth: 0,
      max_parallelism: 4,
      max_active_runs: null,
      stage: 0,
      stop_below: 0,
      outcome: null,
      retention_days: 1,
    },
  },
  graph,
  workers: [{ handlers: ['resize'], tags: [], state: 'ACTIVE' }],
  states: new Map(),
  ...more,
});

describe('why a task is not moving', () => {
  it('names the upstream nodes that have not ended', () => {
    const states = new Map<string, TaskState>([
      ['a', 'SUCCESS'],
      ['b', 'RUNNING'],
    ]);
    expect(taskWaitingReason(task('c', 'PENDING'), situation({ states }))).toBe('waits for b');
  });

  it('names the handler that no live worker has', () => {
    const reason = taskWaitingReason(
      task('a', 'QUEUED'),
      situation({ workers: [{ handlers: ['other'], tags: [], state: 'ACTIVE' }] }),
    );
    expect(reason).toBe("no live worker has the handler 'resize'");
  });

  it('says that there is no worker, that slots are taken, or that the run is bounded', () => {
    expect(taskWaitingReason(task('b', 'QUEUED'), situation({ workers: [] }))).toBe('no worker is alive');
    expect(taskWaitingReason(task('b', 'QUEUED'), situation())).toBe('waits for a free worker slot');
    const parked = task('b', 'QUEUED', { engine: { ...engine, dispatch: null } });
    expect(taskWaitingReason(parked, situation())).toBe("the run's max_parallelism of 4 is reached");
  });

  it('tells when a retry or a wait is over, and what went wrong', () => {
    const wake_at = new Date('2026-01-01T00:00:00Z');
    const retrying = task('b', 'RETRYING', {
      error: { type: 'E', message: 'boom' },
      engine: { ...engine, wake_at },
    });
    expect(taskWaitingReason(retrying, situation())).toBe('attempt 2 of 3 at 2026-01-01T00:00:00.000Z: boom');
    const waiting = task('b', 'WAITING', { engine: { ...engine, wake_at } });
    expect(taskWaitingReason(waiting, situation())).toBe('waits until 2026-01-01T00:00:00.000Z');
  });

  it('has nothing to say of what runs or has ended', () => {
    expect(taskWaitingReason(task('b', 'RUNNING'), situation())).toBeNull();
    expect(taskWaitingReason(task('b', 'SUCCESS'), situation())).toBeNull();
  });
});

describe('why a run is not moving', () => {
  const run = { ...situation().run } as Parameters<typeof runWaitingReason>[0];

  it('puts what needs a person before what passes by itself', () => {
    const tasks = [task('b', 'QUEUED'), task('a', 'QUEUED')];
    const reason = runWaitingReason(
      run,
      tasks,
      situation({ workers: [{ handlers: [], tags: [], state: 'ACTIVE' }] }),
    );
    expect(reason).toBe("a: no live worker has the handler 'resize'");
  });

  it('is silent while a task runs', () => {
    expect(runWaitingReason(run, [task('b', 'RUNNING'), task('a', 'QUEUED')], situation())).toBeNull();
  });
});
