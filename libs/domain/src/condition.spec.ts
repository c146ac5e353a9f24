import {
  ConditionError,
  conditionFault,
  type ConditionScope,
  evaluateCondition,
  nodesInCondition,
} from './condition.js';

const scope: ConditionScope = {
  params: { mode: 'full', n: 3, list: [1, 2], deep: { flag: true } },
  run: { id: 'run_1' },
  nodes: {
    s: { state: 'SUCCESS', output: { rows: 5, share: 0.5 } },
    'a-b': { state: 'SKIPPED', output: null },
  },
};

describe('a condition', () => {
  it.each([
    ["params.mode == 'full' && nodes.s.output.rows > 0", true],
    ["params.mode == 'delta' || nodes.s.output.rows > 10", false],
    ['params.n + 1 == 4', true],
    ['nodes.s.output.rows * 2 > 9.5', true],
    ['params.n % 2 == 1', true],
    ['2 in params.list', true],
    ['size(params.list) == 2', true],
    ['params.deep.flag', true],
    ['has(params.nope)', false],
    ['has(params.nope) && params.nope > 1', false],
    ["nodes['a-b'].state == 'SKIPPED'", true],
    ["params.mode.startsWith('fu')", true],
    ["params.mode == 'it matches (x)'", false],
    ['params.list.all(a, params.list.exists(b, a == b))', true],
  ])('%s: %s', (text, expected) => {
    expect(conditionFault(text)).toBeNull();
    expect(evaluateCondition(text, scope)).toBe(expected);
  });

  it.each([
    'params.mode ==',
    '1 +',
    "'text'",
    '1 + 1',
    'whatever == 1',
    'params.mode.matches("(a+)+$")',
    'params.list.all(a, params.mode.matches("(a+)+$"))',
    '',
  ])('is refused at create: %s', (text) => {
    expect(conditionFault(text)).toEqual(expect.any(String));
  });

  it('is stopped when it would take for ever, and the next one has its answer', () => {
    const list = Array.from({ length: 10_000 }, (_, i) => i);
    const endless = 'params.list.all(a, params.list.all(b, params.list.all(c, a + b + c >= 0)))';
    const began = Date.now();
    expect(() => evaluateCondition(endless, { ...scope, params: { list } })).toThrow(
      /^when: .*takes longer than 250 ms/,
    );
    expect(Date.now() - began).toBeLessThan(5000);
    expect(evaluateCondition('params.list.all(a, a >= 0)', { ...scope, params: { list } })).toBe(true);
  });

  it.each([
    'params.nope == 1',
    'nodes.gone.output.rows > 0',
    'params.mode',
    'params.__proto__ == 1',
    'params.constructor == 1',
  ])('has no answer: %s', (text) => {
    expect(() => evaluateCondition(text, scope)).toThrow(ConditionError);
  });

  it('tells which nodes it looks at', () => {
    expect(
      nodesInCondition("nodes.s.output.rows > 0 && nodes['a-b'].state == 'SUCCESS' && nodes.s.state != 'x'"),
    ).toEqual(['s', 'a-b']);
  });

  it('takes no text for a node', () => {
    expect(nodesInCondition("params.mode == 'nodes.prod' && params.nodes.a == 1")).toEqual([]);
    expect(nodesInCondition('params.list.exists(a, a == nodes.s.output.rows)')).toEqual(['s']);
  });
});
