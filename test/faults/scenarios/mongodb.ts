import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer } from '../../support/api-client.js';
import { givenUp, reexecutions } from '../history/measures.js';
import { Load } from '../load.js';
import { QUICK, type Scenario, seconds, unproven } from '../scenario.js';
import { type Setting, type Stage } from '../stage.js';

interface Params extends Setting {
  runEveryMs: number;
  crashes: number;
  everyMs: [low: number, high: number];
  taskSeconds: number;
}

/** Asks the API over and over, and judges every answer: what was asked for, or a 503 as it is promised. */
class Prober {
  answers = 0;
  refusals = 0;
  readonly faults = new Set<string>();
  private on = true;
  private readonly probing: Promise<void>;

  constructor(private readonly stage: Stage) {
    this.probing = this.probe();
  }

  async stop(): Promise<void> {
    this.on = false;
    await this.probing;
  }

  private async probe(): Promise<void> {
    while (this.on) {
      const path = '/api/v1/runs?limit=1';
      try {
        this.judge(await this.stage.tauro.api.get(path));
      } catch (error) {
        this.faults.add(`no answer to GET ${path}: ${(error as Error).message}`);
      }
      await sleep(100);
    }
  }

  private judge({ status, headers, body }: Answer): void {
    this.answers++;
    if (status === 200) return;
    this.refusals++;
    const asPromised =
      status === 503 &&
      body?.error?.code === 'SERVICE_UNAVAILABLE' &&
      Number(headers.get('retry-after')) > 0 &&
      typeof body?.meta?.request_id === 'string';
    if (!asPromised) this.faults.add(`answered ${status} ${JSON.stringify(body)}`);
  }
}

/** MongoDB dies again and again: what it has not journalled is lost, what the API said yes to is not. */
export const mongodb: Scenario<Params> = {
  name: 'mongodb',
  full: { workers: 2, runEveryMs: 1500, crashes: 20, everyMs: [5000, 10_000], taskSeconds: 0.3 },
  short: { workers: 2, runEveryMs: 700, crashes: 1, everyMs: [1000, 2000], taskSeconds: 0.3, env: QUICK },

  async perform(stage, { runEveryMs, crashes, everyMs, taskSeconds }) {
    const load = await Load.prepare(stage, taskSeconds);
    const prober = new Prober(stage);
    const enough = load.flow(runEveryMs);
    let away = 0;
    for (let i = 0; i < crashes; i++) {
      await sleep(stage.random.between(...everyMs));
      await stage.busyWorker();
      away = Math.max(away, await stage.stores.crash('mongod'));
    }
    await enough();
    const drain = await stage.drained(240_000);
    await prober.stop();
    const history = await stage.history();
    return {
      did: `${crashes} x kill -9 and restart of MongoDB`,
      measured: {
        'longest outage': seconds(away),
        '503 answers': `${prober.refusals} of ${prober.answers}, and ${load.refusals.length} to POST`,
        'claims lost': givenUp(history),
        're-executions': reexecutions(history),
        drain: seconds(drain),
      },
      broken: [
        ...prober.faults,
        ...new Set(
          load.refusals
            .filter(({ status, code }) => status !== 503 || code !== 'SERVICE_UNAVAILABLE')
            .map(({ status, code }) => `POST /runs was answered ${status} ${code}`),
        ),
        ...unproven(prober.refusals > 0, 'the API never noticed that MongoDB was away'),
      ],
    };
  },
};
