import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import type * as platform from '../libs/platform/src/index.js';
import { measureApi } from './api.js';
import { measureBoot } from './boot.js';
import { measureChains } from './chain.js';
import { measureLargeFiles, measurePostgresql } from './connectors.js';
import { measureCosts } from './costs.js';
import { measureDailyEtl } from './daily-etl.js';
import { type Figure, reached, table } from './figure.js';
import { measureLatency, measureScaling } from './latency.js';
import { measureRequestRate } from './request-rate.js';
import { measureBackfill, measureSchedules } from './schedules.js';
import { measureShapes } from './shapes.js';
import { measureThroughput } from './throughput.js';

const MEASURES: Record<string, () => Promise<Figure[]>> = {
  boot: measureBoot,
  etl: measureDailyEtl,
  requests: measureRequestRate,
  chains: measureChains,
  throughput: measureThroughput,
  shapes: measureShapes,
  costs: measureCosts,
  latency: measureLatency,
  scaling: measureScaling,
  schedules: measureSchedules,
  backfill: measureBackfill,
  api: measureApi,
  postgresql: measurePostgresql,
  large: measureLargeFiles,
};

/** `npm run bench` measures everything; `npm run bench -- boot etl` only what is named. */
async function main(names: string[]): Promise<void> {
  const unknown = names.filter((name) => !(name in MEASURES));
  if (unknown.length > 0)
    throw new Error(`no measure '${unknown[0]}'; there are ${Object.keys(MEASURES).join(', ')}`);
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- a path that exists only after the build
  const { loadEnv, startStores } = require('../dist/libs/platform/src/index.js') as typeof platform;
  const dataDir = mkdtempSync(join(tmpdir(), 'tauro-bench-'));
  process.env.DATA_DIR = dataDir;
  const stores = await startStores(loadEnv([]), { log: (line) => console.error(line) });
  Object.assign(process.env, { TEST_MONGODB_URL: stores.mongodbUrl, TEST_REDIS_URL: stores.redisUrl });
  const figures: Figure[] = [];
  try {
    for (const [name, measure] of Object.entries(MEASURES)) {
      if (names.length > 0 && !names.includes(name)) continue;
      console.error(`measuring ${name} ...`);
      figures.push(...(await measure()));
    }
  } finally {
    await stores.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
  const machine = `Node ${process.version} on ${cpus().length} x ${cpus()[0]?.model.trim()}`;
  console.log(`\n${machine}\n\n${table(figures)}\n\n${JSON.stringify({ machine, figures })}`);
  if (!figures.every(reached)) process.exitCode = 1;
}

main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
