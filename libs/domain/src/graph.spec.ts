import * as fc from 'fast-check';
import { buildGraph, criticalPath, edgesOf, graphFaults } from './graph.js';
import { MAX_NODES, type PipelineDefinition } from './pipeline.js';

/** `pipeline('a', 'a>b', 'b>c')`: nodes in the order they are first named, edges where there is an arrow. */
function pipeline(...parts: string[]): PipelineDefinition {
  const ids = [...new Set(parts.flatMap((part) => part.split('>')))];
  const edges = parts.filter((part) => part.includes('>')).map((part) => part.split('>'));
  return {
    name: 'p',
    nodes: ids.map((id) => ({ id, type: 'task' })),
    edges: edges.map(([from, to]) => ({ from: from!, to: to! })),
  };
}
const faultsOf = (definition: PipelineDefinition): string[] =>
  graphFaults(definition).map(({ field, message }) => `${field}: ${message}`);

describe('faults of a definition', () => {
  it.each([
    ['one node', pipeline('a')],
    ['a diamond', pipeline('a>b', 'a>c', 'b>d', 'c>d')],
    ['disconnected parts', pipeline('a>b', 'c', 'd>e')],
    ['an edge said twice', pipeline('a>b', 'a>b')],
    ['the longest name', pipeline(`a>${'x'.repeat(63)}`)],
  ])('%s has none', (_, definition) => expect(graphFaults(definition)).toEqual([]));

  it.each<[string, PipelineDefinition, string]>([
    ['no node', { name: 'p', nodes: [] }, 'nodes: a pipeline needs at least one node'],
    ['a bad id', pipeline('a', '1b'), "nodes.1.id: node id '1b' must match"],
    ['a long id', pipeline('x'.repeat(64)), 'nodes.0.id: node id'],
    ['a prototype', pipeline('a', '__proto__'), "nodes.1.id: node id '__proto__' must match"],
    ['a self edge', pipeline('a>a'), "edges.0: node 'a' has an edge to itself"],
    ['a cycle of two', pipeline('a>b', 'b>a'), 'edges: the pipeline has a cycle: '],
  ])('%s', (_, definition, fault) => expect(faultsOf(definition)).toEqual([expect.stringContaining(fault)]));

  it('names the first owner of a doubled id', () => {
    const definition = { name: 'p', nodes: ['a', 'b', 'a'].map((id) => ({ id, type: 'task' })) };
    expect(faultsOf(definition)).toEqual(["nodes.2.id: node id 'a' is already used by nodes.0"]);
  });

  it('names the end of an edge that is no node, on either side and in depends_on', () => {
    const definition = pipeline('a');
    definition.edges = [
      { from: 'a', to: 'b' },
      { from: 'constructor', to: 'a' },
    ];
    definition.nodes[0]!.depends_on = ['c', 'a'];
    expect(faultsOf(definition)).toEqual([
      "nodes.0.depends_on.0: node 'a' depends on 'c', which is no node of this pipeline",
      "nodes.0.depends_on.1: node 'a' depends on itself",
      "edges.0.to: edge a -> b names 'b', which is no node of this pipeline",
      "edges.1.from: edge constructor -> a names 'constructor', which is no node of this pipeline",
    ]);
  });

  it('spells a cycle out along its edges, without the nodes that only lead to it', () => {
    const [fault] = faultsOf(pipeline('lead>a', 'a>b', 'b>c', 'c>a', 'c>tail'));
    const way = fault!.replace('edges: the pipeline has a cycle: ', '').split(' -> ');
    expect(way).toHaveLength(4);
    expect(way[0]).toBe(way[3]);
    expect([...way.slice(0, 3)].sort()).toEqual(['a', 'b', 'c']);
    expect(['a -> b', 'b -> c', 'c -> a']).toContain(`${way[0]} -> ${way[1]}`);
  });

  it('sees a cycle that edges and depends_on make together', () => {
    const definition = pipeline('a>b');
    definition.nodes[0]!.depends_on = ['b'];
    expect(faultsOf(definition)[0]).toContain('has a cycle');
  });

  it('keeps to its bounds: nodes, and the length of a message', () => {
    const chain = Array.from({ length: MAX_NODES }, (_, i) => `n${i}>n${(i + 1) % MAX_NODES}`);
    const [fault] = faultsOf(pipeline(...chain));
    expect(fault).toContain('… (10000 nodes)');
    expect(fault!.length).toBeLessThan(400);
    expect(faultsOf(pipeline(...Array.from({ length: MAX_NODES + 1 }, (_, i) => `n${i}`)))).toEqual([
      'nodes: at most 10000 nodes, got 10001',
    ]);
  });
});

describe('edges', () => {
  it('of edges and depends_on are the same, once each, in the order they are written', () => {
    const definition = pipeline('a', 'b', 'c', 'b>c');
    definition.nodes[2]!.depends_on = ['a', 'b'];
    expect(edgesOf(definition)).toEqual([
      { from: 'b', to: 'c' },
      { from: 'a', to: 'c' },
    ]);
    expect(buildGraph(definition).nodes.get('c')!.parents).toEqual(['b', 'a']);
  });
});

describe('the graph', () => {
  it('knows parents, children, depth, roots and leaves', () => {
    const graph = buildGraph(pipeline('a>b', 'a>c', 'b>d', 'c>d', 'a>d', 'alone'));
    expect(graph.roots).toEqual(['a', 'alone']);
    expect(graph.leaves).toEqual(expect.arrayContaining(['d', 'alone']));
    expect(graph.nodes.get('d')).toMatchObject({ parents: ['b', 'c', 'a'], children: [], depth: 2 });
    expect(graph.nodes.get('a')).toMatchObject({ parents: [], children: ['b', 'c', 'd'], depth: 0 });
    expect(graph.order.map((id) => graph.nodes.get(id)!.position)).toEqual([0, 1, 2, 3, 4]);
  });

  it('refuses a cycle', () => expect(() => buildGraph(pipeline('a>b', 'b>a'))).toThrow('cycle through'));

  it('puts parents before children, whatever the shape', () => {
    const shape = fc.integer({ min: 1, max: 40 }).chain((size) =>
      fc.tuple(
        fc.constant(size),
        fc.array(fc.tuple(fc.nat(size - 1), fc.nat(size - 1)), { maxLength: 120 }),
        fc.shuffledSubarray(
          Array.from({ length: size }, (_, i) => i),
          { minLength: size },
        ),
      ),
    );
    fc.assert(
      fc.property(shape, ([size, pairs, places]) => {
        // Edges go up in a hidden order, so there is no cycle; the nodes are written in another one.
        const edges = pairs
          .filter(([x, y]) => x !== y)
          .map(([x, y]) => `n${Math.min(x, y)}>n${Math.max(x, y)}`);
        const definition = pipeline(...places.map((i) => `n${i}`), ...edges);
        expect(graphFaults(definition)).toEqual([]);
        const graph = buildGraph(definition);
        const rank = new Map(graph.order.map((id, i) => [id, i]));
        expect(rank.size).toBe(size);
        for (const { from, to } of edgesOf(definition)) {
          expect(rank.get(from)!).toBeLessThan(rank.get(to)!);
          expect(graph.nodes.get(from)!.depth).toBeLessThan(graph.nodes.get(to)!.depth);
        }
      }),
    );
  });

  it('finds a cycle wherever an edge back closes one', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 30 }), fc.nat(), fc.nat(), (size, x, y) => {
        const [low, high] = [x % size, y % size].sort((a, b) => a - b) as [number, number];
        fc.pre(low !== high);
        const chain = Array.from({ length: size - 1 }, (_, i) => `n${i}>n${i + 1}`);
        const [fault] = graphFaults(pipeline(...chain, `n${high}>n${low}`));
        expect(fault).toMatchObject({ field: 'edges', type: 'cycle' });
        expect(fault!.message.includes('…') || fault!.message.split(' -> ').length === high - low + 2).toBe(
          true,
        );
      }),
    );
  });

  it('of 10,000 nodes, in a line or side by side, takes little time', () => {
    const line = pipeline(...Array.from({ length: MAX_NODES - 1 }, (_, i) => `n${i}>n${i + 1}`));
    const fan = pipeline('root');
    fan.nodes.push(
      ...Array.from({ length: MAX_NODES - 1 }, (_, i) => ({
        id: `n${i}`,
        type: 'task',
        depends_on: ['root'],
      })),
    );
    for (const definition of [line, fan]) {
      const started = process.cpuUsage();
      expect(graphFaults(definition)).toEqual([]);
      expect(criticalPath(buildGraph(definition)).length).toBeGreaterThan(1);
      // A pass over all nodes per node costs seconds.
      expect(process.cpuUsage(started).user / 1e6).toBeLessThan(2);
    }
  }, 60_000);
});

describe('the critical path', () => {
  const graph = buildGraph(pipeline('a>b', 'b>c', 'a>d', 'd>e', 'e>c', 'lone'));

  it('is the longest chain', () => expect(criticalPath(graph)).toEqual(['a', 'd', 'e', 'c']));

  it('follows the weights when there are some', () => {
    expect(criticalPath(graph, (id) => (id === 'b' ? 10 : 1))).toEqual(['a', 'b', 'c']);
    expect(criticalPath(graph, (id) => (id === 'lone' ? 100 : 1))).toEqual(['lone']);
    expect(criticalPath(graph, () => 0)).toHaveLength(1);
  });
});
