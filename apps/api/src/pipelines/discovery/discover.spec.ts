import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { validateDefinition } from '@tauro/nodes';
import { discover } from './discover.js';
import { findSourceFiles } from './source-files.js';

const GOOD = `
name: good
nodes:
  - { id: read, type: source, config: { source_type: inline, rows: [{ n: 1 }] } }
  - { id: show, type: sink, depends_on: [read], config: { destination: console } }
`;

const check = async (definition: unknown) => (await validateDefinition(definition)).errors;

describe('discovery', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'tauro-discovery-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  function write(files: Record<string, string>): void {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), text);
    }
  }
  async function look(environment = 'base') {
    const { files, problems } = await findSourceFiles([folder]);
    const result = await discover(files, { maxBytes: 100_000, environment, variables: {}, check });
    return { ...result, problems: [...problems, ...result.problems] };
  }

  it('finds YAML and JSON files at any depth, but neither handlers nor hidden folders', async () => {
    write({
      'a.yaml': GOOD,
      'deep/b.json': JSON.stringify({ nodes: [{ id: 'w', type: 'wait', config: { seconds: 1 } }] }),
      'handlers/package.json': '{}',
      '.git/c.yaml': 'nodes: 1',
      'notes.txt': 'nodes',
    });
    const { found, problems } = await look();
    expect(problems).toEqual([]);
    expect(found.map(({ path, definition }) => [path, definition.name])).toEqual([
      ['a.yaml', 'good'],
      ['deep/b.json', 'b'],
    ]);
  });

  it('reads several pipelines from one file', async () => {
    const other = GOOD.replace('good', 'other').trim();
    write({ 'many.yaml': `${GOOD.trim()}\n---\n${other}\n` });
    expect((await look()).found.map(({ definition }) => definition.name)).toEqual(['good', 'other']);
  });

  it('names the file and the place of each problem, and keeps the rest', async () => {
    write({
      'good.yaml': GOOD,
      'syntax.yaml': 'name: [',
      'syntax.json': '{"name": }',
      'what.yaml': 'colour: blue',
      'double.yaml': GOOD.replace('good', 'GOOD'),
      'cycle.yaml': GOOD.replace('name: good', 'name: cyc\nedges: [{ from: show, to: read }]'),
      'type.yaml': GOOD.replace('good', 'typo').replace('type: sink', 'type: sinc'),
    });
    const { found, problems } = await look();
    expect(found.map(({ definition }) => definition.name.toLowerCase())).toEqual(['good']);
    const told = problems.map(({ path, message }) => `${path}: ${message}`).join('\n');
    expect(told).toMatch(/syntax\.yaml: is not valid YAML.*line 1/);
    expect(told).toMatch(/syntax\.json: is not valid JSON/);
    expect(told).toMatch(/what\.yaml: holds no pipeline/);
    expect(told).toMatch(/good\.yaml: a pipeline named 'good' is already in double\.yaml/);
    expect(told).toMatch(/cycle\.yaml: .*cycle: .*show/);
    expect(told).toMatch(/type\.yaml: node 'show': .*sinc/);
  });

  it('tells of a path that does not exist', async () => {
    const { files, problems } = await findSourceFiles([join(folder, 'missing')]);
    expect(files).toEqual([]);
    expect(problems[0]!.message).toContain('PIPELINES_PATH');
  });

  describe('of the five-section layout', () => {
    const paths = (folderOfInput: string): Record<string, string> => ({
      global_settings_path: 'c/g.yaml',
      pipelines_config_path: 'c/p.yaml',
      nodes_config_path: 'c/n.yaml',
      input_config_path: `${folderOfInput}/i.yaml`,
      output_config_path: 'c/o.yaml',
    });
    beforeEach(() =>
      write({
        'index.json': JSON.stringify({
          base_path: '.',
          env_config: { base: paths('c'), dev: { input_config_path: 'c/dev/i.yaml' } },
        }),
        'c/g.yaml': 'input_path: /in\noutput_path: /out',
        'c/p.yaml': 'orders: { type: batch, nodes: [load] }',
        'c/n.yaml': 'load: { module: jobs, function: load, input: [raw], output: [b.s.orders] }',
        'c/i.yaml': 'raw: { format: csv, filepath: "${input_path}/o.csv" }',
        'c/dev/i.yaml': 'raw: { format: csv, filepath: "${input_path}/small.csv" }',
        'c/o.yaml': 'b.s.orders: { format: parquet }',
      }),
    );

    it('imports what the index refers to, and takes its sections for nothing else', async () => {
      const { found, problems } = await look();
      expect(problems).toEqual([]);
      expect(found.map(({ path, definition }) => [path, definition.name])).toEqual([
        ['index.json', 'orders'],
      ]);
      expect(JSON.stringify(found)).toContain('/in/o.csv');
    });

    it('lays the paths of an environment over those of the base', async () => {
      expect(JSON.stringify((await look('dev')).found)).toContain('/in/small.csv');
      expect(JSON.stringify((await look('unknown')).found)).toContain('/in/o.csv');
    });

    it('names the section that cannot be read', async () => {
      rmSync(join(folder, 'c/n.yaml'));
      const { found, problems } = await look();
      expect(found).toEqual([]);
      expect(problems).toEqual([
        expect.objectContaining({ path: 'index.json', field: 'env_config.base.nodes_config_path' }),
      ]);
    });
  });
});
