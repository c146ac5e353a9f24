import { type TaskState } from '@tauro/domain';
import { groupOf, summarise } from './run-progress.js';

const tasks = (...states: TaskState[]): ReturnType<typeof groupOf>[] =>
  states.map((state) => groupOf({ state, metrics: null, engine: { failures: 0 } }));

describe('the progress of a run', () => {
  it('counts what ended well, what runs and what failed, and shows the share that has ended', () => {
    const { progress } = summarise(
      tasks('SUCCESS', 'SKIPPED', 'RUNNING', 'FAILED', 'UPSTREAM_FAILED', 'PENDING'),
    );
    expect(progress).toEqual({
      total_tasks: 6,
      completed_tasks: 2,
      running_tasks: 1,
      failed_tasks: 2,
      percent_complete: 66.67,
    });
  });

  it('is 33.33 after one of three, 0 before the first and 100 after the last', () => {
    expect(summarise(tasks('SUCCESS', 'QUEUED', 'PENDING')).progress.percent_complete).toBe(33.33);
    expect(summarise(tasks('PENDING')).progress.percent_complete).toBe(0);
    expect(summarise(tasks('CANCELLED', 'SUCCESS')).progress.percent_complete).toBe(100);
    expect(summarise([]).progress.percent_complete).toBe(0);
  });

  it('adds up rows, bytes and failed attempts, however the tasks are grouped', () => {
    const one = groupOf({ state: 'SUCCESS', metrics: { rows: 10, bytes: 100 }, engine: { failures: 1 } });
    const many = { state: 'SUCCESS' as const, count: 5, rows: 50, bytes: 500, failures: 2 };
    expect(summarise([one, many])).toMatchObject({
      progress: { total_tasks: 6, completed_tasks: 6 },
      metrics: { rows_processed: 60, bytes_processed: 600, error_count: 3 },
    });
  });
});
