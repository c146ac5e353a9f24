import { readdirSync, readFileSync } from 'node:fs';
import { readdir, symlink } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type PipelineDefinition } from '@tauro/domain';
import { parse } from 'yaml';
import { NodeHarness } from '../libs/nodes/src/tables/node-harness.js';
import { validateDefinition } from '../libs/nodes/src/validate.js';

jest.setTimeout(30_000);

const REPOSITORY = resolve(__dirname, '..');
const FOLDER = join(__dirname, 'pipelines');
const files = readdirSync(FOLDER).filter((name) => name.endsWith('.yaml'));
const load = (file: string): PipelineDefinition =>
  parse(readFileSync(join(FOLDER, file), 'utf8')) as PipelineDefinition;

describe('every example', () => {
  it.each(files)('%s is a valid pipeline, named like its file', async (file) => {
    expect(await validateDefinition(load(file))).toEqual({ errors: [] });
    expect(load(file).name).toBe(file.replace('.yaml', ''));
  });
});

describe('the small ones run', () => {
  let harness: NodeHarness;
  beforeAll(async () => {
    harness = await NodeHarness.create();
    const { dataRoots, workingDirectory } = harness.settings;
    dataRoots.push(join(REPOSITORY, 'node_modules/vega-datasets/data'));
    await symlink(join(REPOSITORY, 'node_modules'), join(workingDirectory, 'node_modules'));
  });
  beforeEach(() => harness.results.clear());
  afterAll(() => harness.close());

  const output = (path: string): Promise<string[]> =>
    readdir(join(harness.settings.workingDirectory, 'data/output', path));

  it('etl_pipeline: a row per month, fewer with a date', async () => {
    await harness.pipeline(load('etl_pipeline.yaml'));
    expect(await harness.rows('monthly')).toHaveLength(48);
    expect((await harness.rows('monthly'))[0]).toEqual({
      month: '2012-01-01',
      days: 31,
      wet_days: 20,
      precipitation: 173.3,
      hottest: 12.8,
      coldest: -3.3,
    });
    await harness.pipeline(load('etl_pipeline.yaml'), { date: '2012-02-29' });
    expect(await harness.rows('monthly')).toHaveLength(2);
  });

  it('etl_1: a folder per company', async () => {
    await harness.pipeline(load('etl_1.yaml'), { date: '2025-11-18' });
    expect(await output('etl_1/stocks')).toEqual(
      ['AAPL', 'AMZN', 'GOOG', 'IBM', 'MSFT'].map((one) => `symbol=${one}`),
    );
  });

  it('etl_2: penguins by species and island', async () => {
    await harness.pipeline(load('etl_2.yaml'));
    expect((await harness.rows('transform'))[0]).toEqual({
      species: 'Gentoo',
      island: 'Biscoe',
      penguins: 123,
      average_mass: 5076,
      heaviest: 6300,
    });
  });

  it('etl_3: the ten costliest strikes, once however often an attempt is repeated', async () => {
    await harness.pipeline(load('etl_3.yaml'));
    await harness.pipeline(load('etl_3.yaml'));
    expect(await harness.rows('transform')).toHaveLength(10);
    expect(await output('etl_3/costliest')).toEqual(['part-run_1-load.ndjson']);
  });

  it('fan_out: every branch ends up in the one table', async () => {
    await harness.pipeline(load('fan_out.yaml'));
    const dimensions = new Set((await harness.rows('together', 10_000)).map((row) => row['dimension']));
    expect(dimensions.size).toBe(8);
  });
});
