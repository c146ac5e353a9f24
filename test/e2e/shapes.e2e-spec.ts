import { chain, noop, task } from '../support/nodes.js';
import { CommonTauro } from '../support/common-tauro.js';
import { User } from '../support/user.js';

const names = (count: number, letter = 'n'): string[] =>
  Array.from({ length: count }, (_, i) => `${letter}${i}`);

describe('graphs of every shape run to their end, each node after those it needs', () => {
  let tauro: CommonTauro;
  let user: User;

  beforeAll(async () => {
    tauro = await CommonTauro.join();
    user = new User(tauro.api);
  });
  afterAll(() => tauro?.leave());

  it.each<{ shape: string; nodes: string[]; edges: object[] }>([
    { shape: 'a single node', nodes: ['only'], edges: [] },
    {
      shape: 'a diamond',
      nodes: ['start', 'left', 'right', 'end'],
      edges: [...chain('start', 'left', 'end'), ...chain('start', 'right', 'end')],
    },
    {
      shape: 'disconnected parts',
      nodes: ['a1', 'a2', 'b1', 'b2', 'c'],
      edges: [...chain('a1', 'a2'), ...chain('b1', 'b2')],
    },
    {
      shape: 'two crossed layers',
      nodes: [...names(4, 'top'), ...names(4, 'low')],
      edges: names(4, 'top').flatMap((from) => names(4, 'low').map((to) => ({ from, to }))),
    },
    { shape: 'a chain of 60', nodes: names(60), edges: chain(...names(60)) },
    {
      shape: 'a fan of 200',
      nodes: ['start', ...names(200), 'end'],
      edges: names(200).flatMap((id) => chain('start', id, 'end')),
    },
  ])('$shape', async ({ nodes, edges }) => {
    const runId = await user.startNew(
      nodes.map((id) => noop(id)),
      { edges },
    );
    const run = await user.ended(runId, 90_000);
    expect(run).toMatchObject({
      state: 'SUCCESS',
      progress: {
        total_tasks: nodes.length,
        completed_tasks: nodes.length,
        running_tasks: 0,
        failed_tasks: 0,
        percent_complete: 100,
      },
    });
    const tasks = await user.tasks(runId);
    expect(Object.keys(tasks).sort()).toEqual([...nodes].sort());
    for (const one of Object.values(tasks)) expect(one).toMatchObject({ state: 'SUCCESS', attempt: 1 });
    for (const { from, to } of edges as { from: string; to: string }[]) {
      expect(Date.parse(tasks[to].started_at)).toBeGreaterThanOrEqual(Date.parse(tasks[from].finished_at));
    }
  });

  it('gives the slots of max_parallelism to the highest priority first, from the first one on', async () => {
    const nodes = [1, 3, 2].map((priority) => task(`n${priority}`, 'noop', {}, { priority }));
    const runId = await user.startNew(nodes, { config: { max_parallelism: 1 } });
    expect((await user.ended(runId)).state).toBe('SUCCESS');
    const tasks: { node_id: string; started_at: string }[] = Object.values(await user.tasks(runId));
    const order = tasks
      .sort((a, b) => a.started_at.localeCompare(b.started_at))
      .map(({ node_id }) => node_id);
    expect(order).toEqual(['n3', 'n2', 'n1']);
  });

  it('never has more tasks in hand than max_parallelism', async () => {
    const nodes = names(9).map((id) => task(id, 'sleep', { seconds: 0.15 }));
    const runId = await user.startNew(nodes, { config: { max_parallelism: 3 } });
    expect((await user.ended(runId)).state).toBe('SUCCESS');

    const spans = Object.values(await user.tasks(runId)).map((one) => ({
      start: Date.parse(one.started_at),
      end: Date.parse(one.finished_at),
    }));
    const together = spans.map(
      ({ start }) => spans.filter((one) => one.start <= start && start < one.end).length,
    );
    expect(Math.max(...together)).toBeLessThanOrEqual(3);
    expect(Math.max(...together)).toBeGreaterThan(1);
  });

  it('hands outputs and params to the nodes that ask for them', async () => {
    const nodes = [
      task('first', 'fibonacci', { n: 20 }),
      task('second', 'echo', { text: 'for {{ params.date }} in {{ run.id }}', raw: '{{ params.list }}' }),
    ];
    const runId = await user.startNew(
      nodes,
      { edges: chain('first', 'second') },
      { params: { date: '2025-11-18', list: [1, 2] } },
    );
    expect((await user.ended(runId)).state).toBe('SUCCESS');
    const { first, second } = await user.tasks(runId);
    expect(JSON.stringify(first.output)).toContain('6765');
    expect(second.output).toMatchObject({
      params: { date: '2025-11-18' },
      input: { text: `for 2025-11-18 in ${runId}`, raw: [1, 2] },
      inputs: { first: first.output },
      attempt: 1,
    });
  });

  it('fails a task that asks for a name that is not there, and says which', async () => {
    const node = task('asks', 'echo', { text: '{{ params.colour }}' });
    const runId = await user.startNew([node]);
    expect((await user.ended(runId)).state).toBe('FAILED');
    expect((await user.tasks(runId)).asks.error.message).toMatch(/params\.colour/);
  });
});
