import { readFileSync } from 'node:fs';
import { symlink } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type PipelineDefinition } from '@tauro/domain';
import { parse } from 'yaml';
import { DuckDbSession } from './duckdb.js';
import { NodeHarness } from './node-harness.js';

// Three million rows on a machine that may be busy with other tests.
jest.setTimeout(180_000);

const REPOSITORY = resolve(__dirname, '../../../..');
const VEGA = join(REPOSITORY, 'node_modules/vega-datasets/data');

/** The question that `daily_etl` answers, as one would ask DuckDB itself. */
const EXPECTED = `
  WITH flights AS (
    SELECT DISTINCT date, delay, distance, nullif(trim(origin), '') AS origin,
           nullif(trim(destination), '') AS destination
    FROM '${VEGA}/flights-3m.parquet'
  )
  SELECT date::DATE AS day, origin AS airport, name, city, state, count(*) AS flights,
         count(*) FILTER (WHERE delay > 15) AS late_flights, round(avg(delay), 2) AS average_delay,
         max(delay) AS worst_delay, count(DISTINCT destination) AS destinations,
         sum(distance)::BIGINT AS total_distance
  FROM flights LEFT JOIN '${VEGA}/airports.csv' airports ON airports.iata = flights.origin
  GROUP BY ALL`;
const MEASURES =
  'day, airport, name, city, state, flights, late_flights, average_delay, worst_delay, destinations';

let harness: NodeHarness;
let duckdb: DuckDbSession;

beforeAll(async () => {
  harness = await NodeHarness.create();
  const { dataRoots, workingDirectory, duckdb: limits } = harness.settings;
  dataRoots.push(VEGA);
  await symlink(join(REPOSITORY, 'node_modules'), join(workingDirectory, 'node_modules'));
  duckdb = await DuckDbSession.open({ limits, directories: [VEGA, workingDirectory] });
  const file = join(REPOSITORY, 'examples/pipelines/daily_etl.yaml');
  const definition = parse(readFileSync(file, 'utf8')) as PipelineDefinition;
  await duckdb.run(`CREATE TEMP TABLE expected AS ${EXPECTED}`);
  await harness.pipeline(definition, { date: '2025-11-18', mode: 'incremental' });
});
afterAll(async () => {
  await duckdb.close();
  await harness.close();
});

describe('daily_etl on three million flights', () => {
  it('counts its rows at every node', () => {
    const rows = Object.fromEntries(
      [...harness.results].map(([id, result]) => [id, (result.output as { rows: number }).rows]),
    );
    expect(rows).toEqual({
      extract_source: 3_000_000,
      extract_airports: 3_376,
      transform_data: 2_999_809,
      transform_airports: 3_376,
      daily_metrics: 39_952,
      load_warehouse: 39_952,
      load_csv: 39_952,
    });
  });

  it.each(['parquet', 'csv'])(
    'gives in %s the figures that DuckDB gives when asked directly',
    async (ending) => {
      const file = join(harness.settings.workingDirectory, `data/output/daily_etl/airport_days.${ending}`);
      const actual = `SELECT ${MEASURES}, total_distance::BIGINT AS total_distance FROM '${file}'`;
      expect(await duckdb.rows(`SELECT count(*) FROM (${actual} EXCEPT ALL FROM expected)`)).toEqual([[0n]]);
      expect(await duckdb.rows(`SELECT count(*) FROM (FROM expected EXCEPT ALL ${actual})`)).toEqual([[0n]]);
      expect(await duckdb.texts(`SELECT DISTINCT loaded_for::VARCHAR || ' ' || mode FROM '${file}'`)).toEqual(
        ['2025-11-18 incremental'],
      );
    },
  );
});
