import { validateDefinition } from '@tauro/nodes';
import { importSections, type Sections } from './five-sections.js';

const sections = (): Sections => ({
  global: { input_path: '/in', output_path: '/out', mode: 'local' },
  pipelines: { orders: { type: 'batch', nodes: ['load', 'total'] } },
  nodes: {
    load: { module: 'jobs', function: 'load', input: ['raw'], output: ['b.s.orders'] },
    total: {
      module: 'jobs',
      function: 'total',
      input: ['orders'],
      output: ['g.s.total'],
      dependencies: ['load'],
    },
  },
  input: {
    raw: { format: 'csv', filepath: '${input_path}/o.csv' },
    orders: { format: 'parquet', filepath: '${output_path}/dev/b/s/orders' },
  },
  output: { 'b.s.orders': { format: 'parquet', write_mode: 'overwrite' }, 'g.s.total': { format: 'json' } },
});

describe('importing the five-section layout', () => {
  it('makes a task of each node, with its handler and its files', async () => {
    const { definitions, faults } = importSections(sections(), 'dev', {});
    expect(faults).toEqual([]);
    expect(definitions).toEqual([
      {
        name: 'orders',
        nodes: [
          {
            id: 'load',
            type: 'task',
            config: {
              handler: 'jobs.load',
              input: {
                inputs: { raw: { format: 'csv', filepath: '/in/o.csv' } },
                outputs: {
                  'b.s.orders': {
                    format: 'parquet',
                    write_mode: 'overwrite',
                    filepath: '/out/dev/b/s/orders',
                  },
                },
              },
            },
            depends_on: [],
          },
          {
            id: 'total',
            type: 'task',
            config: {
              handler: 'jobs.total',
              input: {
                inputs: { orders: { format: 'parquet', filepath: '/out/dev/b/s/orders' } },
                outputs: { 'g.s.total': { format: 'json', filepath: '/out/dev/g/s/total' } },
              },
            },
            depends_on: ['load'],
          },
        ],
      },
    ]);
    expect((await validateDefinition(definitions[0])).errors).toEqual([]);
  });

  it('lets who reads a file come after who writes it, even unsaid', () => {
    const unsaid = sections();
    delete (unsaid.nodes.total as { dependencies?: unknown }).dependencies;
    const { definitions } = importSections(unsaid, 'base', {});
    expect(definitions[0]!.nodes[1]!.depends_on).toEqual(['load']);
  });

  it.each([['load'], [['load']], [{ load: { optional: true } }], [[{ load: {} }]]])(
    'reads the dependencies %j',
    (dependencies) => {
      const spelled = sections();
      Object.assign(spelled.nodes.total!, { dependencies });
      expect(importSections(spelled, 'dev', {}).definitions[0]!.nodes[1]!.depends_on).toEqual(['load']);
    },
  );

  it('takes variables from the environment before the global settings', () => {
    const { definitions } = importSections(sections(), 'dev', { input_path: '/from/env' });
    expect(JSON.stringify(definitions)).toContain('/from/env/o.csv');
  });

  it.each<[string, (all: Sections) => void, RegExp]>([
    ['a node that is not there', (all) => delete all.nodes.total, /node 'total' is not in the nodes section/],
    ['an input that is not there', (all) => delete all.input.raw, /node 'load' names 'raw'/],
    [
      'an output that is not there',
      (all) => delete all.output['g.s.total'],
      /node 'total' names 'g\.s\.total'/,
    ],
    ['an unknown variable', (all) => delete all.global.input_path, /\$\{input_path\} is neither/],
    [
      'a dependency outside of the pipeline',
      (all) => Object.assign(all.nodes.load!, { dependencies: 'elsewhere' }),
      /node 'load' depends on 'elsewhere'/,
    ],
    [
      'no function',
      (all) => Object.assign(all.nodes.load!, { function: undefined }),
      /node 'load' needs a module/,
    ],
    [
      'a streaming pipeline',
      (all) => Object.assign(all.pipelines.orders!, { type: 'streaming' }),
      /'streaming' is not/,
    ],
  ])('leaves a pipeline out and says why: %s', (_, spoil, message) => {
    const all = sections();
    spoil(all);
    const { definitions, faults } = importSections(all, 'dev', {});
    expect(definitions).toEqual([]);
    expect(faults.map((fault) => fault.message)).toContainEqual(expect.stringMatching(message));
  });

  it('keeps the good pipelines beside a bad one', () => {
    const all = sections();
    all.pipelines.broken = { nodes: ['ghost'] };
    expect(importSections(all, 'dev', {}).definitions.map(({ name }) => name)).toEqual(['orders']);
  });
});
