import { type JsonObject, type NodeDefinition } from '@tauro/domain';
import { Task, type TaskContext } from '@tauro/sdk';
import { runPipeline, runTask } from './index.js';

const calls: string[] = [];
class Told {
  @Task('tk_all', { output: { type: 'object' } })
  static all({ params, input, inputs, tables, run, attempt, log, progress, signal }: TaskContext) {
    log.debug('d');
    log.error('e');
    progress(0.5);
    progress(7);
    const { id, pipeline_name } = run;
    return {
      params,
      input,
      inputs,
      tables: tables.names,
      id,
      pipeline_name,
      attempt,
      aborted: signal.aborted,
    };
  }
}
class Others {
  @Task('tk_give') static give({ input }: TaskContext<{ value: unknown }>) {
    return input.value;
  }
  @Task('tk_flaky', { output: { type: 'integer' } }) static flaky({
    attempt,
    input,
  }: TaskContext<{ until: number }>) {
    calls.push(`flaky ${attempt}`);
    if (attempt < input.until) throw new RangeError(`attempt ${attempt}`);
    return attempt;
  }
  @Task('tk_final') static final() {
    throw Object.assign(new Error('no such account'), { name: 'NoAccount', retryable: false });
  }
  @Task('tk_wrong', { output: { type: 'integer' } }) static wrong() {
    return 'five';
  }
  @Task('tk_large') static large() {
    return 'x'.repeat(70_000);
  }
  @Task('tk_waits') static waits({ signal }: TaskContext) {
    return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
  }
}

describe('runTask', () => {
  it('gives the handler what a worker would, and tells what it did', async () => {
    const done = await runTask(Told, {
      params: { day: 'mon' },
      input: [1],
      inputs: { load: { n: 1 } },
      tables: { flights: [{ n: 1 }] },
      run: { pipeline_name: 'mine' },
      attempt: 2,
    });
    expect(done.output).toMatchObject({
      params: { day: 'mon' },
      input: [1],
      inputs: { load: { n: 1 }, flights: { rows: 1 } },
      tables: ['flights'],
      id: 'run_test',
      pipeline_name: 'mine',
      attempt: 2,
      aborted: false,
    });
    expect(done.logs).toEqual([
      { level: 'DEBUG', message: 'd' },
      { level: 'ERROR', message: 'e' },
    ]);
    expect(done.progress).toEqual([0.5, 1]);
    expect(done.table).toBeUndefined();
  });

  it.each<[string, unknown, string | RegExp]>([
    [
      'a handler that is not there',
      'tk_nope',
      /no handler 'tk_nope' \(there are: tk_all, tk_give.*import the file/,
    ],
    ['a class of several', Others, /several tasks; say which by its name: 'tk_give', 'tk_flaky'/],
    ['a class of none', class None {}, 'the class None has no @Task'],
    ['an output that is not as declared', 'tk_wrong', /does not allow: output must be an integer/],
    ['an output that is too large', 'tk_large', /returned 70002 bytes of JSON/],
    ['what the handler throws', 'tk_final', 'no such account'],
  ])('fails with %s', async (_, handler, message) => {
    await expect((async () => runTask(handler as string))()).rejects.toThrow(message);
  });

  it('aborts the handler with the signal of the test', async () => {
    await expect(runTask('tk_waits', { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow(
      'enough',
    );
    const abort = new AbortController();
    const waiting = runTask('tk_waits', { signal: abort.signal });
    abort.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
  });
});

const give = (id: string, value: unknown, rest: Partial<NodeDefinition> = {}): NodeDefinition =>
  ({ id, type: 'task', config: { handler: 'tk_give', input: { value } }, ...rest }) as NodeDefinition;
const flaky = (id: string, until: number, rest: Partial<NodeDefinition> = {}): NodeDefinition => ({
  id,
  type: 'task',
  config: { handler: 'tk_flaky', input: { until } },
  ...rest,
});
const run = (nodes: NodeDefinition[], options: object = {}, rest: object = {}) =>
  runPipeline({ name: 'p', nodes, ...rest }, options);
const states = (nodes: Record<string, { state: string }>) =>
  Object.fromEntries(Object.entries(nodes).map(([id, { state }]) => [id, state]));

describe('runPipeline', () => {
  it('renders templates, looks at conditions and hands on outputs', async () => {
    const nodes = [
      give('a', '{{ params.n }}'),
      give('b', ['{{ nodes.a.output }}', '{{ variables.x }}', '{{ secrets.s }}'], { depends_on: ['a'] }),
      give('c', 1, { depends_on: ['a'], when: 'nodes.a.output > 100' }),
      give('d', 1, { depends_on: ['c'] }),
      give('e', 1, { depends_on: ['b', 'c'], trigger_rule: 'one_success' }),
    ];
    const done = await run(
      nodes,
      { params: { n: '7' }, variables: { x: 8 }, secrets: { s: 'hidden' } },
      {
        params_schema: { type: 'object', properties: { n: { type: 'integer' } } },
        outputs: { sum: '{{ nodes.b.output }}' },
      },
    );
    expect(done).toMatchObject({ state: 'SUCCESS', error: null, outputs: { sum: [7, 8, 'hidden'] } });
    expect(states(done.nodes)).toEqual({
      a: 'SUCCESS',
      b: 'SUCCESS',
      c: 'SKIPPED',
      d: 'SKIPPED',
      e: 'SUCCESS',
    });
  });

  it('repeats what failed without waiting, as often as the policy says', async () => {
    calls.length = 0;
    const done = await run([
      flaky('default', 3),
      flaky('never', 9, { retry_policy: { max_attempts: 2, backoff_seconds: 3600 }, allow_failure: true }),
      flaky('not', 2, { retry_policy: { abort_on: ['RangeError'] }, allow_failure: true }),
      give('after', 1, { depends_on: ['never'] }),
    ]);
    expect(done.state).toBe('SUCCESS');
    expect(calls).toEqual([1, 2, 3, 1, 2, 1].map((n) => `flaky ${n}`));
    expect(done.nodes).toMatchObject({
      default: { state: 'SUCCESS', attempts: 3, output: 3 },
      never: { state: 'FAILED', attempts: 2, error: { type: 'RangeError', message: 'attempt 2' } },
      not: { state: 'FAILED', attempts: 1 },
      after: { state: 'SUCCESS' },
    });
  });

  it('ends FAILED with the first failure, and then executes what follows a failure', async () => {
    const final: NodeDefinition = { id: 'bad', type: 'task', config: { handler: 'tk_final' } };
    const done = await run(
      [
        final,
        give('next', 1, { depends_on: ['bad'] }),
        give('tell', '{{ run.state }} {{ run.error.message }}'),
        give('tidy', 1),
      ],
      {},
      { on_failure: ['tell'], finally: ['tidy'] },
    );
    expect(done).toMatchObject({
      state: 'FAILED',
      error: { type: 'NoAccount', message: 'no such account', node_id: 'bad' },
    });
    expect(states(done.nodes)).toEqual({
      bad: 'FAILED',
      next: 'UPSTREAM_FAILED',
      tell: 'SUCCESS',
      tidy: 'SUCCESS',
    });
    expect(done.nodes['tell']!.output).toBe('FAILED no such account');
    const well = await run([give('a', 1), give('tell', 2)], {}, { on_failure: ['tell'] });
    expect(states(well.nodes)).toEqual({ a: 'SUCCESS', tell: 'SKIPPED' });
  });

  it('takes what is given for nodes that it cannot execute', async () => {
    const nodes: NodeDefinition[] = [
      { id: 'call', type: 'http', config: { url: 'https://example.com' } },
      { id: 'orders', type: 'source', config: { source_type: 'postgresql', table: 'orders' } },
      {
        id: 'sum',
        type: 'processor',
        config: { sql: 'select sum(n) as n from orders' },
        depends_on: ['orders'],
      },
      give('said', '{{ nodes.call.output.status }}', { depends_on: ['call'] }),
    ];
    const given = {
      call: { output: { status: 204 } },
      orders: { table: { rows: [{ n: 1 }, { n: 2 }], columns: { n: 'INTEGER' } } },
    };
    const done = await run(nodes, { given });
    expect(done.state).toBe('SUCCESS');
    expect(done.nodes).toMatchObject({
      sum: { table: { rows: [{ n: 3 }] } },
      said: { output: 204 },
      orders: { attempts: 0, output: { rows: 2 }, table: { columns: { n: 'INTEGER' } } },
    });
    await expect(run(nodes)).rejects.toThrow(
      'runPipeline cannot do this:\n' +
        "  nodes.call: a node of type 'http' is not executed here; say what it leaves: given: { call: … }\n" +
        '  nodes.orders: it works through a connection (postgresql); say what it leaves: given: { orders: … }',
    );
  });

  it.each<[string, JsonObject, object, RegExp]>([
    ['for_each', { for_each: { items: [1] } }, {}, /nodes\.a: for_each is not supported/],
    ['an unknown key', { typo: 1 }, {}, /the definition has faults:\n {2}nodes\.0\.typo/],
    [
      'a node that is not there',
      {},
      { given: { b: { output: 1 } } },
      /given\.b: the pipeline has no such node/,
    ],
  ])('says so before it begins when there is %s', async (_, rest, options, message) => {
    await expect(run([give('a', 1, rest as Partial<NodeDefinition>)], options)).rejects.toThrow(message);
  });

  it('writes files into a folder of the test, and reads what it was given', async () => {
    const nodes: NodeDefinition[] = [
      { id: 'in', type: 'source', config: { source_type: 'file', path: 'in/a.csv' } },
      { id: 'out', type: 'sink', config: { destination: 'file', path: 'out/b.csv' }, depends_on: ['in'] },
    ];
    const done = await run(nodes, { files: { 'in/a.csv': 'n\n1\n' } });
    expect(done.state).toBe('SUCCESS');
    expect(done.files).toEqual({ 'in/a.csv': 'n\n1\n', 'out/b.csv': 'n\n1\n' });
  });

  it('a template without a value fails its node, and is not repeated', async () => {
    const done = await run([give('a', '{{ params.nope }}')]);
    expect(done.nodes['a']).toMatchObject({ state: 'FAILED', attempts: 1, error: { type: 'TemplateError' } });
  });
});
