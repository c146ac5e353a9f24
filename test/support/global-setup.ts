import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type * as platform from '@tauro/platform';
import { createJiti } from 'jiti';
import type * as common from './common-tauro-server.js';

export type TestStores = Awaited<ReturnType<typeof platform.startStores>> & { dataDir: string };

/**
 * Brings up a real MongoDB and Redis for the end-to-end suites: those of TEST_MONGODB_URL and TEST_REDIS_URL
 * (or MONGODB_URL and REDIS_URL) when set, else own ones in a temporary folder, and the place where they ask for the
 * Tauro that they share. The test workers inherit the three addresses. Jest loads this file outside its module mapper, hence the built code.
 */
export default async function setup(): Promise<void> {
  const platformBuild = resolve(__dirname, '../../dist/libs/platform/src/index.js');
  if (!existsSync(platformBuild))
    throw new Error("dist/ is missing: run 'npm run build' first, or 'npm test'");
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- a path that exists only after the build
  const { loadEnv, startStores } = require(platformBuild) as typeof platform;

  const dataDir = mkdtempSync(join(tmpdir(), 'tauro-test-'));
  const before = { ...process.env };
  const { TEST_MONGODB_URL, TEST_REDIS_URL } = process.env;
  if (TEST_MONGODB_URL) process.env.MONGODB_URL = TEST_MONGODB_URL;
  if (TEST_REDIS_URL) process.env.REDIS_URL = TEST_REDIS_URL;
  process.env.DATA_DIR = dataDir;
  const env = loadEnv([]);
  process.env = before;

  const stores = await startStores(env, { log: (line) => void process.stderr.write(`stores: ${line}\n`) });
  process.env.TEST_MONGODB_URL = stores.mongodbUrl;
  process.env.TEST_REDIS_URL = stores.redisUrl;
  // Jest transforms this file alone.
  const { CommonTauroServer } =
    await createJiti(__filename).import<typeof common>('./common-tauro-server.ts');
  const commonTauro = new CommonTauroServer();
  process.env.TEST_COMMON_TAURO_URL = await commonTauro.listen();
  const stop = async (): Promise<void> => {
    await commonTauro.stop();
    await stores.stop();
    rmSync(dataDir, { recursive: true, force: true });
  };
  Object.assign(globalThis, { tauroTestStores: { ...stores, stop, dataDir } satisfies TestStores });
}
