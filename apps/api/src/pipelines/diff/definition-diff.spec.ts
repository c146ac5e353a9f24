import { type PipelineDefinition } from '@tauro/domain';
import { diffDefinitions } from './definition-diff.js';

const before: PipelineDefinition = {
  name: 'orders',
  nodes: [
    { id: 'read', type: 'source', config: { source_type: 'file', path: 'a.csv' } },
    { id: 'write', type: 'sink', config: { destination: 'console' } },
  ],
  edges: [{ from: 'read', to: 'write' }],
};

describe('the difference of two versions', () => {
  it('is empty for the same intent written in another way', () => {
    const [read, write] = before.nodes;
    const after: PipelineDefinition = { name: 'orders', nodes: [{ ...write!, depends_on: ['read'] }, read!] };
    expect(diffDefinitions(before, after)).toEqual([]);
  });

  it('names the field deep in a node by the id of the node', () => {
    const after = structuredClone(before);
    after.nodes[0]!.config!.path = 'b.csv';
    expect(diffDefinitions(before, after)).toEqual([
      { field_path: 'nodes.read.config.path', old: 'a.csv', new: 'b.csv', change_type: 'changed' },
    ]);
  });

  it('tells added from removed', () => {
    const after = structuredClone(before);
    after.description = 'all orders';
    after.nodes.push({ id: 'count', type: 'processor', config: { sql: 'select count(*) from read' } });
    after.edges = [{ from: 'read', to: 'count' }];
    const changes = diffDefinitions(before, after).map(({ field_path, change_type }) => [
      field_path,
      change_type,
    ]);
    expect(changes).toEqual(
      expect.arrayContaining([
        ['description', 'added'],
        ['nodes.count', 'added'],
        ['edges.read -> count', 'added'],
        ['edges.read -> write', 'removed'],
      ]),
    );
    expect(changes).toHaveLength(4);
  });

  it('takes a list as one value', () => {
    const withList = (paths: string[]): PipelineDefinition => ({
      name: 'p',
      nodes: [{ id: 'read', type: 'source', config: { paths } }],
    });
    expect(diffDefinitions(withList(['a', 'b']), withList(['a', 'c']))).toEqual([
      { field_path: 'nodes.read.config.paths', old: ['a', 'b'], new: ['a', 'c'], change_type: 'changed' },
    ]);
  });
});
