import { hasEnded, rowsOf, secondsOf, type TaskView } from './run-views.js';

const NOW = Date.parse('2025-11-18T10:00:10Z');
const task = (fields: Partial<TaskView>): TaskView => ({
  id: 'task_1',
  node_id: 'extract',
  state: 'RUNNING',
  started_at: '2025-11-18T10:00:00.500Z',
  finished_at: null,
  error: null,
  output: null,
  ...fields,
});

describe('what the demo says of a task', () => {
  it('counts its seconds until now, or until its end', () => {
    expect(secondsOf(task({ started_at: null }), NOW)).toBeUndefined();
    expect(secondsOf(task({}), NOW)).toBe(9.5);
    expect(secondsOf(task({ finished_at: '2025-11-18T10:00:02Z' }), NOW)).toBe(1.5);
  });

  it('never shows negative seconds when the clocks differ', () => {
    expect(secondsOf(task({ started_at: '2025-11-18T10:00:11Z' }), NOW)).toBe(0);
  });

  it('shows rows only of what made a table', () => {
    expect(rowsOf(task({ output: { rows: 3_000_000 } }))).toBe('3,000,000 rows');
    expect(rowsOf(task({ output: { status: 200 } }))).toBe('');
    expect(rowsOf(task({}))).toBe('');
  });

  it.each([
    ['RUNNING', false],
    ['RETRYING', false],
    ['SUCCESS', true],
    ['UPSTREAM_FAILED', true],
    ['CANCELLED', true],
  ])('%s has ended: %s', (state, ended) => expect(hasEnded(task({ state }))).toBe(ended));
});
