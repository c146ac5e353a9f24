import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from '../test/support/server-process.js';
import { Tauro } from '../test/support/tauro.js';
import { User } from '../test/support/user.js';
import { type Figure, median } from './figure.js';
import { watchMemory } from './memory.js';

const ROUNDS = 3;
const VEGA = join(ROOT, 'node_modules/vega-datasets/data');

/** What `daily_etl` costs on top of the same work as SQL in bare DuckDB: both in turns, the median of each. */
export async function measureDailyEtl(): Promise<Figure[]> {
  const tauro = await Tauro.start({ workers: 1, exampleData: true });
  try {
    const user = new User(tauro.api);
    const project = await user.project();
    const peak = watchMemory(tauro.workers[0]!.pid);
    const engine: number[] = [];
    const bare: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const run = await user.ended(await user.start(project, 'daily_etl'), 300_000);
      if (run.state !== 'SUCCESS') throw new Error(`daily_etl ended ${run.state}`);
      engine.push(run.duration_seconds);
      bare.push(await bareDuckDb());
    }
    const seconds = median(bare);
    return [
      { what: 'daily_etl in bare DuckDB (3 M rows)', measured: seconds, unit: 's' },
      { what: 'daily_etl as a run', measured: median(engine), unit: 's', atMost: 2 * seconds + 1 },
      { what: 'worker and its processes, peak memory', measured: peak(), unit: 'MB', atMost: 1000 },
    ];
  } finally {
    await tauro.stop();
  }
}

/** Every step of the pipeline, in one statement; the rows are made once and then written as both files. */
const bareSql = (output: string): string[] => [
  `CREATE TEMP TABLE metrics AS
   WITH numbered AS (SELECT *, row_number() OVER () AS row FROM '${VEGA}/flights-3m.parquet'),
     flights AS (
       SELECT date, delay, distance, nullif(trim(origin), '') AS origin, nullif(trim(destination), '') AS destination
       FROM (SELECT * EXCLUDE (row), min(row) AS row FROM numbered GROUP BY ALL) ORDER BY row
     )
   SELECT date::DATE AS day, origin AS airport, name, city, state, count(*) AS flights,
          count(*) FILTER (WHERE delay > 15) AS late_flights, round(avg(delay), 2) AS average_delay,
          max(delay) AS worst_delay, count(DISTINCT destination) AS destinations, sum(distance) AS total_distance
   FROM flights LEFT JOIN '${VEGA}/airports.csv' airports ON airports.iata = flights.origin
   GROUP BY ALL ORDER BY ALL`,
  `COPY metrics TO '${output}/airport_days.parquet' (FORMAT parquet, COMPRESSION zstd)`,
  `COPY metrics TO '${output}/airport_days.csv' (FORMAT csv)`,
];

/** @returns seconds */
async function bareDuckDb(): Promise<number> {
  const { DuckDBInstance } = await import('@duckdb/node-api');
  const output = mkdtempSync(join(tmpdir(), 'tauro-bare-'));
  const began = performance.now();
  const instance = await DuckDBInstance.create(':memory:', {
    memory_limit: '512MB',
    threads: '2',
    temp_directory: output,
  });
  const connection = await instance.connect();
  for (const statement of bareSql(output)) await connection.run(statement);
  connection.closeSync();
  instance.closeSync();
  const seconds = (performance.now() - began) / 1000;
  rmSync(output, { recursive: true, force: true });
  return seconds;
}
