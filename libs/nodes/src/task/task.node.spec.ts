import { type Json } from '@tauro/domain';
import { NodeError, type NodeContext } from '../node-kind.js';
import { configFaults } from '../validate.js';
import { taskNode } from './task.node.js';

describe('task', () => {
  it.each<[Json, string[]]>([
    [{ handler: 'noop' }, []],
    [{ handler: 'noop', input: [1, '{{ params.x }}'], executor: 'local' }, []],
    [{ handler: '{{ params.handler }}' }, []],
    [{}, ['config.handler is required']],
    [{ handler: 5 }, ['config.handler must be a string, got the number 5']],
    [{ handler: 'noop', inputs: {} }, ["config.inputs is an unknown key, did you mean 'input'?"]],
    [{ handler: 'noop', executor: 'subprocess' }, []],
  ])('the config %j has the faults %j', (config, faults) => {
    expect(configFaults(taskNode, config).map(({ message }) => message)).toEqual(faults);
  });

  it('says why there is no other executor', () => {
    const check = (executor: string) =>
      taskNode.check!({ id: 'n', type: 'task', config: { handler: 'noop', executor } }, []);
    expect(check('subprocess')).toEqual([]);
    expect(check('thread')).toMatchObject([
      {
        field: 'config.executor',
        message: expect.stringMatching(/^"thread" is none: a handler always runs in a process of its own/),
      },
    ]);
  });

  it('hands its input and its context to the handler, and keeps what comes back', async () => {
    const calls: unknown[] = [];
    const context = (config: object): NodeContext =>
      ({
        config,
        handlers: {
          names: () => [],
          run: (...call: unknown[]) => (calls.push(call), Promise.resolve({ output: { ok: true } })),
        },
      }) as unknown as NodeContext;
    const withInput = context({ handler: 'h', input: [1] });
    const without = context({ handler: 'h' });
    expect(await taskNode.execute(withInput)).toEqual({ output: { ok: true } });
    await taskNode.execute(without);
    expect(calls).toEqual([
      ['h', [1], withInput],
      ['h', {}, without],
    ]);
  });

  it("a handler's failure is the node's", async () => {
    const failure = new NodeError('BadData', 'no', false);
    const handlers = { names: () => [], run: () => Promise.reject(failure) };
    const context = { config: { handler: 'h' }, handlers } as unknown as NodeContext;
    await expect(taskNode.execute(context)).rejects.toBe(failure);
  });
});
