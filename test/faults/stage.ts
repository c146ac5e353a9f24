import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildGraph, type PipelineDefinition } from '../../libs/domain/src/index.js';
import { type ServerProcess } from '../support/server-process.js';
import { Tauro } from '../support/tauro.js';
import { waitFor } from '../support/wait-for.js';
import { type Acknowledgement, type Execution, type History } from './history/history.js';
import { Random } from './random.js';
import { Recorder } from './recorder.js';
import { type FaultStores } from './stores.js';

/** What a scenario needs before it begins. */
export interface Setting {
  workers: number;
  /** Variables of every process; the defaults hold for what is not named. */
  env?: Record<string, string>;
  /**
   * Whether times are held against their bounds. Not in the short versions: they run beside other tests, and on
   * a machine without a free core a living worker may lose its lease, too.
   */
  timed?: boolean;
}

export interface NamedWorker {
  /** Its id begins with this and a dash. */
  name: string;
  process: ServerProcess;
}

/** One deployment on the suite's stores, with a recorder that sees everything it stores. */
export class Stage {
  readonly acknowledgements: Acknowledgement[] = [];
  readonly workers: NamedWorker[] = [];

  private constructor(
    readonly stores: FaultStores,
    readonly tauro: Tauro,
    readonly random: Random,
    private readonly recorder: Recorder,
  ) {}

  static async start(stores: FaultStores, seed: number, { workers, env = {} }: Setting): Promise<Stage> {
    // High, so that every run goes through admission but a fault hits many at once.
    const own = {
      MONGODB_URL: stores.mongodbUrl,
      REDIS_URL: stores.redisUrl,
      MAX_CONCURRENT_RUNS: '1000',
      ...env,
    };
    const tauro = await Tauro.start({ workers: 0, env: own });
    try {
      const recorder = await Recorder.start(stores.mongodbUrl, tauro.env.MONGODB_DATABASE!);
      const stage = new Stage(stores, tauro, new Random(seed), recorder);
      for (let i = 0; i < workers; i++) stage.addWorker();
      await waitFor(() => stage.workersSeen(), { what: `${workers} workers to register`, timeout: 240_000 });
      return stage;
    } catch (error) {
      await tauro.stop();
      throw error;
    }
  }

  /** Starts one more worker, and does not wait for it. */
  addWorker(env: Record<string, string> = {}): NamedWorker {
    const name = `w${this.workers.length}`;
    const worker = { name, process: this.tauro.spawnWorker({ WORKER_ID: name, ...env }) };
    this.workers.push(worker);
    return worker;
  }

  running(): NamedWorker[] {
    return this.workers.filter(({ process }) => process.running);
  }

  /** A random worker of those that have a task in hand, once there is one. */
  async busyWorker(): Promise<NamedWorker> {
    const tasks = this.tauro.database.collection('tasks');
    const busy = await waitFor(
      async () => {
        const ids = await tasks.distinct('engine.claim.worker_id', { state: 'RUNNING' });
        const holders = this.running().filter(({ name }) =>
          ids.some((id) => String(id).startsWith(`${name}-`)),
        );
        return holders.length > 0 && holders;
      },
      { what: 'a worker to have a task in hand' },
    );
    return this.random.pick(busy as NamedWorker[]);
  }

  /** Whether every worker that runs has registered. */
  async workersSeen(): Promise<boolean> {
    const pids = this.running().map(({ process }) => process.pid);
    const seen = await this.tauro.database.collection('workers').countDocuments({ pid: { $in: pids } });
    return seen === pids.length;
  }

  acknowledged(run_id: string, ...what: Acknowledgement['what'][]): void {
    for (const one of what) this.acknowledgements.push({ run_id, what: one, at: Date.now() });
  }

  /** Waits until nothing that was started is under way any more. @returns milliseconds that took. */
  async drained(timeout: number): Promise<number> {
    const began = performance.now();
    const runs = this.tauro.database.collection('pipeline_runs');
    const open = [{ state: { $in: ['QUEUED', 'RUNNING', 'PAUSED'] } }, { 'engine.advanced': false }];
    await waitFor(
      async () => {
        const left = await runs.find({ $or: open }).limit(3).toArray();
        if (left.length > 0) throw new Error(await this.described(left.map(({ _id }) => String(_id))));
        return true;
      },
      { what: 'every run to end', timeout },
    );
    return performance.now() - began;
  }

  /** What of these runs is not over, for whoever has to find out why. */
  private async described(ids: string[]): Promise<string> {
    const { database } = this.tauro;
    const of = (name: string, filter: object) => database.collection(name).find(filter).toArray();
    const runs = await of('pipeline_runs', { _id: { $in: ids } });
    const tasks = await of('tasks', { run_id: { $in: ids } });
    return runs
      .map(({ _id, state, engine }) => {
        const own = tasks.filter((task) => task.run_id === String(_id));
        const states = own.map((task) => `${task.node_id} ${task.state} ${JSON.stringify(task.engine)}`);
        return `${String(_id)} ${state} ${JSON.stringify(engine)}\n  ${states.join('\n  ')}`;
      })
      .join('\n');
  }

  /** Everything that has happened so far. */
  async history(): Promise<History> {
    await this.recorder.caughtUp();
    const versions = await this.tauro.database.collection('pipeline_versions').find().toArray();
    return {
      events: this.recorder.events,
      acknowledgements: this.acknowledgements,
      executions: this.ledger().filter((entry): entry is Execution => 'execution' in (entry as object)),
      graphs: new Map(
        versions.map(({ _id, definition }) => [String(_id), buildGraph(definition as PipelineDefinition)]),
      ),
    };
  }

  /** What handlers have written down. A line that its process could not finish does not count. */
  ledger(): unknown[] {
    const path = join(this.tauro.files, 'ledger.jsonl');
    if (!existsSync(path)) return [];
    const whole = readFileSync(path, 'utf8').split('\n').slice(0, -1);
    return whole.map((line): unknown => JSON.parse(line));
  }

  async stop(): Promise<void> {
    // One that was stopped cannot hear that it should end.
    for (const { process } of this.running()) process.signal('SIGCONT');
    await this.recorder.stop();
    await this.tauro.stop();
  }
}
