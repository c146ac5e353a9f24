import { setTimeout as sleep } from 'node:timers/promises';
import { ApiClient } from '../../support/api-client.js';
import { ServerProcess } from '../../support/server-process.js';
import { freePort } from '../../support/tauro.js';
import { waitFor } from '../../support/wait-for.js';
import { reexecutions } from '../history/measures.js';
import { Load } from '../load.js';
import { QUICK, type Scenario, seconds, unless, unproven } from '../scenario.js';
import { type Setting, type Stage } from '../stage.js';

interface Params extends Setting {
  rounds: number;
  runs: number;
  clients: number;
  taskSeconds: number;
}

/** A second API beside the deployment's own, on a port that it keeps over restarts. */
class SecondApi {
  readonly client: ApiClient;
  private process: ServerProcess;

  private constructor(
    private readonly stage: Stage,
    private readonly port: number,
  ) {
    this.client = new ApiClient(`http://127.0.0.1:${port}`);
    this.process = this.spawn();
  }

  static async start(stage: Stage): Promise<SecondApi> {
    const api = new SecondApi(stage, await freePort());
    await api.ready();
    return api;
  }

  async restart(): Promise<void> {
    await this.stop();
    this.process = this.spawn();
    await this.ready();
  }

  stop(): Promise<void> {
    return this.process.stop();
  }

  private spawn(): ServerProcess {
    const { env, files } = this.stage.tauro;
    return new ServerProcess('api 2', 'apps/api/src/main.js', { ...env, PORT: String(this.port) }, files);
  }

  private ready(): Promise<unknown> {
    const answers = async () => (await this.client.get('/health/ready')).status === 200;
    return waitFor(answers, { what: 'the second API', timeout: 120_000 });
  }
}

/** Follows a run's log to its end through whichever API answers, each time from where it was. */
class Follower {
  readonly numbers: number[] = [];
  resumed = 0;

  constructor(
    private readonly apis: ApiClient[],
    readonly runId: string,
  ) {}

  async follow(): Promise<void> {
    const deadline = performance.now() + 300_000;
    for (let turn = 0; performance.now() < deadline; turn++) {
      const last = this.numbers.at(-1);
      const headers = last === undefined ? undefined : { 'last-event-id': String(last) };
      try {
        const path = `/api/v1/runs/${this.runId}/logs`;
        for await (const event of this.apis[turn % this.apis.length]!.events(path, headers)) {
          if (event.event === 'end') return;
          this.numbers.push(Number(event.id));
        }
      } catch {
        // That one is down; the next turn asks the other.
      }
      this.resumed++;
      await sleep(100);
    }
    throw new Error(`the log of ${this.runId} did not end`);
  }

  /** What is wrong with what the client saw, compared with how many lines there are. */
  faults(stored: number): string[] {
    const expected = Array.from({ length: stored }, (_, i) => i + 1);
    const same = expected.length === this.numbers.length && expected.every((n, i) => n === this.numbers[i]);
    return unless(same, `a client of ${this.runId} saw lines ${this.numbers.join(' ')} of ${stored}`);
  }
}

/** Every API and every worker is restarted in turn under load, as a deployment of a new version does. */
export const rollingRestart: Scenario<Params> = {
  name: 'rolling-restart',
  full: { workers: 2, rounds: 4, runs: 100, clients: 20, taskSeconds: 0.5 },
  short: { workers: 1, rounds: 1, runs: 4, clients: 4, taskSeconds: 0.3, env: QUICK },

  async perform(stage, { workers, rounds, runs, clients, taskSeconds }) {
    const load = await Load.prepare(stage, taskSeconds);
    const second = await SecondApi.start(stage);
    const followers: Follower[] = [];
    let following: Promise<unknown> = Promise.resolve();
    try {
      for (let round = 0; round < rounds; round++) {
        const started = await Promise.all(Array.from({ length: runs / rounds }, () => load.start()));
        const fresh = started
          .slice(0, clients / rounds)
          .map((id) => new Follower([stage.tauro.api, second.client], id));
        followers.push(...fresh);
        following = Promise.all([following, ...fresh.map((one) => one.follow())]);
        following.catch(() => undefined);

        await stage.tauro.apiProcess().stop();
        stage.tauro.startApi();
        await stage.tauro.ready();
        await second.restart();
        for (const { process } of stage.running().slice(0, workers)) {
          stage.addWorker();
          await waitFor(() => stage.workersSeen(), { what: 'the new worker', timeout: 120_000 });
          process.signal('SIGTERM');
          await process.exited;
        }
      }
      const drain = await stage.drained(240_000);
      await following;
      const lines = await linesByRun(stage);
      const failed = await stage.tauro.database
        .collection('pipeline_runs')
        .countDocuments({ state: { $in: ['FAILED', 'CANCELLED'] } });
      const resumed = followers.reduce((sum, one) => sum + one.resumed, 0);
      return {
        did: `${rounds} x restart of 2 APIs and ${workers} workers, one after the other`,
        measured: {
          'clients of logs': followers.length,
          'streams resumed': resumed,
          'runs failed': failed,
          're-executions': reexecutions(await stage.history()),
          drain: seconds(drain),
        },
        broken: [
          ...followers.flatMap((one) => one.faults(lines.get(one.runId) ?? 0)),
          ...unless(failed === 0, `${failed} runs failed`),
          ...unproven(followers.length > 0 && resumed > 0, 'no client had to resume'),
        ],
      };
    } finally {
      await second.stop();
    }
  },
};

async function linesByRun(stage: Stage): Promise<Map<string, number>> {
  const { events } = await stage.history();
  const lines = new Map<string, number>();
  for (const event of events) {
    if (event.kind === 'log') lines.set(event.run_id, (lines.get(event.run_id) ?? 0) + event.messages.length);
  }
  return lines;
}
