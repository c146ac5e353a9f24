import { randomBytes } from 'node:crypto';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createConnection } from 'mongoose';
import { copyExampleData } from '../support/example-data.js';
import { ROOT } from '../support/server-process.js';
import { type Ended, runProgram } from '../support/shell.js';

describe('npm run demo -- --exit', () => {
  const database = `tauro_test_${randomBytes(5).toString('hex')}`;
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'tauro-demo-'));
    cpSync(join(ROOT, 'examples'), join(folder, 'examples'), { recursive: true });
    copyExampleData(folder);
  });
  afterAll(async () => {
    const connection = await createConnection(process.env.TEST_MONGODB_URL!, {
      dbName: database,
    }).asPromise();
    await connection.dropDatabase();
    await connection.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const demo = (env: Record<string, string> = {}): Promise<Ended> =>
    runProgram([process.execPath, join(ROOT, 'dist/apps/cli/src/main.js'), 'demo', '--exit'], '', {
      timeoutSeconds: 170,
      cwd: folder,
      env: {
        PATH: process.env.PATH,
        HOME: process.env.HOME,
        PORT: '0',
        PROMETHEUS_PORT: '0',
        MONGODB_URL: process.env.TEST_MONGODB_URL,
        REDIS_URL: process.env.TEST_REDIS_URL,
        MONGODB_DATABASE: database,
        QUEUE_PREFIX: database,
        ...env,
      },
    });

  it('sends real data through daily_etl, prints the rows and where to look, and ends with 0', async () => {
    const { code, stdout, stderr } = await demo();
    expect({ code, stdout, stderr }).toMatchObject({ code: 0 });
    expect(stdout).toContain('SUCCESS');
    // Rows of the result: a day, an airport, its name and its figures.
    expect(stdout).toMatch(/2001-\d\d-\d\d.*[A-Z]{3}.*\d/);
    expect(stdout).toMatch(/http:\/\/[\w.]+:\d+\/docs/);
    expect(stdout).toMatch(/\/api\/v1\/runs\/run_/);
    expect(stdout).toMatch(/\/metrics/);
  });

  it('uses the project it made before, also where clients need a key, and ends with 1 when the run fails', async () => {
    rmSync(join(folder, 'node_modules/vega-datasets/data/airports.csv'));
    const { code, stdout } = await demo({
      ENABLE_AUTH: 'true',
      SECRET_KEY: randomBytes(32).toString('base64'),
    });
    expect({ code, stdout }).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('from an earlier demo'),
    });
    expect(stdout).toContain('airports.csv');
    expect(stdout).toContain('UPSTREAM_FAILED');
  });
});
