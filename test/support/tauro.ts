import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { type Db, MongoClient } from 'mongodb';
import { ApiClient } from './api-client.js';
import { copyExampleData } from './example-data.js';
import { ROOT, ServerProcess } from './server-process.js';
import { waitFor } from './wait-for.js';

/** Seconds on a free machine; this is for one that has much else to do. */
const BOOT_TIMEOUT = 120_000;
/** How much of each process's output a failure shows. */
const LOG_TAIL = 8000;

export interface TauroOptions {
  /** How many worker processes; one by default, 0 for an API alone. */
  workers?: number;
  /** Variables on top of the test's own: they win. */
  env?: Record<string, string>;
  /** Copies what the example pipelines read to where they look for it, so that they run as in a checkout. */
  exampleData?: boolean;
}

/** Where a Tauro is, and what it was started with. */
export interface Whereabouts {
  url: string;
  /** Where relative paths of file nodes start; the only folder they may touch. */
  files: string;
  /** What every process of it is started with. */
  env: Record<string, string>;
}

/** A Tauro that runs, as one sees it who did not start it. */
export class Running implements Whereabouts {
  readonly url: string;
  readonly files: string;
  readonly env: Record<string, string>;
  readonly api: ApiClient;
  /** A direct look at what is stored, for what no endpoint tells. */
  readonly database: Db;

  constructor({ url, files, env }: Whereabouts) {
    this.url = url;
    this.files = files;
    this.env = env;
    this.api = new ApiClient(url);
    // The driver alone: Mongoose would be loaded anew for every test file.
    this.database = new MongoClient(env.MONGODB_URL!).db(env.MONGODB_DATABASE);
  }
}

/**
 * A whole Tauro of real processes, as a user runs it: an API, its workers, a database of their own. For test files that
 * stop or count its processes, set its variables, or look at lists of everything; for all others there is `CommonTauro`.
 */
export class Tauro extends Running {
  readonly workers: ServerProcess[] = [];
  private server!: ServerProcess;

  static async start({ workers = 1, env = {}, exampleData }: TauroOptions = {}): Promise<Tauro> {
    const name = `tauro_test_${randomBytes(5).toString('hex')}`;
    const dataDir = mkdtempSync(join(tmpdir(), `${name}-`));
    const port = await freePort();
    const files = join(dataDir, 'files');
    mkdirSync(files);
    if (exampleData) copyExampleData(files);
    const variables = {
      HOST: '127.0.0.1',
      PORT: String(port),
      PROMETHEUS_PORT: '0',
      LOG_FORMAT: 'json',
      LOG_LEVEL: 'INFO',
      LOG_FILE: 'none',
      RATE_LIMIT_ENABLED: 'false',
      MONGODB_URL: process.env.TEST_MONGODB_URL!,
      MONGODB_DATABASE: name,
      REDIS_URL: process.env.TEST_REDIS_URL!,
      QUEUE_PREFIX: name,
      DATA_DIR: dataDir,
      ARTIFACTS_URL: join(dataDir, 'artifacts'),
      DATA_ROOTS: files,
      PIPELINES_PATH: join(ROOT, 'examples/pipelines'),
      HANDLERS_PATH: ['examples/handlers', 'test/support/handlers'].map((path) => join(ROOT, path)).join(','),
      ...env,
    };
    const tauro = new Tauro({ url: `http://127.0.0.1:${port}`, files, env: variables });
    try {
      tauro.startApi();
      for (let i = 0; i < workers; i++) tauro.spawnWorker();
      await tauro.ready();
      if (workers > 0) await tauro.workersSeen();
    } catch (error) {
      const logs = tauro.logs();
      await tauro.stop();
      throw new Error(`Tauro did not start\n${logs}`, { cause: error });
    }
    return tauro;
  }

  /** Starts the API process (again). */
  startApi(): void {
    this.server = new ServerProcess('api', 'apps/api/src/main.js', this.env, this.files);
  }

  apiProcess(): ServerProcess {
    return this.server;
  }

  ready(): Promise<unknown> {
    return waitFor(
      async () => {
        if (!this.server.running) throw new Error('the api process ended');
        return (await this.api.get('/health/ready')).status === 200;
      },
      { what: '/health/ready to answer 200', timeout: BOOT_TIMEOUT },
    );
  }

  /** Starts one more worker and returns once the API sees it. */
  async addWorker(env: Record<string, string> = {}): Promise<ServerProcess> {
    const worker = this.spawnWorker(env);
    await this.workersSeen();
    return worker;
  }

  /** Everything that the processes printed. */
  logs(): string {
    return [this.server, ...this.workers]
      .map((one) => `----- ${one.name} (pid ${one.pid}, ${one.ending}) -----\n${one.logs().slice(-LOG_TAIL)}`)
      .join('\n');
  }

  async stop(): Promise<void> {
    if ('someTestFailed' in globalThis) process.stderr.write(`${this.logs()}\n`);
    await Promise.all([this.server, ...this.workers].map((one) => one.stop()));
    await this.database.dropDatabase();
    await this.database.client.close();
    const redis = new Redis(this.env.REDIS_URL);
    for await (const keys of redis.scanStream({ match: `${this.env.QUEUE_PREFIX}*` })) {
      if ((keys as string[]).length > 0) await redis.unlink(...(keys as string[]));
    }
    redis.disconnect();
    rmSync(this.env.DATA_DIR, { recursive: true, force: true });
  }

  /** Starts one more worker, and returns at once. */
  spawnWorker(env: Record<string, string> = {}): ServerProcess {
    const name = `worker ${this.workers.length}`;
    const worker = new ServerProcess(name, 'apps/worker/src/main.js', { ...this.env, ...env }, this.files);
    this.workers.push(worker);
    return worker;
  }

  /** Waits until every worker that runs has registered, and the API says so too. */
  private async workersSeen(): Promise<void> {
    const pids = this.workers.filter((worker) => worker.running).map((worker) => worker.pid);
    const registered = this.database.collection('workers');
    await waitFor(
      async () => {
        const ended = this.workers.find((worker) => pids.includes(worker.pid) && !worker.running);
        if (ended) throw new Error(`${ended.name} ended while it should start`);
        const seen = await registered.countDocuments({ pid: { $in: pids } });
        return seen === pids.length && (await this.api.get('/health')).body.checks.workers === 'ok';
      },
      { what: `${pids.length} workers to register`, timeout: BOOT_TIMEOUT },
    );
  }
}

/** A TCP port that nobody used a moment ago. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await new Promise((done) => probe.once('listening', done));
  const { port } = probe.address() as AddressInfo;
  await new Promise((done) => probe.close(done));
  return port;
}
