import { noop, ONCE, task, wait } from '../support/nodes.js';
import { Tauro } from '../support/tauro.js';
import { expectStatus, User } from '../support/user.js';
import { waitFor } from '../support/wait-for.js';

describe('nodes mapped over a list', () => {
  let tauro: Tauro;
  let user: User;

  beforeAll(async () => {
    tauro = await Tauro.start();
    user = new User(tauro.api);
  });
  afterAll(() => tauro?.stop());

  it('a param gives the list, each item and index reach the handler, and the outputs come back in order', async () => {
    const greet = task(
      'greet',
      'echo',
      { who: '{{ item.name }}', place: '{{ index }}' },
      { for_each: { items: '{{ params.people }}', max_parallelism: 2 } },
    );
    const sum = task('sum', 'echo', { all: '{{ nodes.greet.output.items }}' }, { depends_on: ['greet'] });
    const people = [{ name: 'Ada' }, { name: 'Grace' }, { name: 'Edsger' }];
    const runId = await user.startNew([greet, sum], {}, { params: { people } });
    const run = await user.ended(runId);
    expect(run.state).toBe('SUCCESS');
    expect(run.progress).toMatchObject({ total_tasks: 5, completed_tasks: 5 });

    const tasks = await user.tasks(runId);
    expect(Object.keys(tasks)).toEqual(['greet', 'greet[0]', 'greet[1]', 'greet[2]', 'sum']);
    expect(tasks['greet[1]']).toMatchObject({ index: 1, item: { name: 'Grace' }, attempt: 1 });
    expect(tasks.greet).not.toHaveProperty('index');
    expect(tasks.sum.output.input.all.map((one: { input: unknown }) => one.input)).toEqual([
      { who: 'Ada', place: 0 },
      { who: 'Grace', place: 1 },
      { who: 'Edsger', place: 2 },
    ]);
    const lines = await user.logs(runId, `&task_id=${tasks['greet[2]'].id}`);
    expect(lines.map((line) => line.message)).toEqual([
      expect.stringMatching(/^task greet\[2\] started \(attempt 1\)/),
      expect.stringMatching(/^task greet\[2\] ended SUCCESS/),
    ]);
  });

  it('an output upstream gives the list, and a condition skips some items', async () => {
    const list = task('list', 'echo', { items: [1, 2, 3, 4] });
    const even = task(
      'even',
      'echo',
      { n: '{{ item }}' },
      {
        depends_on: ['list'],
        when: 'item % 2 == 0',
        for_each: { items: '{{ nodes.list.output.input.items }}' },
      },
    );
    const runId = await user.startNew([list, even]);
    expect((await user.ended(runId)).state).toBe('SUCCESS');
    const { even: mapped } = await user.tasks(runId);
    expect(mapped.output).toMatchObject({ count: 4, succeeded: 2, skipped: 2 });
    expect(mapped.output.items.map((one: { input: unknown } | null) => one?.input)).toEqual([
      undefined,
      { n: 2 },
      undefined,
      { n: 4 },
    ]);
  });

  it('a condition that does not look at the item skips the node as a whole', async () => {
    const runId = await user.startNew(
      [noop('m', { when: 'params.on', for_each: { items: [1, 2] } })],
      {},
      {
        params: { on: false },
      },
    );
    expect((await user.ended(runId)).state).toBe('SUCCESS');
    expect(await user.taskStates(runId)).toEqual({ m: 'SKIPPED' });
  });

  it('each item is retried by itself', async () => {
    const retry_policy = { max_attempts: 3, backoff_seconds: 0 };
    const shaky = task(
      'shaky',
      'fail_times',
      { times: '{{ item }}' },
      { retry_policy, for_each: { items: [0, 2] } },
    );
    const runId = await user.startNew([shaky]);
    expect((await user.ended(runId)).state).toBe('SUCCESS');
    const tasks = await user.tasks(runId);
    expect([tasks['shaky[0]'].attempt, tasks['shaky[1]'].attempt]).toEqual([1, 3]);
  });

  it('one that fails fast stops what runs', async () => {
    const sleepers = task(
      'sleepers',
      'sleep',
      { seconds: '{{ item.seconds }}' },
      {
        ...ONCE,
        for_each: { items: [{ seconds: 60 }, {}], on_item_failure: 'fail_fast' },
      },
    );
    const runId = await user.startNew([sleepers]);
    const run = await user.ended(runId);
    expect(run).toMatchObject({ state: 'FAILED', error: { type: 'ItemsFailed', node_id: 'sleepers' } });
    expect(run.duration_seconds).toBeLessThan(50);
    expect(await user.taskStates(runId)).toMatchObject({
      'sleepers[0]': 'CANCELLED',
      'sleepers[1]': 'FAILED',
    });
  });

  it('says why its tasks wait, and ends at once when it is cancelled', async () => {
    const runId = await user.startNew([wait('m', 3600, { for_each: { items: [1, 2], max_parallelism: 1 } })]);
    await waitFor(async () => (await user.taskStates(runId))['m[0]'] === 'WAITING', {
      what: 'the first wait',
    });
    const tasks = await user.tasks(runId);
    expect(tasks.m.waiting_reason).toBe('waits for its 2 items');
    expect(tasks['m[1]'].waiting_reason).toBe('waits for its turn: at most 1 items at once');
    expectStatus(await tauro.api.post(`/api/v1/runs/${runId}/cancel`, undefined), 202);
    expect((await user.ended(runId)).state).toBe('CANCELLED');
    expect(new Set(Object.values(await user.taskStates(runId)))).toEqual(new Set(['CANCELLED']));
  });

  it('fails with a clear error when there is no list', async () => {
    const runId = await user.startNew(
      [noop('m', { for_each: { items: '{{ params.list }}' } })],
      {},
      {
        params: { list: 'a,b' },
      },
    );
    expect((await user.ended(runId)).error).toMatchObject({
      type: 'InvalidItems',
      message: 'nodes.m.for_each.items must give a list, got a string',
    });
  });

  it('one to a thousand and back, while a worker is killed on the way', async () => {
    const other = await tauro.addWorker();
    const items = Array.from({ length: 1000 }, (_, i) => i);
    const runId = await user.startNew([
      noop('first'),
      noop('many', { depends_on: ['first'], for_each: { items } }),
      noop('last', { depends_on: ['many'] }),
    ]);
    await user.runWhen(runId, (run) => run.progress.completed_tasks > 100);
    await other.kill();
    const run = await user.ended(runId, 120_000);
    expect(run).toMatchObject({ state: 'SUCCESS', progress: { total_tasks: 1003, completed_tasks: 1003 } });
    const { output } = expectStatus(await tauro.api.get(`/api/v1/runs/${runId}/tasks/many`), 200);
    expect(output).toMatchObject({ count: 1000, succeeded: 1000 });
    expect(output.items).toHaveLength(1000);
  });

  it.each([
    [
      'for_each on a node that makes a table',
      { type: 'source', config: { source_type: 'inline', rows: [{ a: 1 }] } },
      'nodes.0.for_each',
    ],
    ['items that are no list', { for_each: { items: 'a,b' } }, 'nodes.0.for_each.items'],
    ['items from the environment', { for_each: { items: '{{ env.LIST }}' } }, 'nodes.0.for_each.items'],
    [
      'items from a node that is not there',
      { for_each: { items: '{{ nodes.x.output }}' } },
      'nodes.0.for_each.items',
    ],
    ['a misspelt key', { for_each: { items: [], parallel: 2 } }, 'nodes.0.for_each.parallel'],
    [
      'a policy that there is not',
      { for_each: { items: [], on_item_failure: 'shrug' } },
      'nodes.0.for_each.on_item_failure',
    ],
    [
      'an item without for_each',
      { for_each: undefined, config: { handler: 'noop', input: '{{ item }}' } },
      'nodes.0.config.input',
    ],
    ['a condition on an item without for_each', { for_each: undefined, when: 'item > 1' }, 'nodes.0.when'],
  ])('422 for %s, naming node and field', async (_, more, field) => {
    const node = { ...noop('m', { for_each: { items: [1] } }), ...more };
    const answer = await tauro.api.post('/api/v1/pipelines', { name: User.uniqueName('p'), nodes: [node] });
    expect(answer.status).toBe(422);
    expect(answer.body.error.details).toEqual([
      expect.objectContaining({ field, message: expect.stringContaining("node 'm'") }),
    ]);
  });
});
