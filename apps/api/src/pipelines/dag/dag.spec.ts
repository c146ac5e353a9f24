import { type PipelineDefinition } from '@tauro/domain';
import { dagOf } from './dag.js';
import { toDot, toMermaid } from './render.js';

const diamond: PipelineDefinition = {
  name: 'diamond',
  nodes: [
    { id: 'join', type: 'processor', depends_on: ['left', 'right'] },
    { id: 'read', type: 'source', name: 'Read the orders' },
    { id: 'left', type: 'processor' },
    { id: 'right', type: 'processor' },
    { id: 'end', type: 'sink' },
  ],
  edges: [
    { from: 'read', to: 'left' },
    { from: 'read', to: 'right' },
    { from: 'join', to: 'end' },
    { from: 'read', to: 'end' },
  ],
};

describe('the picture of a pipeline', () => {
  it('puts each node as deep as its longest way from a root', () => {
    const dag = dagOf(diamond);
    expect(Object.fromEntries(dag.nodes.map(({ id, depth }) => [id, depth]))).toEqual({
      read: 0,
      left: 1,
      right: 1,
      join: 2,
      end: 3,
    });
    expect(dag.layers).toEqual([['read'], ['left', 'right'], ['join'], ['end']]);
    expect(dag.nodes.every((node) => dag.layers[node.layer]!.includes(node.id))).toBe(true);
  });

  it('names roots, leaves and the longest chain', () => {
    const dag = dagOf(diamond);
    expect(dag.roots).toEqual(['read']);
    expect(dag.leaves).toEqual(['end']);
    expect(dag.critical_path).toEqual(['read', 'left', 'join', 'end']);
  });

  it('knows the edges said by depends_on', () => {
    expect(dagOf(diamond).edges).toContainEqual({ from: 'left', to: 'join' });
    expect(dagOf(diamond).edges).toHaveLength(6);
  });

  it('shows the name of a node, or its id', () => {
    expect(dagOf(diamond).nodes.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['Read the orders', 'left']),
    );
  });
});

it('shows the control flow of a node as the definition has it, and nothing that it leaves out', () => {
  const control = {
    trigger_rule: 'one_failed' as const,
    when: 'params.x == 1',
    for_each: { items: '{{ params.list }}', max_parallelism: 2 },
    allow_failure: true,
    retry_policy: { max_attempts: 2 },
    timeout_seconds: 5,
    total_timeout_seconds: 9,
    cache: { ttl_seconds: 60 },
    priority: 3,
    pool: 'db',
    pool_slots: 2,
    requires: ['gpu'],
  };
  const nodes = [
    { id: 'a', type: 'task', config: { handler: 'noop' } },
    { id: 'b', type: 'task', config: { handler: 'noop' }, depends_on: ['a'], ...control },
  ];
  const dag = dagOf({ name: 'p', nodes });
  expect(dag.nodes[0]).toEqual({
    id: 'a',
    name: 'a',
    type: 'task',
    depth: 0,
    layer: 0,
    stage: 'main',
    mapped: false,
    cached: false,
  });
  expect(dag.nodes[1]).toMatchObject(control);
  expect(dag.nodes[1]).not.toHaveProperty('config');
  expect(toMermaid(dag)).toContain('b["b<br/>task per item, cached, one_failed, conditional"]');
});

describe('rendering', () => {
  it('draws Mermaid without the words it would trip over', () => {
    const text = toMermaid(dagOf(diamond));
    expect(text).toMatch(/^flowchart LR\n/);
    expect(text).toContain('read["read<br/>source"]');
    expect(text).toContain('read --> left');
    expect(text).toMatch(/join --> n\d+_end\n/);
  });

  it('keeps node ids with hyphens apart in Mermaid', () => {
    const text = toMermaid(
      dagOf({
        name: 'p',
        nodes: [
          { id: 'a-b', type: 'wait' },
          { id: 'a_b', type: 'wait', depends_on: ['a-b'] },
        ],
      }),
    );
    expect(text).toContain('n0_a_b --> a_b');
  });

  it('says of a mapped node that it runs per item', () => {
    const nodes = [{ id: 'm', type: 'http', for_each: { items: [1] } }];
    expect(dagOf({ name: 'p', nodes }).nodes[0]!.mapped).toBe(true);
    expect(toMermaid(dagOf({ name: 'p', nodes }))).toContain('m["m<br/>http per item"]');
  });

  it('says of a node that its result may come from the cache', () => {
    const nodes = [{ id: 'm', type: 'http', cache: { ttl_seconds: 60 } }];
    expect(dagOf({ name: 'p', nodes }).nodes[0]!.cached).toBe(true);
    expect(toMermaid(dagOf({ name: 'p', nodes }))).toContain('m["m<br/>http, cached"]');
  });

  it('draws DOT', () => {
    const text = toDot(dagOf(diamond), 'diamond');
    expect(text).toMatch(/^digraph "diamond" \{/);
    expect(text).toContain('"join" -> "end";');
    expect(text).toContain('"end" [label="end\\nsink"];');
    expect(text.trimEnd()).toMatch(/\}$/);
  });
});
