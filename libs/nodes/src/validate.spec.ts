import { BoundText, type ErrorDetail, type Json } from '@tauro/domain';
import { httpNode } from './http/http.node.js';
import { type NodeKind } from './node-kind.js';
import { taskNode } from './task/task.node.js';
import { checkRendered, configFaults, validateDefinition } from './validate.js';
import { waitNode } from './wait/wait.node.js';

/** A kind whose schema has every way of telling forms apart that the kinds of this library use. */
const tableKind: NodeKind = {
  type: 'table',
  summary: 'for this test',
  schema: {
    type: 'object',
    required: ['source_type'],
    oneOf: [
      {
        additionalProperties: false,
        required: ['path'],
        properties: {
          source_type: { const: 'file' },
          path: { type: 'string', minLength: 1 },
          format: { enum: ['csv', 'json'] },
        },
      },
      {
        additionalProperties: false,
        required: ['rows'],
        properties: {
          source_type: { const: 'inline' },
          rows: { type: 'array', minItems: 1, items: { type: 'object' } },
          where: {
            anyOf: [
              { type: 'string' },
              { type: 'object', properties: { sql: { type: 'string' } }, required: ['sql'] },
            ],
          },
        },
      },
    ],
  },
  bound: (path) => path[0] === 'where',
  check: (_node, upstream) =>
    upstream.length > 0
      ? [
          {
            field: 'config',
            message: `reads no input, but follows ${upstream.map(({ id }) => id).join(', ')}`,
            type: 'value_error',
          },
        ]
      : [],
  execute: () => Promise.reject(new Error('not here')),
};
const kinds = new Map([tableKind, httpNode, taskNode, waitNode].map((kind) => [kind.type, kind]));
const validate = async (definition: unknown): Promise<ErrorDetail[]> =>
  (await validateDefinition(definition, kinds)).errors;
const faultsOf = async (definition: unknown): Promise<Record<string, string>> =>
  Object.fromEntries((await validate(definition)).map(({ field, message }) => [field, message]));
const pipeline = (...nodes: object[]): object => ({ name: 'p', nodes });
const task = (id: string, more: object = {}): object => ({
  id,
  type: 'task',
  config: { handler: 'noop' },
  ...more,
});

it('accepts a sound definition', async () => {
  const definition = {
    name: 'daily',
    description: 'all fields',
    config: {
      max_parallelism: 2,
      timeout_seconds: 60,
      retry_policy: { max_attempts: 3, backoff_seconds: 0, jitter: true },
    },
    nodes: [
      { id: 'load', type: 'table', config: { source_type: 'file', path: 'data/{{ params.day }}.csv' } },
      task('count', {
        depends_on: ['load'],
        trigger_rule: 'all_done',
        priority: -5,
        allow_failure: true,
        timeout_seconds: 0.5,
      }),
      task('tell', {
        config: { handler: 'x', input: { rows: '{{ nodes.load.output.rows }}', any: [1, null] } },
      }),
      { id: 'pause', type: 'wait', config: { seconds: '{{ params.pause }}' } },
    ],
    edges: [{ from: 'count', to: 'tell' }],
  };
  expect(await validate(definition)).toEqual([]);
});

describe('the shape of a definition', () => {
  it.each<[string, unknown, string, string]>([
    ['nothing', undefined, '', 'the value must be an object'],
    ['a list', [], '', 'the value must be an object, got a list'],
    ['no name', { nodes: [task('a')] }, 'name', 'name is required'],
    ['a bad name', { name: '1 x', nodes: [task('a')] }, 'name', 'name must match ^[A-Za-z_]'],
    ['no nodes', { name: 'p' }, 'nodes', 'nodes is required'],
    ['nodes of a wrong type', { name: 'p', nodes: {} }, 'nodes', 'nodes must be a list, got an object'],
    ['an empty list', { name: 'p', nodes: [] }, 'nodes', 'at least one node'],
    [
      'a node that is none',
      pipeline(task('a'), 'b' as never),
      'nodes.1',
      "must be an object, got the string 'b'",
    ],
    ['a node without id', pipeline({ type: 'task' }), 'nodes.0.id', 'nodes.0.id is required'],
    [
      'an id that is a number',
      pipeline({ id: 1, type: 'task' }),
      'nodes.0.id',
      'must be a string, got the number 1',
    ],
    [
      'a misspelt field',
      pipeline(task('a', { depend_on: [] })),
      'nodes.0.depend_on',
      "node 'a': depend_on is an unknown key, did you mean 'depends_on'?",
    ],
    [
      'an unknown field',
      { name: 'p', nodes: [task('a')], zzz: 1 },
      'zzz',
      'zzz is an unknown key (known: name, description, nodes, edges, config, ',
    ],
    [
      'a misspelt policy',
      pipeline(task('a', { retry_policy: { max_attemps: 2 } })),
      'nodes.0.retry_policy.max_attemps',
      "did you mean 'max_attempts'?",
    ],
    [
      'no attempts',
      pipeline(task('a', { retry_policy: { max_attempts: 0 } })),
      'nodes.0.retry_policy.max_attempts',
      "node 'a': retry_policy.max_attempts must be >= 1, got 0",
    ],
    [
      'a trigger rule',
      pipeline(task('a', { trigger_rule: 'all_succes' })),
      'nodes.0.trigger_rule',
      "got 'all_succes', did you mean 'all_success'?",
    ],
    [
      'a config that is none',
      pipeline({ id: 'a', type: 'task', config: 7 }),
      'nodes.0.config',
      "node 'a': config must be an object, got the number 7",
    ],
    [
      'an edge without end',
      { ...pipeline(task('a')), edges: [{ from: 'a' }] },
      'edges.0.to',
      'edges.0.to is required',
    ],
    [
      'a deep value',
      pipeline(task('a', { config: { handler: 'x', input: deep(80) } })),
      'nodes.0.config.input.0.0',
      'nested deeper',
    ],
    [
      'a prototype',
      JSON.parse('{"name":"p","nodes":[],"__proto__":{"nodes":[1]}}'),
      '__proto__',
      'the key "__proto__" is not allowed',
    ],
    [
      'a hidden prototype',
      pipeline(task('a', { config: { handler: 'x', input: JSON.parse('{"__proto__":1}') as Json } })),
      'nodes.0.config.input.__proto__',
      'is not allowed in nodes.0.config.input',
    ],
    [
      'a NUL',
      pipeline(task('a', { config: { handler: 'x', input: { 'a\0b': 1 } } })),
      'nodes.0.config.input.a\0b',
      'is not allowed',
    ],
  ])('%s', async (_, definition, field, message) => {
    const faults = await faultsOf(definition);
    expect(Object.keys(faults)).toContain(field);
    expect(faults[field]).toContain(message);
  });

  it('is not taken from a prototype', async () => {
    const inherited = Object.create({ name: 'p', nodes: [task('a')] }) as object;
    expect(await faultsOf(inherited)).toMatchObject({ name: 'name is required', nodes: 'nodes is required' });
  });
});

describe('the graph', () => {
  it.each<[string, object, string, string]>([
    [
      'a cycle',
      {
        ...pipeline(task('a'), task('b')),
        edges: [
          { from: 'a', to: 'b' },
          { from: 'b', to: 'a' },
        ],
      },
      'edges',
      'has a cycle: ',
    ],
    [
      'an edge to nowhere',
      { ...pipeline(task('a')), edges: [{ from: 'a', to: 'b' }] },
      'edges.0.to',
      "names 'b'",
    ],
    ['a doubled id', pipeline(task('a'), task('a')), 'nodes.1.id', "node id 'a' is already used"],
    [
      'a self edge',
      pipeline(task('a', { depends_on: ['a'] })),
      'nodes.0.depends_on.0',
      "node 'a' depends on itself",
    ],
  ])('%s', async (_, definition, field, message) => {
    expect((await faultsOf(definition))[field]).toContain(message);
  });

  it('and the configs are told together', async () => {
    const faults = await faultsOf({
      ...pipeline(task('a', { config: {} })),
      edges: [{ from: 'a', to: 'b' }],
    });
    expect(Object.keys(faults)).toEqual(['edges.0.to', 'nodes.0.config.handler']);
  });
});

describe("a node's type and config", () => {
  it.each<[object, string, string]>([
    [
      { id: 'a', type: 'tsk' },
      'nodes.0.type',
      "node 'a': type 'tsk' is unknown, did you mean 'task'? (known: table, http, task, wait)",
    ],
    [{ id: 'a', type: '__proto__' }, 'nodes.0.type', "type '__proto__' is unknown (known:"],
    [{ id: 'a', type: 'task' }, 'nodes.0.config.handler', "node 'a': config.handler is required"],
    [
      task('a', { config: { handler: '' } }),
      'nodes.0.config.handler',
      "node 'a': config.handler must not be empty",
    ],
    [
      task('a', { config: { handler: 'x', inputs: {} } }),
      'nodes.0.config.inputs',
      "is an unknown key, did you mean 'input'?",
    ],
    [
      { id: 'h', type: 'http', config: { url: 'x://y', method: 'get' } },
      'nodes.0.config.method',
      "must be one of 'GET', 'HEAD'",
    ],
    [
      { id: 'h', type: 'http', config: { url: 'http://x', method: 'get' } },
      'nodes.0.config.method',
      "got 'get', did you mean 'GET'?",
    ],
    [
      { id: 'h', type: 'http', config: { url: 'http://x', expected_status: 20 } },
      'nodes.0.config.expected_status',
      'must be >= 100, got 20',
    ],
    [
      { id: 'h', type: 'http', config: { url: 'http://x', expected_status: true } },
      'nodes.0.config.expected_status',
      'must be an integer or a list, got the boolean true',
    ],
    [
      { id: 'h', type: 'http', config: { url: '/x' } },
      'nodes.0.config.url',
      "node 'h': config.url: '/x' is no URL",
    ],
    [{ id: 'w', type: 'wait', config: {} }, 'nodes.0.config', "node 'w': config: needs 'seconds' or 'until'"],
    [
      { id: 't', type: 'table', config: {} },
      'nodes.0.config.source_type',
      "node 't': config.source_type is required",
    ],
    [
      { id: 't', type: 'table', config: { source_type: 'fil' } },
      'nodes.0.config.source_type',
      "must be one of 'file', 'inline'; got 'fil', did you mean 'file'?",
    ],
    [
      { id: 't', type: 'table', config: { source_type: 'file', pth: 'x' } },
      'nodes.0.config.pth',
      "config.pth is an unknown key, did you mean 'path'?",
    ],
    [
      { id: 't', type: 'table', config: { source_type: 'file', path: 5 } },
      'nodes.0.config.path',
      'config.path must be a string, got the number 5',
    ],
    [
      { id: 't', type: 'table', config: { source_type: 'inline', rows: [] } },
      'nodes.0.config.rows',
      'needs at least 1 item(s)',
    ],
    [
      { id: 't', type: 'table', config: { source_type: 'inline', rows: [{}], where: {} } },
      'nodes.0.config.where.sql',
      'config.where.sql is required',
    ],
    [
      { id: 't', type: 'table', config: { source_type: 'inline', rows: [{}], where: 3 } },
      'nodes.0.config.where',
      'must be a string or an object, got the number 3',
    ],
  ])('%j', async (node, field, message) => {
    const faults = await faultsOf(pipeline(node));
    expect(faults[field]).toContain(message);
  });

  it('tells of the meant form only, without the noise of the others', async () => {
    const errors = await validate(
      pipeline({ id: 't', type: 'table', config: { source_type: 'file', path: '', format: 'xml' } }),
    );
    expect(errors.map(({ field }) => field)).toEqual(['nodes.0.config.path', 'nodes.0.config.format']);
  });

  it("hands a kind's own check its upstream nodes", async () => {
    const node = { id: 't', type: 'table', config: { source_type: 'file', path: 'x' }, depends_on: ['a'] };
    expect(await faultsOf(pipeline(task('a'), node))).toEqual({
      'nodes.1.config': "node 't': config: reads no input, but follows a",
    });
  });

  it('is checked again once its templates have values', () => {
    const config = { url: 'http://x', expected_status: '{{ params.s }}' };
    expect(configFaults(httpNode, config)).toEqual([]);
    expect(() => checkRendered(httpNode, { ...config, expected_status: 200 })).not.toThrow();
    expect(() => checkRendered(httpNode, { ...config, expected_status: 'ok', timeout_seconds: -1 })).toThrow(
      /^once its templates have values, config\.expected_status must be .*; config\.timeout_seconds must be > 0, got -1$/,
    );
    const bound = { source_type: 'inline', rows: [{}], where: new BoundText('a > $1', [5]) };
    expect(() => checkRendered(tableKind, bound)).not.toThrow();
    expect(() => checkRendered(tableKind, { ...bound, rows: new BoundText('$1', []) })).toThrow(
      'rows must be a list',
    );
  });
});

describe('a text that a template gave', () => {
  const limited: NodeKind = {
    type: 'limited',
    summary: 'for this test',
    schema: {
      type: 'object',
      additionalProperties: false,
      properties: {
        limit: { type: 'integer', minimum: 1 },
        share: { type: ['number', 'null'] },
        strict: { type: 'boolean' },
        name: { type: 'string' },
        'a/b~c': { type: 'integer' },
        list: {
          type: 'array',
          items: {
            oneOf: [
              { type: 'string', enum: ['x'] },
              { type: 'object', properties: { n: { type: 'integer' } }, required: ['n'] },
            ],
          },
        },
      },
    },
    execute: () => Promise.reject(new Error('not executed here')),
  };

  it('becomes the number or boolean that the schema wants, when it is exactly one', () => {
    const config = {
      limit: '5',
      share: '0.25',
      strict: 'true',
      name: '7',
      'a/b~c': '-3',
      list: ['x', { n: '1' }],
    };
    expect(checkRendered(limited, config)).toEqual({
      limit: 5,
      share: 0.25,
      strict: true,
      name: '7',
      'a/b~c': -3,
      list: ['x', { n: 1 }],
    });
    expect(config.limit).toBe('5');
    expect(checkRendered(waitNode, { seconds: '1e1' })).toEqual({ seconds: 10 });
    expect(checkRendered(httpNode, { url: 'http://x', expected_status: ['404', 200] })).toEqual({
      url: 'http://x',
      expected_status: [404, 200],
    });
    const where = new BoundText('a > $1', [5]);
    expect(
      checkRendered(
        { ...limited, schema: { properties: { where: { type: 'string' }, n: { type: 'number' } } } },
        { where, n: '2' },
      ),
    ).toEqual({ where, n: 2 });
  });

  it.each([
    [{ limit: '1.5' }, "config.limit must be an integer, got the string '1.5'"],
    [{ limit: 'five' }, "config.limit must be an integer, got the string 'five'"],
    [{ limit: '' }, "config.limit must be an integer, got the string ''"],
    [{ limit: ' 5' }, "config.limit must be an integer, got the string ' 5'"],
    [{ limit: '0' }, 'config.limit must be >= 1, got 0'],
    [{ limit: '9007199254740993' }, "config.limit must be an integer, got the string '9007199254740993'"],
    [{ share: '0x10' }, "config.share must be a number or null, got the string '0x10'"],
    [{ share: '1e999' }, "config.share must be a number or null, got the string '1e999'"],
    [{ strict: 'yes' }, "config.strict must be a boolean, got the string 'yes'"],
    [{ name: 7 }, 'config.name must be a string, got the number 7'],
    [{ limit: '{{ params.n }}' }, 'config has a value that does not fit'],
  ])('%j is refused', (config, message) => {
    expect(() => checkRendered(limited, config)).toThrow(`once its templates have values, ${message}`);
  });
});

describe('templates', () => {
  const using = (text: string): object =>
    pipeline(
      task('early'),
      task('mid', { depends_on: ['early'] }),
      task('late', { depends_on: ['mid'], config: { handler: 'x', input: text } }),
      task('aside'),
    );

  it.each([
    ['{{ nodes.mid.output }}'],
    ['{{ nodes.early.output.rows }}'],
    ['{{ params.anything }} {{ run.id }}'],
  ])('%s is fine', async (text) => expect(await validate(using(text))).toEqual([]));

  it.each([
    ['{{ nodes.erly.output }}', "there is no node 'erly', did you mean 'early'?"],
    ['{{ nodes.aside.output }}', "node 'aside' does not run before it; add an edge aside -> late"],
    ['{{ nodes.late.output }}', 'cannot use its own output'],
    ['{{ nodes.mid.rows }}', 'write nodes.mid.output'],
    ['{{ nodes.mid }}', 'write nodes.mid.output'],
    ['{{ nodes }}', 'name a node'],
    ['{{ nodes.__proto__.output }}', "there is no node '__proto__'"],
    ['{{ item }}', 'only in a node with for_each'],
    ['{{ parms.x }}', "unknown name 'parms'"],
    ['{{ params.x', "'}}' is missing"],
  ])('%s is not', async (text, message) => {
    const faults = await faultsOf(using(text));
    expect(Object.keys(faults)).toEqual(['nodes.2.config.input']);
    expect(faults['nodes.2.config.input']).toMatch(/^node 'late': config\.input: \{\{/);
    expect(faults['nodes.2.config.input']).toContain(message);
  });

  it('in bound strings follow the rules of binding', async () => {
    const where = 'select "{{ params.x }}"';
    const node = { id: 't', type: 'table', config: { source_type: 'inline', rows: [{}], where } };
    expect((await faultsOf(pipeline(node)))['nodes.0.config.where']).toContain(
      'cannot be bound in a quoted name',
    );
  });
});

describe('conditions', () => {
  const conditional = (when: string): object =>
    pipeline(task('early'), task('late', { depends_on: ['early'], when }), task('aside'));

  it('may look at params, the run and nodes that run before', async () => {
    expect(await validate(conditional('params.mode == "full" && nodes.early.output.rows > 0'))).toEqual([]);
  });

  it.each([
    ['params.mode ==', ''],
    ['1 + 1', 'must be true or false'],
    ['nodes.aside.output > 1', "node 'aside' does not run before it; add an edge aside -> late"],
    ['nodes.erly.output > 1', "there is no node 'erly', did you mean 'early'?"],
    ['nodes["late"].output > 1', 'cannot use its own output'],
  ])('%s is refused', async (when, message) => {
    const faults = await faultsOf(conditional(when));
    expect(Object.keys(faults)).toEqual(['nodes.1.when']);
    expect(faults['nodes.1.when']).toMatch(/^node 'late': when: ./);
    expect(faults['nodes.1.when']).toContain(message);
  });
});

describe('size', () => {
  it('10,000 nodes in a chain that all use the first are checked in linear memory and little time', async () => {
    const nodes = Array.from({ length: 10_000 }, (_, i) =>
      task(
        `n${i}`,
        i === 0
          ? {}
          : { depends_on: [`n${i - 1}`], config: { handler: 'x', input: '{{ nodes.n0.output }}' } },
      ),
    );
    const started = process.cpuUsage();
    expect(await validate(pipeline(...nodes))).toEqual([]);
    // Half a second of work; a pass over all nodes per node would take a minute.
    expect(process.cpuUsage(started).user / 1e6).toBeLessThan(5);
  }, 60_000);

  it('a definition that is wrong everywhere yields a list that can be read', async () => {
    const nodes = Array.from({ length: 10_000 }, (_, i) => ({
      id: `n${i}`,
      type: 'http',
      config: { ulr: i, headers: { a: {} } },
    }));
    const errors = await validate(pipeline(...nodes));
    expect(errors).toHaveLength(101);
    expect(errors.at(-1)!.message).toMatch(/and \d+ more errors/);
    const query = Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`k${i}`, {}]));
    expect(
      await validate(pipeline({ id: 'h', type: 'http', config: { url: 'http://x', query } })),
    ).toHaveLength(101);
    expect(await validate(pipeline(...Array.from({ length: 10_001 }, (_, i) => task(`n${i}`))))).toHaveLength(
      1,
    );
  }, 60_000);
});

function deep(levels: number): Json {
  let value: Json = 0;
  for (let i = 0; i < levels; i++) value = [value];
  return value;
}

describe('several faults', () => {
  it('are told together, though one of them is a field that is not there at all', async () => {
    const nodes = [
      { id: '1a', type: 'wait', config: { seconds: 'x' }, foo: 1 },
      { id: 'b', type: 'wiat' },
    ];
    const { errors } = await validateDefinition({ name: 'p', nodes });
    expect(errors.map(({ field }) => field).sort()).toEqual([
      'nodes.0.config.seconds',
      'nodes.0.foo',
      'nodes.0.id',
      'nodes.1.type',
    ]);
  });
});
